"""An event loop whose time is a number: where nobody is ready it jumps to the next timer. No sockets, no threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple, Unpack

from trustspace.core.errors import MisusedError
from trustspace.testing.registry import START, SteppedClock

T = TypeVar("T")
Given = TypeVarTuple("Given")


class VirtualLoop(asyncio.BaseEventLoop):
    """What runs on it is repeated exactly: callbacks in the order in which they were made, timers at their time."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = 0.0
        self._selector = self

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._seconds

    def select(self, timeout: float | None) -> list[Any]:
        """Wait, that is: be later. Nothing ever comes from outside."""
        if timeout is None:
            raise MisusedError("nobody has anything to do any more", where="virtual loop")
        self._seconds += timeout
        return []

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Given]], T], *args: *Given
    ) -> asyncio.Future[T]:
        """At once, in the only thread."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # it belongs to whoever awaits
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""


class LoopClock(SteppedClock):
    """The time of a loop, as a date."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime = START) -> None:
        super().__init__(start)
        self._loop = loop

    def now(self) -> datetime:
        """The start and the loop's seconds, to the microsecond."""
        return self.time + timedelta(seconds=round(self._loop.time(), 6))
