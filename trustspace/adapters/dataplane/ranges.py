"""Byte ranges (RFC 9110, 13.1.5 and 14): one range of content that is named by its digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from trustspace.ports import Content

_RANGE: Final = re.compile(r"bytes\s*=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Slice:
    """An answer to a request for content: its status and headers, and the bytes [start, stop) of its body."""

    status: int
    headers: dict[str, str]
    start: int
    stop: int


def etag(content: Content) -> str:
    """The strong entity tag: the SHA-256 in quotes."""
    return f'"{content.digest}"'


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """[start, stop) of a single range; None where the header is to be ignored (another unit, several, malformed).

    An empty interval means that it cannot be satisfied.
    """
    match = _RANGE.fullmatch(header)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) else (size, size)
    if last and int(last) < int(first):
        return None
    start = min(int(first), size)
    return start, (min(int(last) + 1, size) if last else size)


def respond(content: Content, range_header: str | None, if_range: str | None) -> Slice:
    """Which bytes to send and how to say so: 200 the whole, 206 a part, 416 nothing.

    A range counts only if `If-Range` is absent or this content's strong tag: a resume never mixes two versions.
    Of empty content there are no parts.
    """
    wanted = None
    if range_header and content.size and if_range in (None, etag(content)):
        wanted = parse_range(range_header, content.size)
    if wanted is None:
        return Slice(200, _headers(content, content.size), 0, content.size)
    start, stop = wanted
    if start >= stop:
        return Slice(416, {"content-range": f"bytes */{content.size}", "content-length": "0"}, 0, 0)
    headers = _headers(content, stop - start) | {"content-range": f"bytes {start}-{stop - 1}/{content.size}"}
    return Slice(206, headers, start, stop)


def _headers(content: Content, length: int) -> dict[str, str]:
    return {
        "accept-ranges": "bytes",
        "cache-control": "private, no-store",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(content.name, safe='')}",
        "content-length": str(length),
        "content-type": content.media_type,
        "etag": etag(content),
    }
