"""Waiting for a record to get somewhere without asking again: each save hands it to those who wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

from trustspace.core.record import Record

R = TypeVar("R", bound=Record)


class Waiting:
    """Who waits for which key. `changed` is called after each commit, on the event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[_Wait]] = {}

    def changed(self, record: Record) -> None:
        """Hand the saved record to those who wait for it."""
        for wait in self._waiting.get(record.key, ()):
            if wait.done(record):
                wait.found = record
                wait.event.set()

    async def until(
        self, key: str, look: Callable[[], Awaitable[R]], done: Callable[[R], bool], *, seconds: float
    ) -> R:
        """The record once `done` holds, or what `look` gives after so many seconds: the caller sees which."""
        wait = _Wait(done)
        self._waiting.setdefault(key, []).append(wait)
        try:
            if done(value := await look()):
                return value
            with anyio.move_on_after(seconds):
                await wait.event.wait()
            found: R | None = wait.found
            return found if found is not None else await look()
        finally:
            self._forget(key, wait)

    def _forget(self, key: str, wait: _Wait) -> None:
        waiting = self._waiting[key]
        waiting.remove(wait)
        if not waiting:
            del self._waiting[key]


class _Wait:
    """One who waits: for what, and what was found."""

    __slots__ = ("done", "event", "found")

    def __init__(self, done: Callable[[Any], bool]) -> None:
        self.done = done
        self.event = anyio.Event()
        self.found: Any = None
