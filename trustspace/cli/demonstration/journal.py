"""What the demonstration has done: one JSON file, replaced whole after each step."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trustspace.core.errors import MisusedError


@dataclass(frozen=True, slots=True)
class Told:
    """What a step has to show: the identifier it is about, more lines for people, and facts for later steps."""

    identifier: str = ""
    lines: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished step and how long it took."""

    told: Told
    ms: float


class Journal:
    """Finished steps by name."""

    def __init__(self, path: Path) -> None:
        self._path, self._entries = path, _read(path)

    def get(self, step: str) -> Entry | None:
        """The step, if it was finished."""
        return self._entries.get(step)

    def write(self, step: str, entry: Entry) -> None:
        """Keep a finished step."""
        self._entries[step] = entry
        draft = self._path.with_suffix(".draft")
        draft.write_text(
            json.dumps({name: asdict(one) for name, one in self._entries.items()}, ensure_ascii=False, indent=1),
            encoding="utf-8",
        )
        draft.replace(self._path)

    def fact(self, step: str, name: str) -> Any:
        """A fact of a step that was finished."""
        return self._entries[step].told.facts[name]

    def entries(self) -> dict[str, Entry]:
        """All that was finished."""
        return dict(self._entries)


def _read(path: Path) -> dict[str, Entry]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: _entry(**one) for name, one in kept.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise MisusedError("this is not a demo's journal", where=str(path), hint="choose another --dir") from error


def _entry(told: dict[str, Any], ms: float) -> Entry:
    return Entry(Told(**(told | {"lines": tuple(told["lines"])})), ms)
