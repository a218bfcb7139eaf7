"""Six-digit return codes ABCDEF (返回码, NDI-TR-2025-03 draft): A who is at fault, BC whose business, DEF what.

A: 0 nothing, 1 the system, 2 a parameter, 3 the business. BC: 00 common, 02 organisation, 05 connector; 06 catalogue is
ours. The rows marked ours fill what the draft has no code for.
"""

from __future__ import annotations

from typing import Final

from trustspace.core.canon import Json, JsonObject
from trustspace.core.errors import (
    Conflict,
    Forbidden,
    IllegalTransition,
    InvalidInput,
    MisusedError,
    NotFound,
    NotVerified,
    Refused,
    StorageFull,
    TooLarge,
    TrustspaceError,
    Unauthenticated,
    Unavailable,
)

COMMON: Final = "00"
ORGANISATION: Final = "02"
CONNECTOR: Final = "05"
CATALOGUE: Final = "06"


class FieldMissing(InvalidInput):
    """A mandatory field is empty."""


class FieldTooLong(InvalidInput):
    """A field is longer than its table says."""


class WrongVersion(InvalidInput):
    """The msgversion is none that this node speaks."""


class WrongTime(InvalidInput):
    """The timestamp is too far from this node's clock."""


class WrongName(InvalidInput):
    """The msgcode is not the interface that was called, or there is none of that name."""


class Unreadable(InvalidInput):
    """The body is not the JSON that is asked for."""


CODES: Final[tuple[tuple[type[TrustspaceError], str, str], ...]] = (
    (FieldMissing, "2", "001"),
    (FieldTooLong, "2", "003"),
    (WrongVersion, "2", "005"),
    (WrongTime, "2", "006"),
    (WrongName, "2", "007"),
    (Unreadable, "2", "008"),
    (TooLarge, "2", "009"),  # ours
    (InvalidInput, "2", "002"),
    (MisusedError, "2", "000"),
    (NotFound, "3", "001"),
    (IllegalTransition, "3", "002"),
    (Conflict, "3", "003"),
    (Refused, "3", "004"),  # ours
    (Forbidden, "3", "005"),  # ours
    (Unauthenticated, "1", "004"),
    (NotVerified, "1", "006"),
    (StorageFull, "1", "008"),  # ours
    (Unavailable, "1", "001"),
    (TrustspaceError, "1", "000"),
)
"""First row whose error it is: A and DEF."""

_KINDS: Final = {(first, detail): kind for kind, first, detail in CODES} | {
    ("1", "002"): Unavailable,
    ("1", "003"): Unavailable,
    ("1", "005"): Unauthenticated,
    ("1", "007"): Forbidden,
    ("2", "004"): FieldMissing,
}
_CLASSES: Final = {"1": TrustspaceError, "2": InvalidInput, "3": Refused}


def success(subject: str) -> str:
    """The code of a call that was done: `0XX000`."""
    return f"0{subject}000"


def code_of(error: TrustspaceError, subject: str) -> str:
    """The code of a refusal."""
    first, detail = next((first, detail) for kind, first, detail in CODES if isinstance(error, kind))
    return f"{first}{subject}{detail}"


def details(error: TrustspaceError) -> JsonObject:
    """What a refusal carries as `data` (ours): where it went wrong and what to do, to be shown to a person."""
    return {"where": error.where, "hint": error.hint}


def error_of(code: str, message: str, data: Json) -> TrustspaceError:
    """The error of the same kind as the one that made this code, with the node's own words."""
    kind: type[TrustspaceError] = TrustspaceError
    if len(code) == 6:
        kind = _KINDS.get((code[0], code[3:])) or _CLASSES.get(code[0], TrustspaceError)
    more = data if isinstance(data, dict) else {}
    where, hint = (str(more.get(name) or "") for name in ("where", "hint"))
    return kind(message or f"the node answered {code}", where=where, hint=hint)
