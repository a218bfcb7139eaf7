"""Figures: each the median over the runs, with their spread, what they ran on, and the raw limits beside them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trustspace.bench import machine

Run = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a bench found. `settings` are what was asked for, `runs` one mapping of figures a run, `raw` the limits.

    `ratios` name a figure and the raw limit that it is divided by. `more` holds figures taken under other settings.
    """

    bench: str
    settings: Mapping[str, object]
    runs: Sequence[Run]
    raw: Mapping[str, float]
    ratios: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def medians(self) -> dict[str, float]:
        """Each figure's median over the runs."""
        return {name: _round(statistics.median(run[name] for run in self.runs)) for name in self.runs[0]}

    def to_json(self) -> dict[str, Any]:
        """Everything under stable names: the medians at the top, `spread`, `raw`, `ratio`, `machine` below."""
        medians = self.medians()
        return {
            "bench": self.bench,
            **self.settings,
            **medians,
            **self.more,
            "runs": len(self.runs),
            "spread": {name: spread([run[name] for run in self.runs]) for name in medians},
            "raw": {name: _round(value) for name, value in self.raw.items()},
            "ratio": {f"{one}/{other}": _round(medians[one] / self.raw[other]) for one, other in self.ratios.items()},
            "machine": machine.describe(),
        }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """The smallest, the largest, and all in the order of the runs."""
    return {"min": _round(min(values)), "max": _round(max(values)), "all": [_round(value) for value in values]}


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which values the median lies, and how sure that is (0.95)."""

    low: float
    high: float
    confidence: float

    def to_json(self) -> dict[str, float]:
        """The same, as few digits as are known."""
        return {"low": _round(self.low), "high": _round(self.high), "confidence": _round(self.confidence)}


def interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The narrowest pair of order statistics around the median of what the values are drawn from.

    Nothing is assumed of how they are spread. Fewer than six values give less than 0.95 even from end to end: then that
    is what `confidence` says.
    """
    ordered, count = sorted(values), len(values)
    outside = [sum(math.comb(count, k) for k in range(cut + 1)) / 2 ** (count - 1) for cut in range((count + 1) // 2)]
    cut = max((cut for cut, share in enumerate(outside) if 1 - share >= confidence), default=0)
    return Interval(ordered[cut], ordered[count - 1 - cut], max(0.0, 1 - outside[cut]))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0.95) of all are not above."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def _round(value: float) -> float:
    """Four digits: more would say more than a run knows."""
    return float(f"{value:.4g}")
