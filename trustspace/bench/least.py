"""The least that a flow needs of a machine: requests, signatures, verifications, and data on the disk; nothing else.

Counted by what is promised, whatever makes it true: each message has a token and gets a receipt, the contract has two
signatures, a message is on the disk before it leaves, what it brought is before it is answered, its receipt is kept.
A step may share its sync with others that come meanwhile, and a receipt its signature, as they do in a node.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

T = TypeVar("T")

PAGE: Final = 4096
PAGES: Final = 1000
"""A journal of this many pages is written again from its start, so that syncing it never makes it longer."""
_SYNC: Final = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Step:
    """One message: what its sender signs and its receiver verifies, and how often its sender syncs."""

    signatures: int = 1
    syncs: int = 1


FLOW: Final = (
    Step(syncs=2),  # the contract request: on the disk before it leaves; its receipt
    Step(signatures=2),  # the agreement, under which the provider signs; it was on the disk with the request
    Step(signatures=2),  # the verification, with the consumer's signature
    Step(),  # the finalisation
    Step(syncs=2),  # the transfer request
    Step(),  # the transfer start
)
REQUESTS: Final = len(FLOW)
SIGNATURES: Final = sum(step.signatures for step in FLOW) + REQUESTS
"""With the receipt of each answer; as many are verified."""
SYNCS: Final = sum(step.syncs for step in FLOW) + REQUESTS
"""With the receiver's, before each answer."""


class Shared(Generic[T]):
    """Work that all have in common who ask for it in one turn of the event loop, or while it is done for others."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """The result of work that began after this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._round(self._running))
        return await asyncio.shield(self._next)

    async def _round(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait((before,))
        self._running, self._next = self._next, None
        return await self._work()


class Journal:
    """A file into which a page is written and synced, again and again."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._page = 0
        os.pwrite(self._file, bytes(PAGE * PAGES), 0)
        os.fsync(self._file)
        self.sync = Shared(self._on_disk)

    async def _on_disk(self) -> None:
        self._page = (self._page + 1) % PAGES
        await asyncio.to_thread(self._write)

    def _write(self) -> None:
        os.pwrite(self._file, bytes(PAGE), self._page * PAGE)
        _SYNC(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
