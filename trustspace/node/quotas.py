"""What one peer may have under way here (配额): requests at a time and a second, open negotiations, open transfers.

The defaults are far above what an honest connector does; they keep one peer from taking everything from the others.
Counted in memory: nothing of this is asked from the disk.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trustspace.core.contract import Negotiation, Role
from trustspace.core.errors import Busy
from trustspace.core.record import Record
from trustspace.core.transfer import Transfer
from trustspace.node.settings import Quota

SOON: Final = 2.0
"""Seconds after which a caller with too many requests at a time may come again."""
LATER: Final = 30.0
"""Seconds after which one with too many open processes may."""
Process = Negotiation | Transfer


@dataclass(slots=True)
class _Bucket:
    """Requests that a peer has left, and when that was so; it fills with time."""

    left: float
    at: float


class Quotas:
    """Counts for each peer, and says `Busy` with the time to come again."""

    def __init__(self, quota: Quota, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._quota, self._monotonic = quota, monotonic
        self._most = {Negotiation.KIND: quota.negotiations, Transfer.KIND: quota.transfers}
        self._running: Counter[str] = Counter()
        self._buckets: dict[str, _Bucket] = {}
        self._open: dict[tuple[str, str], set[str]] = {}

    def enter(self, peer: str) -> None:
        """One more request of that peer begins; `leave` has to follow. Raises `Busy`, and then it must not."""
        if self._running[peer] >= self._quota.requests:
            raise Busy(f"{self._quota.requests} requests of yours are being answered", retry_after=SOON, where="quota")
        self._draw(peer)
        self._running[peer] += 1

    def leave(self, peer: str) -> None:
        """A request of that peer is over."""
        self._running[peer] -= 1
        if not self._running[peer]:
            del self._running[peer]

    def check_opening(self, peer: str, machine: str) -> None:
        """Raise `Busy` where the peer has as many open negotiations or transfers (`machine`) as it may."""
        running = len(self._open.get((peer, machine), ()))
        if running >= self._most[machine]:
            raise Busy(f"{running} {machine}s of yours are open here", retry_after=LATER, where="quota")

    def saw(self, record: Record) -> None:
        """A process was saved: it is open, or it has ended."""
        if not isinstance(record, Negotiation | Transfer) or not _of_theirs(record):
            return
        key = (record.peer, record.KIND)
        if not record.ended:
            self._open.setdefault(key, set()).add(record.key)
        elif key in self._open:
            self._open[key].discard(record.key)

    def _draw(self, peer: str) -> None:
        """Take one request from what the peer has left."""
        now = self._monotonic()
        bucket = self._buckets.setdefault(peer, _Bucket(self._quota.burst, now))
        bucket.left = min(self._quota.burst, bucket.left + (now - bucket.at) * self._quota.rate)
        bucket.at = now
        if bucket.left < 1:
            told = f"more than {self._quota.rate:g} requests a second"
            raise Busy(told, retry_after=max(1.0, (1 - bucket.left) / self._quota.rate), where="quota")
        bucket.left -= 1


def _of_theirs(record: Process) -> bool:
    """Whether the peer began it: what we began has our tag."""
    return record.role is Role.PROVIDER or not record.tag
