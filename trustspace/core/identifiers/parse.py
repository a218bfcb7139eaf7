"""From text to identifier: read from left to right, and the first thing that is wrong is named with its position."""

from __future__ import annotations

from typing import Final

from trustspace.core.identifiers.characters import require, require_alphabet
from trustspace.core.identifiers.check import ALPHANUMERIC, STAR, Algorithm, check_character
from trustspace.core.identifiers.codes import Kind, check_place
from trustspace.core.identifiers.model import ContractIdentifier, Identifier
from trustspace.core.identifiers.profile import DEFAULT, LOOSE_SEPARATORS, SEPARATOR, Profile
from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason
from trustspace.core.identifiers.subjects import is_date, is_resident

CODE_LENGTH: Final = 32
CONTRACT_LENGTH: Final = 47
EXTENSION_LENGTH: Final = 32
_TYPES: Final = "".join(Kind)
_LAYOUT: Final = "type 1, subject 18, region or industry 4, serial 8, check 1"
_CONTRACT_LAYOUT: Final = "types 2, subject 18, region or industry 4, time 14, serial 8, check 1"


def parse(text: str, *, profile: Profile = DEFAULT) -> Identifier:
    """The 统一目录标识 in `text`, valid under the profile's algorithm and no other (NDI-TR-2025-04 draft, 4).

    Raises `InvalidInput` that says what is wrong, at which position, and what to do.
    """
    code, separator, extension = split(text)
    _require_code(code, 1, CODE_LENGTH, "identifier", _LAYOUT, profile)
    if code[0] not in _TYPES:
        raise InvalidIdentifier(
            Reason.KIND,
            f"{code[0]!r} at position 1 is no type",
            where="identifier",
            hint="types are " + ", ".join(f"{kind} {kind.english}" for kind in Kind),
            position=1,
        )
    kind, subject, place = Kind(code[0]), code[1:19], code[19:23]
    check_place(kind, place, where="identifier, positions 20–23 (place)")
    if separator:
        _require_separator(separator, profile)
        check_extension(kind, extension, profile)
    require_check(code, profile, where="identifier")
    return Identifier(kind, subject, place, code[23:31], code[31], extension)


def parse_contract(text: str, *, profile: Profile = DEFAULT) -> ContractIdentifier:
    """The 合约标识码 in `text`, by position (TC609-6-2025-14); its check is taken to follow the profile's algorithm.

    Raises `InvalidInput` that says what is wrong, at which position, and what to do.
    """
    _require_code(text, 2, CONTRACT_LENGTH, "contract identifier", _CONTRACT_LAYOUT, profile)
    check_place(None, text[20:24], where="contract identifier, positions 21–24 (place)")
    check_time(text[24:38], where="contract identifier, positions 25–38 (time)")
    require_check(text, profile, where="contract identifier")
    return ContractIdentifier(text[:2], text[2:20], text[20:24], text[24:38], text[38:46], text[46])


def split(text: str) -> tuple[str, str, str]:
    """The code, the first thing that looks like a separator, and what follows it; ('', '') where there is none."""
    for position, character in enumerate(text):
        if character in SEPARATOR + LOOSE_SEPARATORS:
            return text[:position], character, text[position + 1 :]
    return text, "", ""


def check_subject(subject: str, *, where: str) -> None:
    """Refuse a resident number in the clear (4.1 b: 完成加密处理后生成); any other 18 characters may stand."""
    if is_resident(subject):
        raise InvalidIdentifier(
            Reason.RESIDENT,
            "this is a resident number in the clear",
            where=where,
            hint="a person's subject code is an 18-character pseudonym made by the registrar",
        )


def check_time(text: str, *, where: str) -> None:
    """Refuse 14 characters that are no YYYYMMDDHHMMSS."""
    clock = (text[8:10], text[10:12], text[12:14])
    if not text.isdigit() or not is_date(text[:8]) or clock > ("23", "59", "59") or max(clock[1:]) > "59":
        raise InvalidIdentifier(Reason.TIME, f"{text!r} is no time", where=where, hint="YYYYMMDDHHMMSS, to the second")


def check_extension(kind: Kind, extension: str, profile: Profile) -> None:
    """Refuse an extension (扩展码) on a kind that has none, of other than 1–32 characters, or of other characters."""
    where = "identifier, from position 34 (extension)"
    if not kind.extensible:
        raise InvalidIdentifier(
            Reason.EXTENSION,
            f"a {kind.english} ({kind.chinese}) has no extension",
            where=where,
            hint="only data products (6) and data resources (7) have one",
        )
    if not 1 <= len(extension) <= EXTENSION_LENGTH:
        raise InvalidIdentifier(
            Reason.EXTENSION,
            f"{len(extension)} characters where 1 to {EXTENSION_LENGTH} may stand",
            where=where,
            hint=f"leave {SEPARATOR} away where there is no extension",
        )
    check_subject(extension, where=where)
    require_alphabet(extension, profile.extension_alphabet, where=where, start=CODE_LENGTH + 2)


def require_check(text: str, profile: Profile, *, where: str) -> None:
    """Refuse a last character that is not the check of the others under the profile's algorithm."""
    expected = check_character(text[:-1], profile.check)
    if text[-1] != expected:
        raise InvalidIdentifier(
            Reason.CHECK,
            f"the check at position {len(text)} is {text[-1]}, but {expected} fits ({profile.check})",
            where=where,
            hint="a character was mistyped or exchanged, or the code was made under another algorithm",
            position=len(text),
        )


def _require_code(code: str, head: int, length: int, where: str, layout: str, profile: Profile) -> None:
    """Length, subject (after `head` characters), alphabet; `*` only where MOD 37-2 is in force, as the check."""
    allowed = ALPHANUMERIC + (STAR if profile.check is Algorithm.MOD_37_2 else "")
    if len(code) != length:
        require(code, ALPHANUMERIC, length, where=where, hint=layout)
    check_subject(code[head : head + 18], where=f"{where}, positions {head + 1}–{head + 18} (subject)")
    require_alphabet(code, allowed, where=where)


def _require_separator(separator: str, profile: Profile) -> None:
    if separator not in profile.separators:
        raise InvalidIdentifier(
            Reason.SEPARATOR,
            f"{separator!r} (U+{ord(separator):04X}) at position 33 does not separate an extension",
            where="identifier",
            hint=f"write {SEPARATOR} (U+2022), or accept others by the profile's separators",
            position=33,
        )
