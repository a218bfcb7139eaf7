"""The list that is signed: one `<SHA-256>  <name>` a line, as `sha256sum` writes and checks it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from trustspace.core.errors import InvalidInput

MAX_LINES: Final = 10_000
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,126}"
_LINE: Final = re.compile(rf"([0-9a-f]{{64}})  ({_NAME}(?:/{_NAME})*)")


def sums(entries: Iterable[tuple[str, str]]) -> bytes:
    """The list of (digest, name), in the order given; `InvalidInput` where it could not be read back."""
    pairs = tuple(entries)
    data = "".join(f"{digest}  {name}\n" for digest, name in pairs).encode()
    if parse_sums(data) != pairs:
        raise InvalidInput("a name with a newline in it", where="sha256sum list")
    return data


def parse_sums(data: bytes, *, where: str = "sha256sum list") -> tuple[tuple[str, str], ...]:
    """The (digest, name) pairs of a list; `InvalidInput` for any other spelling.

    Digests are 64 lower-case digits, names are relative, plain ASCII and stand once, each line ends in one newline,
    and there is at least one line.
    """
    try:
        *lines, rest = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidInput("names in the list are ASCII", where=where) from error
    if rest or not 1 <= len(lines) <= MAX_LINES:
        raise InvalidInput(f"1 to {MAX_LINES} lines are expected, each ended by a newline", where=where)
    found = [_LINE.fullmatch(line) for line in lines]
    pairs = tuple((match[1], match[2]) for match in found if match)
    if len(pairs) != len(lines):
        raise InvalidInput(f"line {found.index(None) + 1} is not `<64 hexadecimal digits>  <name>`", where=where)
    if len({name for _, name in pairs}) != len(pairs):
        raise InvalidInput("a name stands twice", where=where)
    return pairs
