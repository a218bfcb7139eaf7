"""A contract opens transfers for its own pair, while it stands, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.services.spaces import Space, said, space, stored
from tests.threats.attacks import send
from trustspace.core.contract import Contract, State
from trustspace.core.transfer import TransferRequest
from trustspace.node import views as v
from trustspace.ports import Answer
from trustspace.protocols import dsp
from trustspace.services.transfer import PULL
from trustspace.testing.world import Node

pytestmark = pytest.mark.anyio


async def request(s: Space, agreement: str, sender: Node, pid: str) -> Answer:
    body = dsp.encode(TransferRequest(f"urn:uuid:{pid}", agreement, PULL, sender.engine.base))
    return await send(s, f"{s.bus.engine.base}/transfers/request", body, sender.engine.seal)


async def test_only_its_own_consumer_opens_transfers_and_only_while_it_stands() -> None:
    async with space() as s:
        contract = await s.contract()
        stranger = await s.world.connector("stranger")
        assert (await request(s, contract.key, s.planner, "a")).status == 201, "the control"
        assert (await request(s, contract.key, stranger, "b")).status == 404
        assert (await request(s, "urn:uuid:unknown", s.planner, "c")).status == 404
        assert (await request(s, contract.negotiation, s.planner, "d")).status == 404
        await s.bus.call("end", contract.key, request=v.DecisionRequest(reason="over"))
        assert (await request(s, contract.key, s.planner, "e")).status == 403
        await s.world.network.settle()


async def test_a_contract_whose_time_is_over_opens_nothing_and_an_offer_is_not_agreed_to_any_more() -> None:
    async with space() as s:
        contract = await s.contract()
        assert (await request(s, contract.key, s.planner, "a")).status == 201, "the control"
        await s.world.quiet()
        # a minute after the first instant of the 31st at +08:00: by nobody's clock is it earlier than that
        s.world.clock.time = datetime(2027, 12, 30, 16, 1, tzinfo=UTC)
        answer = await request(s, contract.key, s.planner, "b")
        assert answer.status == 403
        assert "allows no use since 2027-12-31T00:00:00+08:00" in said(answer)["reason"][0]
        mine, theirs = await s.both(await s.negotiation("late"))
        assert mine.state is theirs.state is State.TERMINATED
        assert mine.reasons == ("the offer ended at 2027-12-31T00:00:00+08:00",)


async def test_a_provider_does_not_pull_under_its_own_contract() -> None:
    async with space() as s:
        contract = await s.contract()
        record = await stored(s.planner, Contract, contract.key)
        assert record.peer == s.bus.did
        begun = await s.bus.engine.transfers.request(await stored(s.bus, Contract, contract.key), s.planner.engine.base)
        await s.world.quiet()
        assert "no such agreement" in (await s.bus.engine.transfers.get(begun.key)).reasons[0]
