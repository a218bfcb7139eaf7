"""A provider, a consumer and a product between them, as most tests here begin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from trustspace.core.canon import JsonObject, canonical, loads_object
from trustspace.core.contract import Contract, Negotiation
from trustspace.core.policy import Policy, offer, use
from trustspace.core.transfer import Transfer
from trustspace.node import views as v
from trustspace.ports import Answer
from trustspace.testing.cheats import Cheat
from trustspace.testing.world import Node, World

TERMS = offer(use(purpose="trip-planning", count=10, until="2027-12-31"), delete_after="P30D")
DATA = b"stop,time\n" * 100


@dataclass(slots=True)
class Space:
    """A world with a bus company that offers a product, and a planner."""

    world: World
    bus: Node
    planner: Node
    product: v.ProductView
    tricks: Cheat
    """The provider's alterations of its own messages."""
    ruses: Cheat
    """The consumer's."""

    async def negotiation(self, key: str = "one", *, wait: float = 2.0, policy: JsonObject | None = None) -> str:
        """Negotiate, until it has ended or a person has to decide; the consumer's pid."""
        request = v.NegotiateRequest(code=self.product.code, key=key, wait=wait, policy=policy)
        view = await self.planner.call("negotiate", request=request)
        return str(view.negotiation)

    async def both(self, pid: str) -> tuple[Negotiation, Negotiation]:
        """A negotiation as the consumer and as the provider have it, once nobody moves any more."""
        await self.world.quiet()
        mine = await self.planner.engine.negotiations.get(pid)
        return mine, await self.bus.engine.negotiations.get(mine.peer_pid)

    async def contract(self, key: str = "one") -> Contract:
        """A contract, as the consumer has it."""
        mine, _ = await self.both(await self.negotiation(key))
        found = await stored(self.planner, Contract, mine.agreed.id if mine.agreed else "")
        assert isinstance(found, Contract), mine
        return found

    async def transfer(self, contract: Contract, key: str = "") -> Transfer:
        """A running transfer, as the consumer has it."""
        view = await self.planner.call("transfer", contract.key, request=v.TransferRequestView(key=key, wait=5.0))
        await self.world.quiet()
        return await self.planner.engine.transfers.get(view.transfer)

    async def ask(self, transfer: Transfer, name: str, purpose: str = "trip-planning", **more: Any) -> Answer:
        """Ask the provider for a use with the transfer's token, by hand."""
        assert transfer.address is not None
        token = more.pop("token", None) or transfer.address.get("authorization").removeprefix("Bearer ")
        body = canonical({"use": name, "purpose": purpose, **more})
        url = f"{transfer.address.endpoint}/uses"
        return await self.world.network.peer().request("POST", url, body=body, headers=bearer(token))


@asynccontextmanager
async def space(
    policy: Policy = TERMS,
    *,
    approval: str = "automatic",
    bus: Sequence[JsonObject] = (),
    planner: Sequence[JsonObject] = (),
    **options: Any,
) -> AsyncIterator[Space]:
    """A space; `bus` and `planner` are the rules of the two."""
    async with World.open(**options) as world:
        tricks, ruses = Cheat(), Cheat()
        one = await world.connector("bus", codec=tricks, rules=bus)
        two = await world.connector("planner", codec=ruses, rules=planner)
        tricks.seal, ruses.seal = one.engine.seal, two.engine.seal
        product = await world.publish(one, DATA, policy, approval=approval)
        yield Space(world, one, two, product, tricks, ruses)
        await world.network.settle()
        assert world.network.crashes == [], "an application raised something that is no answer"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def said(answer: Answer) -> JsonObject:
    return loads_object(answer.body)


async def stored(node: Node, kind: type[Any], key: str) -> Any:
    return await node.store.read(lambda tx: tx.get(kind, key))


async def count(node: Node, kind: type[Any]) -> int:
    return await node.store.read(lambda tx: tx.count(kind))


async def log_kinds(node: Node, subject: str) -> list[str]:
    """The kinds of the leaves about a subject, in order."""
    found = await node.store.read(lambda tx: tx.entries(subject))
    return [str(loads_object(entry.body)["kind"]) for entry in found]
