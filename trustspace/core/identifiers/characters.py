"""The alphabet and length of a text, refused with the position and with what to write instead."""

from __future__ import annotations

import unicodedata

from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason


def require(text: str, alphabet: str, length: int, *, where: str, hint: str = "", start: int = 1) -> None:
    """Raise `InvalidInput` unless `text` has `length` characters of `alphabet`; positions are counted from `start`."""
    if len(text) != length:
        raise InvalidIdentifier(
            Reason.LENGTH, f"{len(text)} characters where {length} are needed", where=where, hint=hint
        )
    require_alphabet(text, alphabet, where=where, start=start)


def require_alphabet(text: str, alphabet: str, *, where: str, start: int = 1) -> None:
    """Raise `InvalidInput` at the first character that is not in `alphabet`; no lower-case letter is mended here."""
    for position, character in enumerate(text, start):
        if character not in alphabet:
            raise _wrong(character, position, alphabet, where)


def _wrong(character: str, position: int, alphabet: str, where: str) -> InvalidIdentifier:
    upper = unicodedata.normalize("NFKC", character).upper()
    reason = Reason.LOWER_CASE if character.isascii() and character.islower() else Reason.CHARACTER
    what = f"{character!r} (U+{ord(character):04X}) at position {position} is not allowed"
    if len(upper) == 1 and upper in alphabet:
        hint = (
            f"write {upper!r} there: identifiers have ASCII digits and upper-case letters, and are not mended silently"
        )
    else:
        hint = f"allowed are {alphabet}"
    return InvalidIdentifier(reason, what, where=where, hint=hint, position=position)
