"""A node that dies at any point: what it acknowledged is there in its next life, and both sides come to one end.

Processes that are killed: tests/cli/test_kill.py. Here a node is cut off at every request of a run in turn.
"""

from __future__ import annotations

import anyio
import pytest

from tests.services.spaces import Space, count, log_kinds, space
from trustspace.core.contract import Contract, State
from trustspace.testing.network import LOST, UNACKNOWLEDGED, Fault
from trustspace.testing.world import Node

pytestmark = pytest.mark.anyio


class Cut:
    """Lets a node die at the n-th request that is sent to the protocol's endpoints, before or after its effect."""

    def __init__(self, s: Space, node: Node, at: int, fault: Fault) -> None:
        self._s, self._node, self._at, self._fault = s, node, at, fault
        self.seen, self.due = 0, anyio.Event()

    def __call__(self, _: int, __: str, url: str) -> Fault | None:
        if "/dsp/" not in url:
            return None
        self.seen += 1
        if self.seen != self._at:
            return None
        self.due.set()
        return self._fault

    async def die_and_live(self) -> None:
        """Die once it is due, and begin the next life."""
        await self.due.wait()
        await self._node.stop()
        await self._node.start()


async def one_run(s: Space, name: str) -> str:
    """Ask for a contract, and forget about it."""
    _, found, provider = await s.planner.operations.offer(s.product.code)
    request = s.planner.engine.negotiations.request
    return (await request(found, provider.participant, s.bus.engine.base, key=name)).key


@pytest.mark.parametrize("who", ["bus", "planner"])
@pytest.mark.parametrize("fault", [LOST, UNACKNOWLEDGED], ids=["before its effect", "after its effect"])
async def test_cut_off_at_every_request_of_a_run(who: str, fault: Fault) -> None:
    async with space(storage="sqlite") as s:
        node = s.bus if who == "bus" else s.planner
        runs = 0
        for at in range(1, 5):  # request, agreement, verification, finalisation
            pid = await one_run(s, f"warm {at}") if at == 1 else ""
            if pid:
                assert (await s.both(pid))[0].state is State.FINALIZED, "the control"
                runs += 1
            cut = Cut(s, node, at, fault)
            _, found, provider = await s.planner.operations.offer(s.product.code)
            s.world.network.faults = cut
            async with anyio.create_task_group() as group:
                group.start_soon(cut.die_and_live)
                request = s.planner.engine.negotiations.request
                pid = (await request(found, provider.participant, s.bus.engine.base, key=f"{at}")).key
            s.world.network.faults = None
            runs += 1
            mine, theirs = await s.both(pid)
            assert mine.state is theirs.state is State.FINALIZED, at
            for each, key in ((s.planner, mine.key), (s.bus, theirs.key)):
                kinds = await log_kinds(each, key)
                assert kinds.count("agreement-signed") == 1
                assert kinds.count("message-received") == kinds.count("message-sent") == 2
        assert await count(s.bus, Contract) == await count(s.planner, Contract) == runs
