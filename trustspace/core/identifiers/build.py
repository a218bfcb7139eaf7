"""From parts to identifier: what fails is refused when it is assigned. Randomness and time are arguments."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

from trustspace.core.errors import MisusedError
from trustspace.core.identifiers.characters import require
from trustspace.core.identifiers.check import ALPHANUMERIC, STAR, check_character
from trustspace.core.identifiers.codes import Kind, check_place
from trustspace.core.identifiers.model import ContractIdentifier, Identifier
from trustspace.core.identifiers.parse import check_extension, check_subject
from trustspace.core.identifiers.profile import DEFAULT, Profile
from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason
from trustspace.core.identifiers.subjects import check_credit_code

CHINA_TIME: Final = timezone(timedelta(hours=8))


def make(
    kind: Kind, *, subject: str, place: str, serial: str, extension: str = "", profile: Profile = DEFAULT
) -> Identifier:
    """Assign a 统一目录标识: `subject` 18 characters, `place` 4, `serial` 8 given by the caller, `extension` 0–32.

    Only a functional node assigns identifiers for production (NDI-TR-2025-04 draft, 5). Raises `InvalidInput` for a
    part that is wrong, and where the check of MOD 37-2 would be `*`: take another serial.
    """
    _check_parts(kind, subject, place, serial, profile)
    if extension:
        check_extension(kind, extension, profile)
    check = _assigned_check(f"{kind}{subject}{place}{serial}", profile)
    return Identifier(kind, subject, place, serial, check, extension)


def make_contract(
    *, subject: str, place: str, at: datetime, serial: str, head: str = "C4", profile: Profile = DEFAULT
) -> ContractIdentifier:
    """Assign a 合约标识码 to a contract of the business node of `subject`, made `at` (aware; written in +08:00).

    TC609-6-2025-14 gives no values for the first two characters; `C4` (contract, business node) is our choice.
    Raises as `make`, and `MisusedError` for a time without zone.
    """
    if at.tzinfo is None:
        raise MisusedError("the time of a contract identifier needs a zone", where="at", hint="datetime(…, tzinfo=…)")
    _check_parts(None, subject, place, serial, profile)
    require(head, ALPHANUMERIC, 2, where="head", hint="contract type and node type")
    time = at.astimezone(CHINA_TIME).strftime("%Y%m%d%H%M%S")
    check = _assigned_check(f"{head}{subject}{place}{time}{serial}", profile)
    return ContractIdentifier(head, subject, place, time, serial, check)


def _check_parts(kind: Kind | None, subject: str, place: str, serial: str, profile: Profile) -> None:
    if profile.other_subjects:
        require(subject, ALPHANUMERIC, 18, where="subject")
        check_subject(subject, where="subject")
    else:
        check_credit_code(subject, where="subject")
    check_place(kind, place, where="place")
    require(serial, ALPHANUMERIC, 8, where="serial", hint="eight digits or upper-case letters, drawn by the caller")


def _assigned_check(body: str, profile: Profile) -> str:
    check = check_character(body, profile.check)
    if check == STAR:
        raise InvalidIdentifier(
            Reason.CHECK_STAR,
            f"the check would be {STAR} ({profile.check}), which is never assigned",
            where="serial",
            hint="take another serial",
        )
    return check
