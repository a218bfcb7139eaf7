"""A clause in words for people, English and Chinese; a counterparty's text is shown, never trusted."""

from __future__ import annotations

from typing import Final, Literal

from trustspace.core.canon import Json
from trustspace.core.policy.model import ODRL

Language = Literal["en", "zh"]
_LONGEST: Final = 120


def fill(template: str, language: Language, *, right: Json, value: Json = None) -> str:
    """The words with the agreed value and the one met filled in."""
    return template.format(right=say(right, language), value=say(value, language))


def say(value: Json, language: Language) -> str:
    """A value on one line: what a terminal would obey is replaced, what is long is cut, a set is listed."""
    if value is None:
        return "not declared" if language == "en" else "未声明"
    if isinstance(value, list | tuple):
        return (" or " if language == "en" else "或").join(say(item, language) for item in value)
    text = str(value)
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def quote(text: str) -> str:
    """A counterparty's text in quotation marks, as `say` shows it."""
    return f"'{say(text, 'en')}'"


def short(term: str) -> str:
    """An IRI of ODRL as its last word; others as they are."""
    return say(term.removeprefix(ODRL), "en")
