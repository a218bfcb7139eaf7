"""Who an identifier belongs to: 统一社会信用代码 (GB 32100), 组织机构代码 (GB 11714), 公民身份号码 (GB 11643)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final, NoReturn, final

from trustspace.core.errors import MisusedError
from trustspace.core.identifiers.characters import require
from trustspace.core.identifiers.check import (
    ALPHANUMERIC,
    CREDIT_ALPHABET,
    credit_code_check,
    organisation_check,
    resident_check,
)
from trustspace.core.identifiers.codes import PROVINCES
from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason

_RESIDENT: Final = re.compile(r"[0-9]{17}[0-9Xx]")
_ORIGIN: Final = "18 characters: department 1, category 1, division 6, organisation code 9, check 1 (GB 32100)"


def check_credit_code(text: str, *, where: str = "credit code") -> None:
    """`InvalidInput` unless `text` is a valid 统一社会信用代码: its form, its check, and its inner 组织机构代码."""
    require(text, CREDIT_ALPHABET, 18, where=where, hint=_ORIGIN)
    if not text[2:8].isdigit():
        raise InvalidIdentifier(
            Reason.PLACE,
            f"{text[2:8]} at positions 3–8 is no division code",
            where=where,
            hint="six digits (GB/T 2260)",
        )
    _compare(text[17], credit_code_check(text[:17]), 18, "GB 32100, MOD 31-3", where)
    check_organisation_code(text[8:17], where=f"{where}, positions 9–17 (组织机构代码)")


def check_organisation_code(text: str, *, where: str = "organisation code") -> None:
    """`InvalidInput` unless the nine characters are a valid 组织机构代码 (GB 11714), written without its hyphen."""
    require(text, ALPHANUMERIC, 9, where=where, hint="eight characters and a check (GB 11714)")
    expected = organisation_check(text[:8])
    if text[8] != expected:
        raise InvalidIdentifier(
            Reason.ORGANISATION_CHECK,
            f"the check of the organisation code is {text[8]}, but {text[:8]} has {expected}",
            where=where,
            hint="compare it with the business licence",
            position=9,
        )


def check_resident_number(text: str, *, where: str = "resident number") -> None:
    """Raise `InvalidInput` unless `text` is a valid 公民身份号码 (GB 11643, MOD 11-2). No message shows its digits."""
    if len(text) != 18:
        raise InvalidIdentifier(Reason.LENGTH, f"{len(text)} characters where a resident number has 18", where=where)
    if not _RESIDENT.fullmatch(text):
        raise InvalidIdentifier(Reason.CHARACTER, "not 17 digits and a check of 0–9 or X", where=where)
    if text[17] == "x":
        raise InvalidIdentifier(Reason.LOWER_CASE, "the check is x", where=where, hint="write X", position=18)
    if text[:2] not in PROVINCES:
        raise InvalidIdentifier(Reason.PLACE, "the first two digits are no province of GB/T 2260", where=where)
    if not is_date(text[6:14]):
        raise InvalidIdentifier(Reason.DATE, "positions 7–14 are no date", where=where, hint="YYYYMMDD", position=7)
    if text[17] != resident_check(text[:17]):
        raise InvalidIdentifier(Reason.CHECK, "the check does not fit (GB 11643, MOD 11-2)", where=where, position=18)


def is_date(text: str) -> bool:
    """Whether eight digits are a day of the calendar between 1800 and 2199."""
    if not ("1800" <= text[:4] <= "2199"):
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return True


def is_credit_code(text: str) -> bool:
    """Whether `check_credit_code` lets it pass."""
    return _passes(check_credit_code, text)


def is_resident(text: str) -> bool:
    """Whether `text` must be taken for a resident number: right, or mistyped in its check, and no credit code."""
    plausible = _RESIDENT.fullmatch(text) and text[:2] in PROVINCES and is_date(text[6:14])
    return bool(plausible) and not is_credit_code(text)


def mask(resident: str) -> str:
    """A resident number fit to be shown: the province, and a star for each other character."""
    return resident[:2] + "*" * (len(resident) - 2)


@final
class ResidentNumber:
    """A valid 公民身份号码 in memory, for validation and for making a pseudonym: printed masked, and never pickled.

    Raises `InvalidInput` where the number is not valid.
    """

    __slots__ = ("_number",)

    def __init__(self, text: str) -> None:
        check_resident_number(text)
        self._number = text

    def __str__(self) -> str:
        return mask(self._number)

    def __repr__(self) -> str:
        return f"ResidentNumber({self})"

    def __reduce__(self) -> NoReturn:
        raise MisusedError("a resident number is not stored", hint="keep its pseudonym")

    def pseudonym(self, transform: Callable[[str], str]) -> str:
        """主体标识码 of the person: what `transform`, the registrar's method, makes of the number (4.1 b names none).

        Raises `InvalidInput` unless the result is 18 digits or upper-case letters and shows no resident number.
        """
        result = transform(self._number)
        require(result, ALPHANUMERIC, 18, where="pseudonym", hint="the registrar's transformation gives 18 characters")
        if is_resident(result) or result == self._number:
            raise InvalidIdentifier(Reason.PSEUDONYM, "the pseudonym is a resident number", where="pseudonym")
        return result


def _passes(check: Callable[[str], None], text: str) -> bool:
    try:
        check(text)
    except InvalidIdentifier:
        return False
    return True


def _compare(found: str, expected: str, position: int, rule: str, where: str) -> None:
    if found != expected:
        raise InvalidIdentifier(
            Reason.CHECK,
            f"the check at position {position} is {found}, but {expected} fits ({rule})",
            where=where,
            hint="a character was mistyped or exchanged: compare it with the original",
            position=position,
        )
