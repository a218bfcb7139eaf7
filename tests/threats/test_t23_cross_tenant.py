"""A registered stranger reaches for everything of others that has a name: refused, and nothing of theirs changes."""

from __future__ import annotations

import pytest

from tests.services.spaces import Space, said, space, stored
from tests.threats.attacks import send
from trustspace.core.canon import canonical
from trustspace.core.contract import Contract, Status
from trustspace.core.usage import Use
from trustspace.node.seal import Seal
from trustspace.ports import Answer
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
