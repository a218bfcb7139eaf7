"""What is to be done when: one timer to the next of it, and nothing is looked at in between.

An agenda keeps nothing of its own. Each time follows from a stored record (when it changed, and how long its state may
last), so that a node that starts again writes the same agenda from what it finds in the store.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from trustspace.core.errors import TrustspaceError
from trustspace.ports import Clock

Item = tuple[str, str]
"""Of which kind, and which one: `("negotiation", pid)`."""
Act = Callable[[str], Awaitable[None]]
"""Do what is due for the one of that name; it looks itself whether it still is."""

LONGEST_NAP: Final = 30.0
"""Seconds after which the clock is looked at again: it may have been set, or the machine have slept."""
AT_ONCE: Final = 8
"""How many things are done at the same time, when a node was down and much is due."""
LATER: Final = timedelta(seconds=60)
"""When something that could not be done is tried again."""
SLACK: Final = 64
LOG: Final = logging.getLogger("trustspace")


class Agenda:
    """Items with the time at which each is due; `run` does them."""

    def __init__(self, clock: Clock, acts: Mapping[str, Act], *, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock, self._acts, self._sleep = clock, acts, sleep
        self._due: dict[Item, datetime] = {}
        self._heap: list[tuple[datetime, Item]] = []  # at least one place for each item, at its time or before
        self._nap: anyio.CancelScope | None = None
        self._busy = 0

    def put(self, kind: str, name: str, due: datetime | None) -> None:
        """Let it be done at that time, in place of any given before; None: not at all."""
        item = (kind, name)
        if due is None:
            self._due.pop(item, None)
            return
        before = self._due.get(item)
        self._due[item] = due
        if before is None or due < before:  # one that moves to a later time keeps its place, and is put back from there
            self._push(due, item)

    def due(self, kind: str, name: str) -> datetime | None:
        """When it is due; None where it is not on the agenda."""
        return self._due.get((kind, name))

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Do each item at its time, until cancelled."""
        async with anyio.create_task_group() as group:
            task_status.started()
            while True:
                with anyio.CancelScope() as self._nap:
                    await self._wait()
                self._begin(group)

    async def _wait(self) -> None:
        if not self._heap or self._busy >= AT_ONCE:  # then whatever ends ends the nap
            await anyio.sleep_forever()
        left = (self._heap[0][0] - self._clock.now()).total_seconds()
        await self._sleep(min(LONGEST_NAP, max(0.0, left)))

    def _begin(self, group: TaskGroup) -> None:
        now = self._clock.now()
        while self._busy < AT_ONCE and self._heap and self._heap[0][0] <= now:
            _, item = heapq.heappop(self._heap)
            due = self._due.get(item)
            if due is not None and due <= now:
                del self._due[item]
                self._busy += 1
                group.start_soon(self._do, item)
            elif due is not None:
                heapq.heappush(self._heap, (due, item))

    async def _do(self, item: Item) -> None:
        kind, name = item
        try:
            await self._acts[kind](name)
        except Exception as error:  # no room, or a defect: it holds up one item and not the agenda
            LOG.warning("%s %s: %s", kind, name, error, exc_info=not isinstance(error, TrustspaceError))
            if item not in self._due:
                self.put(kind, name, self._clock.now() + LATER)
        finally:
            self._busy -= 1
            if self._nap is not None:
                self._nap.cancel()

    def _push(self, due: datetime, item: Item) -> None:
        if len(self._heap) > 2 * len(self._due) + SLACK:  # mostly places of what is no longer due
            self._heap = [(when, one) for one, when in self._due.items()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (due, item))
        if self._nap is not None and self._heap[0] == (due, item):
            self._nap.cancel()
