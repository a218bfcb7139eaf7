"""What `explain` answers: values that print and that go out as JSON, with no resident number in them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from trustspace.core.canon import JsonObject
from trustspace.core.identifiers.subjects import is_resident, mask

_SHOWN: Final = 160


@dataclass(frozen=True, slots=True)
class Part:
    """A run of characters: its name, its positions `first` to `last` (from 1) and what it means."""

    name: str
    chinese: str
    value: str
    first: int
    last: int
    meaning: str = ""
    meaning_chinese: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a text is. `valid` is under the rule of its `form`; else `reason` is one line and `reason_code` is stable.

    `form` is a word: the kind of an identifier (`connector`, …), `identifier`, `contract`, `credit-code`,
    `resident-number`, `organisation-code`, one of the `alternates`, or `unknown`. `diagnostics` change nothing about
    validity. `alternates` names neighbouring systems that the text, or its extension, is a code of.
    """

    text: str
    form: str
    what: str
    chinese: str
    valid: bool = True
    parts: tuple[Part, ...] = ()
    reason: str = ""
    reason_code: str = ""
    diagnostics: tuple[str, ...] = ()
    alternates: tuple[str, ...] = ()

    def as_json(self) -> JsonObject:
        """The same as a JSON object, with the member names of the fields."""
        members = asdict(self)
        for name in ("parts", "diagnostics", "alternates"):
            members[name] = list(members[name])
        return members


def cut(text: str, layout: tuple[tuple[str, str, int], ...], meanings: dict[str, tuple[str, str]]) -> tuple[Part, ...]:
    """The parts of a text by a layout of (name, 中文, length)."""
    parts, start = [], 0
    for name, chinese, length in layout:
        value = shown(text[start : start + length])
        parts.append(Part(name, chinese, value, start + 1, start + length, *meanings.get(name, ("", ""))))
        start += length
    return tuple(parts)


def shown(text: str) -> str:
    """The text fit to be shown: at most 160 characters, writable as UTF-8, each resident number in it masked."""
    text = text[:_SHOWN].encode(errors="backslashreplace").decode() + ("…" if len(text) > _SHOWN else "")
    for start in range(len(text) - 17):
        text = veil(text, start)
    return text


def veil(text: str, start: int) -> str:
    """The text, with the 18 characters from `start` masked where they must be taken for a resident number."""
    number = text[start : start + 18]
    return text[:start] + mask(number) + text[start + 18 :] if is_resident(number) else text
