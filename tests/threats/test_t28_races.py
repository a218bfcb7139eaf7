"""Both sides act at the same moment: whatever wins, both have the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import anyio
import pytest

from tests.services.spaces import count, log_kinds, space
from tests.threats.attacks import send
from trustspace.core.contract import Contract, ContractTermination, State
from trustspace.core.errors import TrustspaceError
from trustspace.ports import Answer
from trustspace.protocols import dsp

pytestmark = pytest.mark.anyio
ROUNDS = 20


async def attempt(act: Callable[[], Awaitable[object]]) -> None:
    with suppress(TrustspaceError):
        await act()


async def test_who_approves_while_the_other_refuses_comes_to_the_same_end() -> None:
    async with space(approval="manual") as s:
        ends = []
        bus, planner = s.bus.engine.negotiations, s.planner.engine.negotiations
        for number in range(ROUNDS):
            pid = await s.negotiation(f"{number}", wait=0.0)
            _, theirs = await s.both(pid)
            acts = [partial(bus.approve, theirs.key), partial(planner.refuse, pid, "no longer")]
            async with anyio.create_task_group() as group:
                for act in acts[:: 1 if number % 2 else -1]:
                    group.start_soon(attempt, act)
            mine, theirs = await s.both(pid)
            assert mine.state == theirs.state
            assert mine.reasons == theirs.reasons
            ends.append(mine.state)
        finalized = ends.count(State.FINALIZED)
        assert await count(s.bus, Contract) == await count(s.planner, Contract) == finalized
        assert len(ends) == finalized + ends.count(State.TERMINATED) == ROUNDS


async def test_a_product_approved_ten_times_at_once_is_one_contract() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(attempt, lambda: s.bus.engine.negotiations.approve(theirs.key))
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED
        assert await count(s.bus, Contract) == await count(s.planner, Contract) == 1


async def test_sixty_four_messages_at_once_for_one_process_keep_one_history() -> None:
    """Half accept, half end it: one of them wins, whoever comes after it is told the state as it is."""
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        url = f"{s.bus.engine.base}/negotiations/{theirs.key}/termination"
        messages = [dsp.encode(ContractTermination(pid, theirs.key, "", (f"reason {number}",))) for number in range(64)]
        answers: list[Answer] = []

        async def tell(body: bytes) -> None:
            answers.append(await send(s, url, body))

        async with anyio.create_task_group() as group:
            for body in messages:
                group.start_soon(tell, body)
            group.start_soon(attempt, lambda: s.bus.engine.negotiations.approve(theirs.key))
        taken = [one for one in answers if one.status == 200]
        assert len(taken) <= 1
        assert {one.status for one in answers} <= {200, 400}
        await s.world.quiet()
        ended = await s.bus.engine.negotiations.get(theirs.key)
        assert (ended.state is State.TERMINATED) is (len(taken) == 1)
        assert (await log_kinds(s.bus, theirs.key)).count("message-received") >= 1 + len(taken)
