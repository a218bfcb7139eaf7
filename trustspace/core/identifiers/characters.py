"""The alphabet and length of a text, refused with the position and with what to write instead."""

from __future__ import annotations

import unicodedata

from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason


def require(text: str, alphabet: str, length: int, *, where: str, hint: str = "") -> None:
    """Raise `InvalidInput` unless `text` has `length` characters of `alphabet`."""
    if len(text) != length:
        what = f"{len(text)} characters where {length} are needed"
        raise InvalidIdentifier(Reason.LENGTH, what, where=where, hint=hint)
    require_alphabet(text, alphabet, where=where)


def require_alphabet(text: str, alphabet: str, *, where: str, start: int = 1) -> None:
    """`InvalidInput` at the first character not in `alphabet`, nothing mended; positions are counted from `start`."""
    for position, character in enumerate(text, start):
        if character not in alphabet:
            raise InvalidIdentifier(
                Reason.LOWER_CASE if "a" <= character <= "z" else Reason.CHARACTER,
                f"{character!r} (U+{ord(character):04X}) at position {position} is not allowed",
                where=where,
                hint=_written_right(text, character, alphabet) or f"allowed are {alphabet}",
                position=position,
            )


def _written_right(text: str, character: str, alphabet: str) -> str:
    """Advice where upper case and ASCII mend it; the whole text is shown only where it is no resident number."""
    whole, single = _plain(text), _plain(character)
    if set(whole) <= set(alphabet) and not set(whole) <= set("0123456789X"):
        return f"if {whole} is meant, write it so: nothing is mended silently"
    return f"if {single} is meant, write it so" if len(single) == 1 and single in alphabet else ""


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()
