"""Why a text is not a valid identifier: one error class, with a reason that a machine may match on."""

from __future__ import annotations

from enum import StrEnum

from trustspace.core.errors import InvalidInput


class Reason(StrEnum):
    """The stable reason codes of specs/identifiers.md, 7."""

    LENGTH = "length"
    LOWER_CASE = "lower-case"
    CHARACTER = "character"
    KIND = "kind"
    RESIDENT = "resident-number"
    PLACE = "place"
    TIME = "time"
    SEPARATOR = "separator"
    EXTENSION = "extension"
    CHECK = "check"
    CHECK_STAR = "check-star"
    DATE = "date"
    ORGANISATION_CHECK = "organisation-check"
    PSEUDONYM = "pseudonym"
    UNKNOWN = "unknown"


class InvalidIdentifier(InvalidInput):
    """`InvalidInput` with the `reason` code and the first wrong `position` (from 1; 0 where no single one is wrong)."""

    def __init__(self, reason: Reason, what: str, *, where: str = "", hint: str = "", position: int = 0) -> None:
        super().__init__(what, where=where, hint=hint)
        self.reason, self.position = reason, position
