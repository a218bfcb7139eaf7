"""Check characters: ISO/IEC 7064 (GB/T 17710), GB 32100, GB 11643 and GB 11714, each a few lines of arithmetic.

What each system promises, for texts of the lengths used here (the tests hold every line of it):

- `MOD 37,36` (hybrid) catches every substitution of one character, and every exchange of two neighbours except where
  both are one apart (`0` and `Z` too) *and* the running sum stands at one certain value: 2 of 1,260 neighbouring pairs
  in each of its 36 states, 0.16 %.
- `MOD 37-2` (pure) catches every substitution of one character and every exchange of two characters that do not stand
  a multiple of 36 places apart: in 32 characters every exchange there is.
- `MOD 31-3` (as GB 32100 weighs it) catches every substitution, and every exchange except of the first character and
  the check, which both weigh 1.
- `MOD 11-2` (pure) catches every substitution and every exchange except of characters ten places apart.
- The organisation code is no ISO 7064 system: letters that differ by a multiple of eleven pass for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason

ALPHANUMERIC: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100: no I, O, S, V, Z."""
STAR: Final = "*"
"""The value 36 of MOD 37-2: a check character only, and never one that is assigned here."""

_CREDIT_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_WEIGHTS: Final = tuple(pow(2, 17 - i, 11) for i in range(17))
_WITH_STAR: Final = ALPHANUMERIC + STAR
_ELEVEN: Final = "0123456789X"


class Algorithm(StrEnum):
    """The two systems of ISO/IEC 7064 in use for 统一目录标识."""

    MOD_37_36 = "MOD 37,36"
    MOD_37_2 = "MOD 37-2"


def check_character(body: str, algorithm: Algorithm) -> str:
    """The check character (校验码) of `body`; under MOD 37-2 it may be `*`.

    Raises `InvalidInput` for a character that is no digit and no upper-case letter.
    """
    values = values_of(body, ALPHANUMERIC)
    return _hybrid_37_36(values) if algorithm is Algorithm.MOD_37_36 else _pure_37_2(values)


def _hybrid_37_36(values: Sequence[int]) -> str:
    product = 36
    for value in values:
        total = (product + value) % 36 or 36
        product = 2 * total % 37
    return ALPHANUMERIC[(37 - product) % 36]


def _pure_37_2(values: Sequence[int]) -> str:
    product = 0
    for value in values:
        product = (product + value) * 2 % 37
    return _WITH_STAR[(1 - product) % 37]


def credit_code_check(body: str) -> str:
    """Character 18 of a 统一社会信用代码 from its first 17 (GB 32100, MOD 31-3)."""
    return CREDIT_ALPHABET[-_weighted(body, CREDIT_ALPHABET, _CREDIT_WEIGHTS) % 31]


def organisation_check(body: str) -> str:
    """Character 9 of a 组织机构代码 from its first 8 (GB 11714, MOD 11)."""
    return _ELEVEN[-_weighted(body, ALPHANUMERIC, _ORGANISATION_WEIGHTS) % 11]


def resident_check(body: str) -> str:
    """Character 18 of a 公民身份号码 from its first 17 digits (GB 11643, MOD 11-2)."""
    return _ELEVEN[(1 - _weighted(body, "0123456789", _RESIDENT_WEIGHTS)) % 11]


def _weighted(body: str, alphabet: str, weights: Sequence[int]) -> int:
    if len(body) != len(weights):
        raise InvalidIdentifier(Reason.LENGTH, f"{len(body)} characters where the check is made over {len(weights)}")
    return sum(value * weight for value, weight in zip(values_of(body, alphabet), weights, strict=True))


def values_of(text: str, alphabet: str) -> list[int]:
    """The value of each character: its place in the alphabet. `InvalidInput` for one that is not in it."""
    values = [alphabet.find(character) for character in text]
    if -1 in values:
        position = values.index(-1) + 1
        raise InvalidIdentifier(
            Reason.CHARACTER,
            f"{text[position - 1]!r} at position {position} is not one of {alphabet}",
            position=position,
        )
    return values
