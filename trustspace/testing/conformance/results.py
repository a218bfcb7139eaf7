"""What became of the kit's cases: read from its output, and held against how many there have to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SUITES: Final[Mapping[str, int]] = {"MET": 1, "CAT": 3, "CN": 15, "CN_C": 16, "TP": 15, "TP_C": 15}
"""How many cases of each suite have to pass; one that is left out is as red as one that fails."""
DISABLED: Final = ("TP:02-04", "TP_C:02-04")
"""Cases that the kit itself does not run."""
_CASE: Final = re.compile(r"(?:^|\] )(SUCCESSFUL|FAILED|ABORTED): ([A-Z_]+:\d\d-\d\d)\s*$")
_NAME: Final = re.compile(r"[A-Z_]+:\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The cases that passed, those that failed with the kit's reasons, and how many were not run."""

    passed: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0
    finished: bool = False

    def of(self, suite: str) -> tuple[int, int, int]:
        """How many of a suite passed, failed, are disabled."""
        failed = sum(_suite(name) == suite for name in self.failed)
        return sum(_suite(name) == suite for name in self.passed), failed, sum(_suite(n) == suite for n in DISABLED)

    @property
    def complaints(self) -> list[str]:
        """Every reason why this is no pass; empty where every case of every suite passed."""
        told = [] if self.finished else ["the kit did not come to its end"]
        told += [f"{name} failed: {why}" for name, why in self.failed.items()]
        for suite, expected in SUITES.items():
            if (passed := self.of(suite)[0]) != expected:
                told.append(f"{suite}: {passed} passed, {expected} expected")
        told += [f"a suite that is not known here: {name}" for name in self.passed if _suite(name) not in SUITES]
        if self.skipped != len(DISABLED):
            told.append(f"{self.skipped} were not run, {len(DISABLED)} expected: {', '.join(DISABLED)}")
        told += [f"{name} ran, and is said to be disabled" for name in DISABLED if name in self.passed]
        return told

    @property
    def line(self) -> str:
        """The sum in one line."""
        return f"dsp: {len(self.passed)} passed, {len(self.failed)} failed, {self.skipped} skipped"


def read_outcome(output: str) -> Outcome:
    """What the runner printed."""
    passed: dict[str, None] = {}
    failed: dict[str, str] = {}
    skipped, finished = 0, False
    for line in output.splitlines():
        if case := _CASE.search(line):
            if case[1] == "SUCCESSFUL":
                passed[case[2]] = None
            else:
                failed.setdefault(case[2], case[1].lower())
        elif line.startswith("FAILURE\t"):
            _, name, why = (*line.split("\t", 2), "")[:3]
            found = _NAME.match(name)
            failed[found[0] if found else name] = why
        elif line.startswith("TOTAL\t"):
            skipped, finished = int(line.split("\t")[3]), True
    return Outcome(tuple(passed), failed, skipped, finished)


def _suite(name: str) -> str:
    return name.partition(":")[0]
