"""Bytes that mean one thing: strict reading of JSON, and the canonical form that is signed (RFC 8785).

The canonical writer is `rfc8785`; documents of plain members (ASCII keys, no floats, integers within ±(2^53−1)) take
orjson with sorted keys, which yields the same bytes about ten times faster. What orjson reads and writes again as the
same bytes was read without loss, and needs no second, slower reading; most messages between our nodes are such.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any, Final, NoReturn

import orjson
import rfc8785

from trustspace.core.errors import InvalidInput, TooLarge

Json = Any
"""Any JSON value: text, number, bool, None, list or dict with text keys (too recursive for the type checker)."""
JsonObject = dict[str, Any]

MAX_BYTES: Final = 1 << 20
"""The largest message read, in bytes (1 MiB)."""
MAX_DEPTH: Final = 64
"""The deepest nesting of arrays and objects read."""
SPREAD: Final = 16
"""One bracket or comma is read for so many bytes of a limit (65,536 in a message): what is built is in proportion."""
_SAFE: Final = (1 << 53) - 1


def canonical(value: Json) -> bytes:
    """The RFC 8785 bytes of a JSON value; `InvalidInput` where it has none (NaN, a lone surrogate, …)."""
    try:
        if _plain(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, orjson.JSONEncodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput(f"this value has no canonical form: {error}") from error


def _plain(value: Json) -> bool:
    """Whether orjson's sorted form is byte-identical to RFC 8785 for this value."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-_SAFE <= value <= _SAFE)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii() or not (type(item) is str or _plain(item)):
                return False
        return True
    if kind is list:
        for item in value:  # noqa: SIM110 -- a generator costs more than the whole check
            if not (type(item) is str or _plain(item)):
                return False
        return True
    return False


def loads(data: bytes, *, where: str = "body", limit: int = MAX_BYTES) -> Json:
    """The JSON value in `data`, read strictly.

    Refused: more than `limit` bytes or a sixteenth as many values, nesting over 64, a member named twice, NaN or
    infinity, a number out of range, an integer that a double cannot hold (RFC 7493, 2.2), a byte order mark, lone
    surrogates, the character NUL, anything that is not UTF-8. Raises `TooLarge` or `InvalidInput`.
    """
    if len(data) > limit:
        raise TooLarge(f"{len(data)} bytes are more than the {limit} allowed", where=where)
    _check_shape(data, where, limit)
    if b"\\u0000" in data and _NUL.search(data):
        raise InvalidInput("the character NUL ends a text for some readers and not for others", where=where)
    try:
        value = orjson.loads(data)
        if orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER) == data:
            return value  # nothing was dropped, doubled or rounded
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass  # the slower reader is the judge
    try:
        value = _DECODER.decode(data.decode())
        orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)  # refuses lone surrogates, and integers over 53 bits
    except (ValueError, RecursionError, TypeError) as error:
        raise InvalidInput(f"this is not acceptable JSON: {error}", where=where) from error
    return value


def loads_object(data: bytes, *, where: str = "body", limit: int = MAX_BYTES) -> JsonObject:
    """As `loads`, and `InvalidInput` where the value is not an object."""
    value = loads(data, where=where, limit=limit)
    if not isinstance(value, dict):
        raise InvalidInput("a JSON object is expected", where=where)
    return value


def _check_shape(data: bytes, where: str, limit: int) -> None:
    """Refuse what is too wide or too deep before any of it is built; only where there are many marks is more looked at.

    Depth is counted in rounds, each of which takes away the innermost pairs all at once.
    """
    brackets = data.count(b"[") + data.count(b"{")
    if brackets <= MAX_DEPTH and data.count(b",") <= limit // SPREAD:
        return
    left, depth = _outside_texts(data).translate(_BRACKETS, _OTHERS), 0
    if len(left) > limit // SPREAD:
        raise TooLarge(f"more than {limit // SPREAD} values", where=where)
    left = left.translate(None, b",")
    while (fewer := left.replace(b"[]", b"")) != left:
        left, depth = fewer, depth + 1
        if depth > MAX_DEPTH:
            break
    if depth + left.count(b"[") > MAX_DEPTH:
        raise TooLarge(f"nested deeper than {MAX_DEPTH}", where=where)


def _outside_texts(data: bytes) -> bytes:
    """What stands outside of quotes: escapes go first, and then every other piece is a text."""
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in data else data
    return b"".join(plain.split(b'"')[::2])


_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in b"[]{},")


def _members(pairs: list[tuple[str, Json]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _number(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError(f"{text:.40} is out of range")
    return value


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_number)


def digest(data: bytes) -> str:
    """The SHA-256 of the bytes in 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def encode64(data: bytes) -> str:
    """base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode64(text: str, *, where: str = "") -> bytes:
    """The bytes of base64url text without padding; `InvalidInput` for any other spelling of them."""
    if "+" in text or "/" in text:
        raise InvalidInput("this is base64, and base64url is expected", where=where)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("this is not base64url", where=where) from error
    if text and text[-1] not in _LAST.get(len(text) % 4, ""):
        raise InvalidInput("this base64url has a second spelling", where=where)
    return data


_LAST: Final = {
    0: frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    2: frozenset("AQgw"),
    3: frozenset("AEIMQUYcgkosw048"),
}
"""The last characters whose unused bits are zero, by the length modulo 4."""
