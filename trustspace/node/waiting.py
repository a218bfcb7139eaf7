"""Waiting for a record to get somewhere without asking again and again: each save wakes those who wait for its key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from trustspace.core.record import Record

R = TypeVar("R")


class Waiting:
    """Who waits for which key. `changed` is called after each commit, on the event loop."""

    def __init__(self) -> None:
        self._events: dict[str, set[anyio.Event]] = {}

    def changed(self, record: Record) -> None:
        """Wake those who wait for this record."""
        for event in self._events.pop(record.key, ()):
            event.set()

    async def until(
        self, key: str, look: Callable[[], Awaitable[R]], done: Callable[[R], bool], *, seconds: float
    ) -> R:
        """What `look` gives once `done` holds, or after so many seconds: the caller sees which."""
        with anyio.move_on_after(seconds):
            while True:
                event = anyio.Event()
                self._events.setdefault(key, set()).add(event)
                try:
                    if done(value := await look()):
                        return value
                    await event.wait()
                finally:
                    self._forget(key, event)
        return await look()

    def _forget(self, key: str, event: anyio.Event) -> None:
        events = self._events.get(key)
        if events is not None:
            events.discard(event)
            if not events:
                del self._events[key]
