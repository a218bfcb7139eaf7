"""DER, the little that signatures need: a writer of elements, and a strict reader that is total (X.690, 10).

The reader knows one spelling of each length and no indefinite ones, and goes as deep as it is asked to, so that no input
makes it recurse. What it hands out are slices of the bytes that were signed; nothing is ever written again to be hashed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from trustspace.core.errors import InvalidInput

INTEGER, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
_LAST_UTC_YEAR: Final = 2049
_TIMES: Final = {
    UTC_TIME: (re.compile(rb"\d{12}Z"), 2),
    GENERALIZED_TIME: (re.compile(rb"\d{14}Z"), 4),
}


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


def set_of(*elements: bytes) -> bytes:
    """A SET OF, its members in the order that DER asks for (X.690, 11.6)."""
    return tlv(SET, *sorted(elements))


def time(moment: datetime) -> bytes:
    """A Time to the second: UTCTime up to 2049, GeneralizedTime from then on (RFC 5652, 11.3)."""
    moment = moment.astimezone(UTC)
    if moment.year <= _LAST_UTC_YEAR:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def read_time(element: Element) -> datetime:
    """The moment that a Time names; `InvalidInput` for any form but the one that `time` writes."""
    pattern, year = _TIMES.get(element.tag, (None, 0))
    if pattern is None or not pattern.fullmatch(element.content):
        raise InvalidInput("a time is expected here", where="DER")
    text = element.content.decode()
    century = "" if year == 4 else "20" if text < "5" else "19"
    try:
        moment = datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput("this is no time", where="DER") from error
    if time(moment) != element.raw:
        raise InvalidInput("this time has a second spelling", where="DER")
    return moment


def elements(data: bytes) -> list[Element]:
    """The elements that the bytes consist of; `InvalidInput` where they are not DER from the first to the last byte."""
    found, place = [], 0
    while place < len(data):
        start = place
        tag, place = data[place], place + 2
        if tag & 0x1F == 0x1F or place > len(data):
            raise InvalidInput("a tag that is not known here, or the end in the middle", where="DER")
        size, place = _size(data, place)
        content = data[place : place + size]
        place += size
        if len(content) != size:
            raise InvalidInput("the bytes end in the middle of an element", where="DER")
        found.append(Element(tag, content, data[start:place]))
    return found


def _size(data: bytes, place: int) -> tuple[int, int]:
    """The content's size, whose first byte stands before `place`, and where the content begins."""
    first = data[place - 1]
    if first < 0x80:
        return first, place
    width = first & 0x7F
    length = data[place : place + width]
    size = int.from_bytes(length, "big")
    if not 1 <= width <= 4 or len(length) != width or length[0] == 0 or size < 0x80:
        raise InvalidInput("a length that is not DER", where="DER")
    return size, place + width


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element, of that tag, that the bytes consist of."""
    (element,) = shaped(data, (tag,))
    return element.content


def shaped(data: bytes, tags: Sequence[int]) -> list[Element]:
    """The elements of the bytes, which have these tags in this order; else `InvalidInput`."""
    found = elements(data)
    if [element.tag for element in found] != list(tags):
        shape = " ".join(f"{element.tag:02x}" for element in found[:12])
        raise InvalidInput(f"elements {shape or 'none'} where others are expected", where="DER")
    return found
