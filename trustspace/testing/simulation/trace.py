"""What happened, in order: each event is a line, and all lines together have one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from trustspace.core.errors import TrustspaceError


class Divergence(TrustspaceError):
    """The two sides tell different stories, or one of them a story that cannot be."""

    code = "divergence"


@dataclass(frozen=True, slots=True)
class Failure:
    """Which invariant did not hold, after which event, and how."""

    invariant: str
    event: int
    what: str


class Trace:
    """Counts, hashes and perhaps shows events; keeps the first failure. `time` gives the virtual seconds."""

    def __init__(self, time: Callable[[], float], show: Callable[[str], None] | None = None) -> None:
        self._time, self._show, self._hash = time, show, hashlib.sha256()
        self.events = 0
        self.failure: Failure | None = None
        self.failed: Callable[[], None] = lambda: None

    def event(self, what: str) -> None:
        """Something happened."""
        self.events += 1
        line = f"{self.events} {self._time():.6f} {what}"
        self._hash.update(line.encode() + b"\n")
        if self._show is not None:
            self._show(line)

    def fail(self, invariant: str, what: str) -> None:
        """An invariant does not hold: the first one is kept, and the run ends."""
        if self.failure is None:
            self.failure = Failure(invariant, self.events, what)
            self.event(f"FAILED {invariant}: {what}")
            self.failed()

    @property
    def digest(self) -> str:
        """The SHA-256 over all lines."""
        return self._hash.hexdigest()


def short(data: bytes) -> str:
    """Bytes by the beginning of their SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]
