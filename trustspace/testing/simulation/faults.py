"""What goes wrong, drawn from a seed: on the wire, at the disk, and when a node dies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

NEAR, FAR = 0.03, 4.0
"""Seconds that a message takes: at most, and at most where others overtake it."""
DISKS: Final = (0.002, 0.02, 0.2)
"""Seconds that half a commit takes at most, on a quick disk and on slow ones: all of a seed are alike."""
ODD: Final = (
    "delayed beyond timeout",
    "truncated",
    "reset in the answer",
    "5xx without effect",
    "5xx with effect",
    "redirect without effect",
    "redirect with effect",
    "forbidden without effect",
    "forbidden with effect",
    "accepted without effect",
    "refused with effect",
)
"""What something between two nodes does, beside losing, doubling and reordering.

The last one is an instance of the peer that lags behind: it has not heard of what another one of them has taken.
"""
REFUSED: Final = 400
STATUS: Final = {
    "5xx": (500, 502, 503, 429),
    "redirect": (302, 307, 308),
    "forbidden": (403,),
    "accepted": (200,),
    "refused": (REFUSED,),
}


@dataclass(frozen=True, slots=True)
class Odds:
    """How likely each kind is: per request, per commit, per step of a node, per seed."""

    loss: float = 0.3
    dup: float = 0.3
    reorder: float = 0.3
    odd: float = 0.1
    disk: float = 0.02
    crash: float = 0.02
    rollback: float = 0.1


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one request: when each copy of it arrives (the first one is answered), and to its answer.

    `lost`: no answer comes; `reset`: the caller is told so, else it waits until its time is over. `status` stands for
    the peer's answer, `cut` is how much of its body comes, `broken` whether the caller notices that.
    """

    arrives: tuple[float, ...] = (0.0,)
    back: float = 0.0
    lost: bool = False
    reset: bool = False
    status: int | None = None
    cut: float | None = None
    broken: bool = False


@dataclass(slots=True)
class Plan:
    """The faults of one seed; `over` is when nothing goes wrong any more."""

    seed: int
    odds: Odds
    over: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    _slowest: float = 0.0
    _random: dict[str, Random] = field(default_factory=dict)

    def random(self, what: str) -> Random:
        """The dice for one purpose: throwing one does not move the others."""
        if what not in self._random:
            self._random[what] = Random(f"{self.seed} {what}")  # noqa: S311 -- to be repeated, not to be secret
        return self._random[what]

    def happens(self, what: str, odds: float) -> bool:
        """Whether it goes wrong now; counts it."""
        bad = self.random(what).random() < odds and not self.over
        self.counts[what] += bad
        return bad

    def seconds(self, what: str, most: float) -> float:
        """A time to wait, in whole microseconds."""
        return round(self.random(what).uniform(0, most), 6)

    def commit(self) -> float:
        """How long a commit takes, there and back each: on a slow disk much happens meanwhile."""
        if not self._slowest:
            self._slowest = self.random("speed").choice(DISKS)
        return self.seconds("commit", self._slowest)

    def fate(self) -> Fate:
        """What happens to the next request."""
        fate = Fate(arrives=(self._way(),), back=self._way())
        if self.happens("duplicated", self.odds.dup):
            fate = replace(fate, arrives=(*fate.arrives, self.seconds("late copy", 3 * FAR)))
        if self.happens("request lost", self.odds.loss / 2):
            return replace(fate, arrives=fate.arrives[1:], lost=True, reset=self._told())
        if self.happens("answer lost", self.odds.loss / 2):
            return replace(fate, lost=True, reset=self._told())
        kind = self.random("odd").choice(ODD)
        return self._odd(fate, kind) if self.happens(kind, self.odds.odd) else fate

    def _way(self) -> float:
        return self.seconds("way", FAR if self.happens("reordered", self.odds.reorder) else NEAR)

    def _told(self) -> bool:
        return self.random("reset").random() < 0.5

    def _odd(self, fate: Fate, kind: str) -> Fate:
        """One of the rarer kinds."""
        if kind == "delayed beyond timeout":
            return replace(fate, arrives=(self.seconds("beyond", 30.0) + 10.0, *fate.arrives[1:]), lost=True)
        if kind in {"truncated", "reset in the answer"}:
            return replace(fate, cut=self.random("cut").random(), broken=kind != "truncated")
        status = self.random("status").choice(STATUS[kind.partition(" ")[0]])
        return replace(fate, status=status, arrives=fate.arrives if kind.endswith("with effect") else ())
