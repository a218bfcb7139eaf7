"""How the story is told: plain lines in a pipe, colours and a progress bar on a terminal, JSON lines for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from trustspace.cli.demonstration.journal import Entry
from trustspace.cli.demonstration.place import Place
from trustspace.cli.demonstration.stage import Step
from trustspace.cli.output import table

COLUMNS = ("node", "ms", "bytes", "messages", "log", "disk")


class Teller(Protocol):
    """Who tells it."""

    def opening(self, place: Place, total: int) -> None:
        """Before the first step."""

    def step(self, number: int, step: Step, entry: Entry, *, again: bool) -> None:
        """A step was done, or (`again`) was done in an earlier run."""

    def note(self, text: str) -> None:
        """Something happened on the way."""

    def closing(self, place: Place, totals: dict[str, Any]) -> None:
        """After the last."""


class Lines:
    """For machines: one JSON object a line."""

    def opening(self, place: Place, total: int) -> None:
        """Where, which file, how many steps."""
        _json({"dir": str(place.root), "file": str(place.file), "sha256": place.digest, "steps": total})

    def step(self, number: int, step: Step, entry: Entry, *, again: bool) -> None:
        """The step with all that it has to show."""
        told = entry.told
        shown = {"step": number, "name": step.name, "who": step.who, "what": step.what, "identifier": told.identifier}
        _json({**shown, "ms": entry.ms, "again": again, "lines": told.lines, "facts": told.facts})

    def note(self, text: str) -> None:
        """A line of its own."""
        _json({"note": text})

    def closing(self, place: Place, totals: dict[str, Any]) -> None:  # noqa: ARG002 -- the totals name it
        """The totals."""
        _json(totals)


class Plain:
    """For people."""

    def __init__(self) -> None:
        self._total = 0

    def opening(self, place: Place, total: int) -> None:
        """Where, and which file."""
        self._total = total
        self.say(f"{place.file} ({place.size} bytes), everything in {place.root}")

    def step(self, number: int, step: Step, entry: Entry, *, again: bool) -> None:
        """One line, and what it shows below."""
        took = "done before" if again else f"{entry.ms:.0f} ms"
        identifier = f"  {entry.told.identifier}" if entry.told.identifier else ""
        self.say(f"{number:>2}/{self._total}  {step.who:<16}  {step.what}{identifier}  {took}")
        for line in entry.told.lines:
            self.say(f"       {line}")

    def note(self, text: str) -> None:
        """A line below the step."""
        self.say(f"       {text}")

    def closing(self, place: Place, totals: dict[str, Any]) -> None:
        """The table."""
        table(COLUMNS, [[_cell(row[name]) for name in COLUMNS] for row in totals["nodes"]])
        self.say(f"done in {totals['seconds']} s; everything is kept in {place.root}")

    def say(self, line: str) -> None:
        """Print a line at once: a pipe is read while the demo runs."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


class Bar(Plain):
    """For people at a terminal: the same lines above a progress bar."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        super().__init__()
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self.progress = Progress(*columns, transient=True)
        self._task = self.progress.add_task("", total=None)

    def opening(self, place: Place, total: int) -> None:
        """The bar's length."""
        self.progress.update(self._task, total=total)
        super().opening(place, total)

    def step(self, number: int, step: Step, entry: Entry, *, again: bool) -> None:
        """The bar moves on."""
        super().step(number, step, entry, again=again)
        self.progress.update(self._task, completed=number, description=step.who)

    def closing(self, place: Place, totals: dict[str, Any]) -> None:
        """The bar makes room for the table."""
        self.progress.stop()
        super().closing(place, totals)

    def say(self, line: str) -> None:
        """Print above the bar."""
        self.progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def teller(*, as_json: bool, plain: bool) -> Iterator[Teller]:
    """The teller for this output."""
    if as_json:
        yield Lines()
    elif plain or not sys.stdout.isatty():
        yield Plain()
    else:
        bar = Bar()
        with bar.progress:
            yield bar


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


def _json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
