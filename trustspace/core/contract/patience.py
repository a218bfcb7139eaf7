"""How long a process may wait, and for what: so that each one ends, agreed, refused or timed out, and never silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Limit(StrEnum):
    """Which patience holds, by what is waited for."""

    ANSWER = "answer"
    """The peer's answer to a message of ours, that is sent again and again."""
    STEP = "step"
    """A step that software does: the peer's, or ours."""
    DECISION = "decision"
    """A decision of a person here."""
    PEER = "peer"
    """A decision of the peer, where a person may have to be asked: longer than our own."""
    IDLE = "idle"
    """Anything at all: data that nobody fetches any more."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a process waits for, in words for people, and how long it may."""

    what: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each wait may be. After `ask` without the peer's message the peer is asked how things stand there."""

    answer: timedelta = timedelta(hours=24)
    step: timedelta = timedelta(hours=24)
    decision: timedelta = timedelta(days=7)
    peer: timedelta = timedelta(days=14)
    idle: timedelta = timedelta(days=30)
    ask: timedelta = timedelta(hours=1)

    def of(self, limit: Limit) -> timedelta:
        """How long that may take."""
        spans: dict[Limit, timedelta] = {one: getattr(self, one.value) for one in Limit}
        return spans[limit]

    def asked(self, awaited: Awaited, since: datetime) -> datetime:
        """When to look again at what waits since then: at its end, or before that to ask the peer."""
        span = self.of(awaited.limit)
        return since + (min(span, self.ask) if awaited.limit in PEERS else span)


PEERS: Final = frozenset({Limit.PEER, Limit.STEP, Limit.IDLE})
"""Where asking the peer how things stand may tell something."""
OURS: Final[Mapping[str, Awaited]] = {
    "decide": Awaited("a decision here", Limit.DECISION),
    "hold": Awaited("a decision here", Limit.DECISION),
    "rule": Awaited("the time that a rule gives it", Limit.DECISION),
}
"""What is to be done by us and may take long; every other step of ours is done by software."""
STEP: Final = Awaited("us", Limit.STEP)


def lasting(span: timedelta) -> str:
    """A span for people, in the largest unit that counts it whole: `2 days`, `24 hours`, `90 seconds`."""
    seconds = round(span.total_seconds())
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds % unit == 0 and seconds > unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"
