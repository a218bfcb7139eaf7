"""Who may see a product's offer (可见范围): a rule of alternatives, as data, and whether it admits a visitor.

Whoever is not admitted is answered as if the product did not exist; the rule itself is told to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from trustspace.core.errors import InvalidInput
from trustspace.core.identifiers import Kind, check_place, parse
from trustspace.core.identifiers.codes import PROVINCES
from trustspace.core.identifiers.subjects import check_credit_code

EVERYONE: Final = "everyone"
MEMBERS: Final = "members"
MAX_WORDS: Final = 1000
"""How many alternatives one rule may have."""
WHERE: Final = "visible_to"
_REGION: Final = "region:"
_INDUSTRY: Final = "industry:"
_HINT: Final = (
    "everyone, members, region:35, region:3501, industry:0054, a did:web:…,"
    " a 32-character identifier, or a 统一社会信用代码"
)
_DID: Final = re.compile(r"did:[a-z0-9]+:[\x21-\x7e]+")

AccessRule = tuple[str, ...]
"""Its words, sorted, each once: one of them is enough. Made by `access_rule`; empty: everyone."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who wants to see something: participant id, and the 32-character identifier; "" where there is none.

    The identifier is the one that the functional node registered, never what the visitor says itself.
    """

    participant: str
    identifier: str = ""

    @property
    def credit_code(self) -> str:
        """The 统一社会信用代码 in the identifier."""
        return self.identifier[1:19]

    @property
    def place(self) -> str:
        """The four digits of region or industry (区域/行业代码) in the identifier."""
        return self.identifier[19:23]


def access_rule(words: Iterable[str]) -> AccessRule:
    """The rule of these alternatives, `everyone` beside others being everyone; `InvalidInput` names a wrong one."""
    found = sorted({word.strip() for word in words})
    if len(found) > MAX_WORDS:
        raise InvalidInput(f"more than {MAX_WORDS} alternatives", where=WHERE, hint="name a region or an industry")
    for word in found:
        _check(word)
    return () if EVERYONE in found else tuple(found)


def admits(rule: AccessRule, visitor: Visitor) -> bool:
    """Whether one of the rule's alternatives is true of the visitor."""
    return not rule or any(_holds(word, visitor) for word in rule)


def _holds(word: str, visitor: Visitor) -> bool:
    if word == MEMBERS:
        return bool(visitor.identifier)
    if word.startswith(_REGION):
        return visitor.place.startswith(word.removeprefix(_REGION))
    if word.startswith(_INDUSTRY):
        return visitor.place == word.removeprefix(_INDUSTRY)
    return word in (visitor.participant, visitor.identifier, visitor.credit_code)


def _check(word: str) -> None:
    kind, _, name = word.partition(":")
    if word in (EVERYONE, MEMBERS) or _DID.fullmatch(word):
        return
    if kind in _CHECKS:
        _CHECKS[kind](name)
    elif len(word) == 18:
        check_credit_code(word, where=WHERE)
    elif len(word) != 32:
        raise InvalidInput(f"{word!r} names nobody", where=WHERE, hint=_HINT)
    elif parse(word).kind is not Kind.CONNECTOR:
        raise InvalidInput(f"{word} is no connector's identifier", where=WHERE, hint=_HINT)


def _check_region(place: str) -> None:
    """Four digits, or the two of a province."""
    if place not in PROVINCES:
        check_place(Kind.REGIONAL_NODE, place, where=WHERE)


def _check_industry(place: str) -> None:
    check_place(Kind.INDUSTRY_NODE, place, where=WHERE)


_CHECKS: Final[Mapping[str, Callable[[str], None]]] = {"region": _check_region, "industry": _check_industry}
