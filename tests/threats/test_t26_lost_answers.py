"""Three in ten answers are lost, and as many messages: both sides come to the same end, and nothing stays."""

from __future__ import annotations

import random

import anyio
import pytest

from tests.services.spaces import count, space
from trustspace.core.contract import Contract, State
from trustspace.testing.network import LOST, UNACKNOWLEDGED, Fault

pytestmark = pytest.mark.anyio
RUNS = 40


@pytest.mark.parametrize("fault", [UNACKNOWLEDGED, LOST], ids=["answers", "messages"])
async def test_both_sides_come_to_the_same_end(fault: Fault) -> None:
    chance = random.Random(26)
    async with space() as s:
        assert (await s.both(await s.negotiation("control")))[0].state is State.FINALIZED, "the control"
        _, found, provider = await s.planner.operations.offer(s.product.code)
        s.world.network.faults = lambda _, __, url: fault if "/dsp/" in url and chance.random() < 0.3 else None
        begun: list[str] = []

        async def one(number: int) -> None:
            negotiation = await s.planner.engine.negotiations.request(
                found, provider.participant, s.bus.engine.base, key=f"{number}"
            )
            begun.append(negotiation.key)

        async with anyio.create_task_group() as group:
            for number in range(RUNS):
                group.start_soon(one, number)
        await s.world.quiet(30)
        for pid in begun:
            mine, theirs = await s.both(pid)
            assert mine.state is theirs.state is State.FINALIZED
        assert await count(s.planner, Contract) == await count(s.bus, Contract) == RUNS + 1
