"""A registered stranger reaches for everything of others that has a name: refused, and nothing of theirs changes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.services.spaces import Space, bearer, said, space, stored
from tests.threats.attacks import send
from trustspace.core.canon import canonical
from trustspace.core.contract import Contract, Negotiation, Status
from trustspace.core.transfer import Transfer
from trustspace.core.usage import Use
from trustspace.node import beside, dataplane
from trustspace.node.beside import GROWTH, HINT
from trustspace.node.seal import Seal
from trustspace.ports import Answer, Tx
from trustspace.protocols import dsp
from trustspace.services.ending import ENDINGS
from trustspace.services.usage import DELIVERIES, DENIALS

pytestmark = pytest.mark.anyio


async def state_it(s: Space, path: str, kind: str, payload: dict[str, object], seal: Seal) -> Answer:
    """Bring the bus company a signed statement."""
    body = canonical({"statement": seal.statement(kind, canonical(payload))})
    return await send(s, s.bus.settings.public_url + path, body, seal)


async def test_statements_count_from_the_counterparty_only() -> None:
    async with space() as s:
        contract = await s.contract()
        use = said(await s.ask(await s.transfer(contract), "monday"))["use"]
        stranger = (await s.world.connector("stranger")).engine.seal
        before = await stored(s.bus, Use, use)
        receipt: dict[str, object] = {"use": use, "agreement": contract.key, "digest": before.digest}
        receipt["size"] = before.size
        end: dict[str, object] = {"kind": "ended", "agreement": contract.key, "reason": "because"}
        denial: dict[str, object] = {"agreement": contract.key, "use": "x", "time": "2026-11-24T08:00:00Z"}
        attacks = ((DELIVERIES, "delivery", receipt), (ENDINGS, "end", end), (DENIALS, "denial", denial))
        for path, kind, payload in attacks:
            assert (await state_it(s, path, kind, payload, stranger)).status == 404, path
        stolen = canonical({"statement": s.planner.engine.seal.statement("end", canonical(end))})
        assert (await send(s, s.bus.settings.public_url + ENDINGS, stolen, stranger)).status == 400, "not his signature"
        assert await stored(s.bus, Use, use) == before
        assert (await stored(s.bus, Contract, contract.key)).status is Status.ACTIVE
        assert (await state_it(s, DELIVERIES, "delivery", receipt, s.planner.engine.seal)).status == 200, "the control"
        assert (await state_it(s, ENDINGS, "end", end, s.planner.engine.seal)).status == 200, "the control"
        await s.world.quiet()


async def test_the_token_of_one_transfer_opens_no_other() -> None:
    async with space() as s:
        mine = await s.transfer(await s.contract())
        other = await s.world.connector("other")
        _, offer, provider = await other.operations.offer(s.product.code)
        begun = await other.engine.negotiations.request(offer, provider.participant, s.bus.engine.base)
        await s.world.quiet()
        agreed = (await other.engine.negotiations.get(begun.key)).agreed
        assert agreed is not None
        their = await other.engine.transfers.request(await stored(other, Contract, agreed.id), s.bus.engine.base)
        await s.world.quiet()
        address = (await other.engine.transfers.get(their.key)).address
        assert address is not None
        stolen = address.get("authorization").removeprefix("Bearer ")
        assert (await s.ask(mine, "monday", token=stolen)).status == 404
        assert (await s.ask(mine, "monday")).status == 201, "the control"


async def test_every_route_asks_who_calls_and_a_stranger_changes_nothing() -> None:
    async with space() as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        stranger = (await s.world.connector("stranger")).engine.seal
        kinds = (Contract, Negotiation, Transfer, Use)
        before = [await s.bus.store.read(partial(everything, kind=kind)) for kind in kinds]
        names = {"pid": transfer.peer_pid, "transfer": transfer.peer_pid, "use": "monday", "id": s.product.product}
        routes = [*dataplane.routes(s.bus.engine), *beside.routes(s.bus.engine)]
        table = [(row.method, s.bus.engine.base + row.path) for row in dsp.ENDPOINTS]
        table += [(method, s.bus.settings.public_url + one.path) for one in routes for method in one.methods or ()]
        for method, template in table:
            url = template.format(**names)
            if method == "HEAD" or url.endswith(HINT):  # a hint is taken from anybody, and says nothing
                continue
            peer = s.world.network.peer()
            assert (await peer.request(method, url, body=b"{}")).status == 401, (method, url)
            token = stranger.token(s.bus.did, method, url.removeprefix(s.bus.settings.public_url), b"{}")
            answer = await peer.request(method, url, body=b"{}", headers=bearer(token))
            assert 400 <= answer.status < 500 or "/catalog/" in url or url.endswith(GROWTH), (method, url)
        assert [await s.bus.store.read(partial(everything, kind=kind)) for kind in kinds] == before


def everything(tx: Tx, *, kind: type[Any]) -> list[Any]:
    return tx.find(kind, limit=1000)
