"""What is asked of a policy: one use, by whom, for what, when, and how many there were before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trustspace.core.canon import Json, JsonObject
from trustspace.core.errors import InvalidInput

MAX_USED: Final = (1 << 53) - 2


@dataclass(frozen=True, slots=True)
class Request:
    """One use asked for: `at` has an offset; `used` is how many uses of the agreement were permitted before.

    `identifiers` are the other names of the same party (32-character identifier, 统一社会信用代码), `fulfilled` the ids
    of duties that were carried out, as a decision's `todo` gives them, and `clock` is `at` in ISO 8601. Raises
    `InvalidInput` for a time without an offset and for a `used` under zero.
    """

    action: str
    party: str
    at: datetime
    purpose: str | None = None
    identifiers: Collection[str] = ()
    used: int = 0
    fulfilled: Collection[str] = frozenset()
    clock: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise InvalidInput("a time without an offset", where="request.at")
        if not 0 <= self.used <= MAX_USED:
            raise InvalidInput(f"{self.used} uses", where="request.used")
        object.__setattr__(self, "clock", self.at.isoformat())

    def names(self) -> list[str]:
        """Every name of the party, sorted."""
        return sorted({self.party, *self.identifiers})

    def to_json(self) -> JsonObject:
        """The members of a decision report that say what was asked; the clock stands beside them."""
        return {
            "action": self.action,
            "party": self.party,
            "identifiers": sorted(self.identifiers),
            "purpose": self.purpose,
            "used": self.used,
            "fulfilled": sorted(self.fulfilled),
        }


def request_from(report: JsonObject) -> Request:
    """The request that a decision report tells of; `InvalidInput` where the report is not one."""
    try:
        asked, at = dict(report["request"]), datetime.fromisoformat(report["clock"])
        wrong = [name for name, right in _MEMBERS.items() if not right(asked[name])]
        request = Request(at=at, **asked)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"this is not a decision report: {error!r}", where="report") from error
    if wrong:
        raise InvalidInput(f"this is not a decision report: {', '.join(wrong)}", where="report.request")
    return request


def _text(value: Json) -> bool:
    return isinstance(value, str)


def _texts(value: Json) -> bool:
    return isinstance(value, list) and all(map(_text, value))


_MEMBERS: Final[Mapping[str, Callable[[Json], bool]]] = {
    "action": _text,
    "party": _text,
    "identifiers": _texts,
    "purpose": lambda value: value is None or _text(value),
    "used": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "fulfilled": _texts,
}
