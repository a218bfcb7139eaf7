"""Names that people and programs give to what they ask for, so that asking again is not doing again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trustspace.core.record import Record
from trustspace.ports import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Record):
    """What was made under a name; the key is kind and name."""

    KIND: ClassVar[str] = "named"

    target: str


def named(tx: Tx, kind: str, name: str) -> str:
    """What was made under that name, "" for nothing."""
    found = tx.get(Named, f"{kind} {name}") if name else None
    return found.target if found else ""


def name(tx: Tx, kind: str, given: str, target: str) -> None:
    """Give a name to what is made; `Conflict` where it is taken. The empty name is none."""
    if given:
        tx.save(Named(key=f"{kind} {given}", target=target), expect=0)
