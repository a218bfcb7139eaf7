"""kill -9 of either side of a pair at random moments under load: nothing that was acknowledged is lost, twice, or two.

So many negotiations are always in flight. Now and then a node is killed and started again; who was asking asks again
with the same key, as any client does. At the end everything has to have ended, and the books are held against all that
was said meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from trustspace.core.errors import TrustspaceError, Unavailable
from trustspace.node.views import NegotiateRequest
from trustspace.testing.chaos.books import Told, Verdict, check, read_books
from trustspace.testing.chaos.processes import CONSUMER, PROVIDER, Served, three

ENDED: Final = frozenset({"FINALIZED", "TERMINATED"})
CALM_SECONDS: Final = 120.0
"""How long everything may take to end after the last kill."""
AGAIN: Final = 0.05
"""Seconds before somebody asks again who was not answered."""
PAUSES: Final = (0.02, 0.6)
"""Seconds between a node's answering again and the next kill, at least and at most."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done: kills, of whom, negotiations in flight, and the seed of all that is random."""

    kills: int
    load: int
    victims: tuple[str, ...] = (PROVIDER, CONSUMER)
    seed: int = 0


@dataclass(slots=True)
class Result:
    """What came of it: the verdict, seconds from each start to the first answer, how the negotiations ended."""

    verdict: Verdict
    recoveries: list[float]
    ended: dict[str, int]

    @property
    def p99_ms(self) -> float:
        """The slowest start but one in a hundred."""
        ordered = sorted(self.recoveries)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3 if ordered else 0.0

    def line(self) -> str:
        """What is printed."""
        how = ", ".join(f"{number} {state}" for state, number in sorted(self.ended.items()))
        return f"{self.verdict.line()}, recovery p99 {self.p99_ms:.0f} ms ({len(self.recoveries)} kills; {how})"


@dataclass(slots=True)
class _Run:
    """A run as it goes."""

    nodes: dict[str, Served]
    code: str
    told: list[Told] = field(default_factory=list)
    shown: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: {PROVIDER: [], CONSUMER: []})
    recoveries: list[float] = field(default_factory=list)
    enough: bool = False

    async def ask(self, numbers: Iterator[int]) -> None:
        """Negotiate one after the other until it is enough, each until it has ended."""
        while not self.enough:
            await self._until_ended(f"n{next(numbers)}")

    async def _until_ended(self, key: str) -> None:
        request, state = NegotiateRequest(code=self.code, key=key, wait=5.0, policy=None), ""
        while state not in ENDED:
            try:
                view = await self.nodes[CONSUMER].client.call("negotiate", request=request)
            except Unavailable:  # it is just dead, or the other one is
                await asyncio.sleep(AGAIN)
                continue
            state = view.state
            self.told.append(Told(key, view.negotiation, state, view.contract))

    async def kill(self, victim: str) -> None:
        """Kill a node, having noted what its log shows, and start it again."""
        node = self.nodes[victim]
        await self.note(victim)
        await node.kill()
        self.recoveries.append(await node.start())

    async def note(self, name: str) -> None:
        """Note what a node's log shows."""
        view = await self.nodes[name].client.call("log")
        self.shown[name].append((view.size, view.root))


async def kill9(root: Path, plan: Plan, *, say: Callable[[str], object] = lambda _: None) -> Result:
    """Do it, in an empty folder; the nodes' folders stay there."""
    rng, numbers = random.Random(plan.seed), count()  # noqa: S311 -- moments, not secrets
    async with three(root) as (nodes, code):
        run = _Run(nodes, code)
        asking = [asyncio.create_task(run.ask(numbers)) for _ in range(plan.load)]
        for number in range(plan.kills):
            await asyncio.sleep(rng.uniform(*PAUSES))
            await run.kill(rng.choice(plan.victims))
            say(f"\r{number + 1}/{plan.kills} kills, {len(run.told)} answers")
        run.enough = True
        await asyncio.wait_for(asyncio.gather(*asking), CALM_SECONDS)
        await _calm(nodes)
    consumer, provider = [await read_books(root / name) for name in (CONSUMER, PROVIDER)]
    states = [str(one.state) for one in consumer.negotiations.values()]
    ended = {state: states.count(state) for state in set(states)}
    return Result(check(run.told, run.shown, consumer, provider), run.recoveries, ended)


async def _calm(nodes: dict[str, Served]) -> None:
    """Wait until nobody has anything to send any more."""
    end = time.monotonic() + CALM_SECONDS
    while sum([(await nodes[name].client.status()).outbox for name in (PROVIDER, CONSUMER)]):
        if time.monotonic() > end:
            raise TrustspaceError("something is still on its way", hint="see `trustspace status` of both nodes")
        await asyncio.sleep(0.2)
