"""What is kept: a value with a key, a version that guards it against lost updates, and the fields it is found by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of every stored value; subclasses are frozen dataclasses of plain fields (text, numbers, times, tuples).

    `KIND` names the table of its like; `INDEX` lists up to three text fields by which records are found and counted.
    `version` is 0 before the first save; a store raises it by one with each save.
    """

    KIND: ClassVar[str] = ""
    INDEX: ClassVar[tuple[str, ...]] = ()

    key: str
    version: int = 0
