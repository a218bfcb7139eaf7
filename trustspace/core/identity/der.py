"""DER, the little that signatures need: a writer of elements, and a strict reader that is total (X.690, 10).

The reader knows one spelling of each length and no indefinite ones, and goes as deep as it is asked to, so that no
input makes it recurse. It hands out slices of the bytes that were signed; nothing is written again to be hashed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from trustspace.core.errors import InvalidInput

INTEGER, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
_FIRST_LONG_YEAR: Final = 2050
_TIME: Final = re.compile(rb"(?:\x17\x0d(\d\d)|\x18\x0f(20[5-9]\d|2[1-9]\d\d|[3-9]\d\d\d))" + rb"(\d\d)" * 5 + b"Z")


class Element(NamedTuple):
    """One element: its tag byte, its content, and the whole as it stood in the input."""

    tag: int
    content: bytes
    raw: bytes


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element of that tag whose content is the parts one after the other."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(hexadecimal: str) -> bytes:
    """An OBJECT IDENTIFIER from its content in hexadecimal."""
    return tlv(OID, bytes.fromhex(hexadecimal))


def time(moment: datetime) -> bytes:
    """A Time to the second: UTCTime up to 2049, GeneralizedTime from then on (RFC 5652, 11.3)."""
    moment = moment.astimezone(UTC)
    if moment.year < _FIRST_LONG_YEAR:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def read_time(element: Element) -> datetime:
    """The moment that a Time names; `InvalidInput` for any form but the one that `time` writes."""
    match = _TIME.fullmatch(element.raw)
    if match is None:
        raise InvalidInput("a time is expected here, in UTC and to the second", where="DER")
    short, long, *rest = match.groups()
    year = int(short or long)
    if short:
        year += 2000 if year < _FIRST_LONG_YEAR - 2000 else 1900
    month, day, hour, minute, second = map(int, rest)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput("this is no time", where="DER") from error


def elements(data: bytes) -> list[Element]:
    """The elements that the bytes consist of; `InvalidInput` where they are not DER from the first to the last byte."""
    found, start, end = [], 0, len(data)
    while start < end:
        place, first = start + 2, data[start + 1] if start + 1 < end else 0x80
        size, place = (first, place) if first < 0x80 else _size(data, place, first & 0x7F)
        after, tag = place + size, data[start]
        if after > end or tag & 0x1F == 0x1F:
            raise InvalidInput("the bytes end in the middle of an element, or its tag is not known here", where="DER")
        found.append(Element(tag, data[place:after], data[start:after]))
        start = after
    return found


def _size(data: bytes, place: int, width: int) -> tuple[int, int]:
    """The content's size, which stands in `width` bytes at `place`, and where the content begins."""
    length = data[place : place + width]
    size = int.from_bytes(length, "big")
    if not 1 <= width <= 4 or len(length) != width or length[0] == 0 or size < 0x80:
        raise InvalidInput("a length that is not DER", where="DER")
    return size, place + width


def first(data: bytes) -> Element:
    """The first of at least one element."""
    found = elements(data)
    if not found:
        raise InvalidInput("an element is missing", where="DER")
    return found[0]


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element, of that tag, that the bytes consist of."""
    (element,) = shaped(data, (tag,))
    return element.content


def shaped(data: bytes, tags: tuple[int, ...]) -> list[Element]:
    """The elements of the bytes, which have these tags in this order; else `InvalidInput`."""
    found = elements(data)
    if tuple([element.tag for element in found]) != tags:
        shape = " ".join(f"{element.tag:02x}" for element in found[:12])
        raise InvalidInput(f"elements {shape or 'none'} where others are expected", where="DER")
    return found
