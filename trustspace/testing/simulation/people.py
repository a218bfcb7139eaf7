"""Who works at the nodes: a consumer wants data, a provider decides, both change their mind, an auditor looks.

Each person is a program that may be run again from its beginning: its node dies under it. What it asks for has a key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from trustspace.core.canon import canonical, digest
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Negotiation, Offer, Role, State, Status
from trustspace.core.errors import Conflict, IllegalTransition, TrustspaceError, Unavailable
from trustspace.core.policy import Policy, offer, to_odrl, use
from trustspace.core.transfer import Transfer
from trustspace.core.usage import REFUSED
from trustspace.node import views as v
from trustspace.ports import Tx
from trustspace.protocols import dsp
from trustspace.services.usage import use_key
from trustspace.testing.registry import START

if TYPE_CHECKING:
    from trustspace.testing.simulation.nodes import Life, Node

T = TypeVar("T")
PURPOSE: Final = "trip-planning"
PATIENCE: Final = 30
"""How often a person tries again."""
PAUSE: Final = 2.0
LOOK: Final = 20.0
"""Seconds between two looks of the auditor."""
MANY: Final = 10_000


@dataclass(slots=True)
class Deal:
    """One negotiation and what follows from it, with when who changes their mind (seconds, None: never).

    `count` uses are agreed and `wanted` ones asked for; a `manual` product waits for its provider's person, who may
    `counter` with one use less, which the consumer's person `accepts` or not.
    """

    name: str
    consumer: Node
    provider: Node
    count: int
    wanted: int
    manual: bool
    counter: bool
    accepts: bool
    minds: dict[str, float | None]
    done: set[str] = field(default_factory=set)

    @classmethod
    def draw(cls, number: int, nodes: list[Node], dice: Random) -> Deal:
        """One between two of the nodes."""
        consumer, provider = dice.sample(nodes, 2)
        manual = dice.random() < 0.3
        names = (
            "consumer refuses",
            "provider refuses",
            "consumer ends",
            "provider ends",
            "consumer closes",
            "provider closes",
        )
        likely = (0.2, 0.2, 0.3, 0.3, 0.2, 0.2)
        minds = {
            name: _when(dice, odds, 4.0 if "refuses" in name else 30.0)
            for name, odds in zip(names, likely, strict=True)
        }
        count = dice.randint(1, 2)
        return cls(
            f"deal-{number}",
            consumer,
            provider,
            count,
            count + dice.randint(0, 1),
            manual,
            dice.random() < 0.5,
            dice.random() < 0.7,
            minds,
        )

    @property
    def data(self) -> bytes:
        """The bytes of the product."""
        return f"{self.name}: stop,time\n".encode() * 12

    @property
    def product(self) -> Published:
        """The product as its provider has published it."""
        name = digest(self.data)
        return Published(
            key=f"urn:uuid:{self.name}",
            offer=f"urn:uuid:offer-of-{self.name}",
            policy=canonical(to_odrl(terms(self.count))).decode(),
            title=self.name,
            manual=self.manual,
            state="listed",
            reference=name,
            name="feed.csv",
            digest=name,
            size=len(self.data),
            media_type="text/csv",
            created=START,
            changed=START,
        )


def _when(dice: Random, odds: float, most: float) -> float | None:
    moment, likely = round(dice.uniform(0, most), 6), dice.random() < odds
    return moment if likely else None


def terms(count: int) -> Policy:
    """So many uses for one purpose."""
    return offer(use(purpose=PURPOSE, count=count))


def limit_of(contract: Contract) -> int:
    """How many uses a contract allows."""
    [rule] = to_odrl(contract.agreed.policy)["permission"]
    [count] = [one["rightOperand"] for one in rule["constraint"] if one["leftOperand"].endswith("count")]
    return int(count)


async def persist(do: Callable[[], Awaitable[T]]) -> T | None:
    """Do it, again where it did not work for now; None where it was refused, or patience ran out."""
    for _ in range(PATIENCE):
        try:
            return await do()
        except (Conflict, Unavailable):
            await asyncio.sleep(PAUSE)
        except TrustspaceError:
            return None
    return None


class Person:
    """One side's person for one deal, in one life of the node."""

    def __init__(self, life: Life, deal: Deal, role: Role) -> None:
        self._life, self._deal, self._role = life, deal, role
        self._engine, self._do = life.engine, life.operations

    async def work(self) -> None:
        """Do everything, beside changing one's mind."""
        for what in ("refuses", "ends", "closes"):
            moment = self._deal.minds[f"{self._role} {what}"]
            if moment is not None:
                self._life.spawn(self._changes_mind(what, moment))
        if self._role is Role.PROVIDER:
            await self._decide()
        await self._buy()
        self._deal.done.add(str(self._role))

    # --- the consumer ---------------------------------------------------------------------------------------------

    async def _buy(self) -> None:
        negotiation = await persist(self._ask)
        if negotiation is None:
            return
        ended = await self._ended(negotiation.key)
        if ended.state is State.FINALIZED and ended.agreed:
            for number in range(self._deal.wanted):
                await self._use(ended.agreed.id, f"use-{number}")

    async def _ask(self) -> Negotiation:
        deal = self._deal
        wanted = Offer(id=deal.product.offer, target=deal.product.key, policy=terms(deal.count))
        base = deal.provider.root + dsp.BASE
        return await self._engine.negotiations.request(wanted, deal.provider.did, base, title=deal.name, key=deal.name)

    async def _use(self, contract: str, name: str) -> None:
        request = v.UseRequest(purpose=PURPOSE, key=name)
        asked = await persist(lambda: self._do.use(contract, request))
        if asked is not None and asked.state != REFUSED:
            place = self._engine.folder.files / asked.digest
            place.unlink(missing_ok=True)  # every use brings the bytes anew
            await persist(lambda: self._do.fetch(use_key(contract, name)))

    # --- the provider ---------------------------------------------------------------------------------------------

    async def _decide(self) -> NoReturn:
        """Decide what waits for a person, also what comes late; a request may never come."""
        while True:
            for waiting in [one for one in await self._all() if one.todo == "decide" and self._deal.manual]:
                await persist(partial(self._answer, waiting.key))
            if self._life.space.over(self._deal):
                self._deal.done.add(str(self._role))
            await asyncio.sleep(PAUSE)

    async def _answer(self, pid: str) -> None:
        mine = await self._engine.negotiations.get(pid)
        if self._deal.counter and mine.offer and mine.offer.policy.digest == terms(self._deal.count).digest:
            await self._engine.negotiations.counter(pid, terms(1 + self._deal.count))
        else:
            await self._engine.negotiations.approve(pid)

    # --- both -----------------------------------------------------------------------------------------------------

    async def _ended(self, pid: str) -> Negotiation:
        """The negotiation at its end, or where its other side has forgotten it; the consumer decides if it has to."""
        while True:
            mine = await self._engine.negotiations.get(pid)
            if mine.ended or self._life.space.watch.excused(mine):
                return mine
            if mine.todo == "decide":
                await persist(lambda: self._judge(pid))
            await asyncio.sleep(PAUSE)

    async def _judge(self, pid: str) -> None:
        if self._deal.accepts:
            await self._engine.negotiations.approve(pid)
        else:
            await self._engine.negotiations.refuse(pid, "not those terms")

    async def _changes_mind(self, what: str, moment: float) -> None:
        await asyncio.sleep(moment)
        for _ in range(PATIENCE):
            try:
                if await getattr(self, f"_{what}")():
                    return
            except IllegalTransition:
                return
            except TrustspaceError:  # something of ours is on its way, or the disk is full: once more
                pass
            await asyncio.sleep(PAUSE / 10)

    async def _refuses(self) -> bool:
        """End the negotiation, wherever it is."""
        mine = await self._mine()
        if mine is not None and not mine.ended:
            await self._engine.negotiations.refuse(mine.key, f"the {self._role} changed its mind")
        return mine is not None

    async def _ends(self) -> bool:
        """End the contract."""
        contract = await self._contract()
        if contract is not None and contract.status is Status.ACTIVE:
            await self._do.end(contract.key, v.DecisionRequest(reason=f"the {self._role} has had enough"))
        return contract is not None

    async def _closes(self) -> bool:
        """End the newest transfer."""
        contract = await self._contract()
        if contract is None:
            return False
        found = await self._engine.store.read(lambda tx: tx.find(Transfer, limit=MANY, agreement=contract.key))
        for transfer in found[-1:]:
            await self._engine.transfers.terminate(transfer.key, f"the {self._role} closes it")
        return bool(found)

    async def _mine(self) -> Negotiation | None:
        """The deal's newest negotiation, as this side has it."""
        return next(iter((await self._all())[-1:]), None)

    async def _all(self) -> list[Negotiation]:
        """All of them: a consumer that forgets asks twice."""
        target, role = self._deal.product.key, self._role

        def body(tx: Tx) -> list[Negotiation]:
            found = tx.find(Negotiation, limit=MANY)
            return [one for one in found if one.role is role and one.offer and one.offer.target == target]

        return await self._engine.store.read(body)

    async def _contract(self) -> Contract | None:
        target = self._deal.product.key
        found = await self._engine.store.read(lambda tx: tx.find(Contract, limit=1, target=target))
        return found[0] if found else None


async def audit(life: Life) -> None:
    """Look at the logs of those one has contracts with, again and again."""
    while True:
        await asyncio.sleep(LOOK)
        await persist_once(life.operations.check_logs)


async def persist_once(do: Callable[[], Awaitable[object]]) -> bool:
    """Whether it could be done now."""
    try:
        await do()
    except TrustspaceError:
        return False
    return True
