"""Records and bodies to try a store with, and the words that its suite is written in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar

from trustspace.core.errors import TrustspaceError
from trustspace.core.record import Record
from trustspace.ports import Entry, Leaf, Outgoing, Tx

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, UTC)


class Mood(StrEnum):
    """A field of few values."""

    CALM = "calm"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Part:
    """A value within a record."""

    name: str
    data: bytes
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Record):
    """A record with a field of every sort."""

    KIND: ClassVar[str] = "note"
    INDEX: ClassVar[tuple[str, ...]] = ("mood", "owner", "topic")

    mood: Mood = Mood.CALM
    owner: str = ""
    topic: str | None = None
    count: int = 0
    parts: tuple[Part, ...] = ()
    free: Any = None
    at: datetime = NOON


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(Record):
    """A record of another kind, found by nothing."""

    KIND: ClassVar[str] = "other"

    text: str = ""


def same(actual: object, wanted: object) -> None:
    """Raise `AssertionError` unless both are equal."""
    if actual != wanted:
        raise AssertionError(f"{actual!r} is not {wanted!r}")


def refused(error: type[TrustspaceError], call: Callable[[], object]) -> None:
    """Raise `AssertionError` unless the call raises that error."""
    try:
        result = call()
    except error:
        return
    raise AssertionError(f"{error.__name__} is missing: the call returned {result!r}")


async def run_refused(error: type[Exception], waited: Awaitable[object]) -> None:
    """As `refused`, for what is awaited."""
    try:
        result = await waited
    except error:
        return
    raise AssertionError(f"{error.__name__} is missing: {result!r}")


def merkle(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word, for a power of two of leaves."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    half = len(leaves) // 2
    return sha256(b"\1" + merkle(leaves[:half]) + merkle(leaves[half:])).digest()


def message(name: str, process: str = "p1") -> Outgoing:
    """A message for the outbox."""
    return Outgoing(name, process, "negotiation", "request", "did:web:b", "https://b/", b"\xff{}", NOON)


def increment(tx: Tx) -> int:
    """Count one up in the record `n`, and say so in the log."""
    note = tx.get(Note, "n") or Note(key="n")
    after = tx.save(replace(note, count=note.count + 1), expect=note.version)
    tx.evidence(Leaf(b"%d" % after.count, ("n",)))
    return after.count


def everything(tx: Tx) -> None:
    """Write something of each sort."""
    tx.save(Note(key="all", owner="甲"), expect=0)
    tx.index(Note, "all", ["公交"])
    tx.reply("question", b"answer")
    tx.once("did:web:a", "jti", "d1", NOON)
    tx.keep(b"\0bytes")
    tx.outbox(message("m1"))
    tx.postpone("m1", attempts=2, due=NOON, error="no route")
    tx.evidence(Leaf(b"{}", ("all",)))


def traces(tx: Tx) -> list[object]:
    """What `everything` leaves behind."""
    return [
        tx.get(Note, "all"),
        tx.search(Note, ["公交"])[1],
        tx.seen("question"),
        tx.blob(sha256(b"\0bytes").hexdigest()),
        [(queued.id, queued.attempts, queued.due, queued.error) for queued in tx.queued()],
        tx.entries("all"),
        tx.log_size(),
    ]


TRACES: list[object] = [
    Note(key="all", owner="甲", version=1),
    1,
    b"answer",
    b"\0bytes",
    [("m1", 2, NOON, "no route")],
    [Entry(0, b"{}")],
    1,
]
NOTHING: list[object] = [None, 0, None, None, [], [], 0]
