"""Messages come late, twice and in another order: the run ends as it would have, and what is old moves nothing."""

from __future__ import annotations

import random

import pytest

from tests.services.spaces import count, space
from trustspace.core.contract import Contract, State
from trustspace.core.transfer import State as TransferState
from trustspace.testing.network import Fault

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("seed", range(6))
async def test_a_run_with_delays_and_doubles_ends_the_same(seed: int) -> None:
    chance = random.Random(seed)

    def faults(_: int, method: str, url: str) -> Fault | None:
        if method != "POST" or "/dsp/" not in url:
            return None
        late = chance.choice([0.0, 0.0, 1.0, 5.0, 11.0])  # over ten seconds: the sender has given up waiting
        return Fault(delay=late, times=chance.choice([1, 1, 2]), answered=chance.random() < 0.8)

    async with space() as s:
        s.world.network.faults = faults
        contract = await s.contract()
        transfer = await s.transfer(contract)
        await s.planner.engine.transfers.complete(transfer.key)
        mine, theirs = await s.both(contract.negotiation)
        assert mine.state is theirs.state is State.FINALIZED
        assert (await s.bus.engine.transfers.get(transfer.peer_pid)).state is TransferState.COMPLETED
        assert await count(s.bus, Contract) == await count(s.planner, Contract) == 1


async def test_a_finalisation_before_the_verification_is_answered_waits_for_nothing() -> None:
    """The provider's next message overtakes the answer to ours, and is itself the acknowledgement."""
    async with space() as s:
        s.world.network.faults = lambda _, __, url: Fault(answered=False) if url.endswith("/verification") else None
        mine = await s.planner.engine.negotiations.get(await s.negotiation())
        assert mine.state is State.FINALIZED
        s.world.network.faults = None
        await s.both(mine.key)
