"""gzip both ways (RFC 9110, 8.4.1.3): given to who asks for it, and taken only as far as a bound."""

from __future__ import annotations

import gzip
import zlib
from typing import Final

from trustspace.core.errors import InvalidInput, TooLarge

LEVEL: Final = 4
"""Of a page of offers 6 makes hardly less and takes twice as long."""
_GZIP: Final = zlib.MAX_WBITS | 16
_NAMES: Final = frozenset({"gzip", "x-gzip"})


def wants_gzip(accept_encoding: str) -> bool:
    """Whether the header asks for gzip by name, and not with a weight of 0."""
    for item in accept_encoding.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() in _NAMES:
            return weight.replace(" ", "").rstrip("0.") not in ("q=", "q")
    return False


def zipped(data: bytes) -> bytes:
    """The data as gzip; the same data are the same bytes."""
    return gzip.compress(data, compresslevel=LEVEL, mtime=0)


def decoded(data: bytes, content_encoding: str, limit: int) -> bytes:
    """A body as it was before its `Content-Encoding`: gzip, or none.

    Raises `TooLarge` once it grows over `limit` bytes, having made no more than that; `InvalidInput` for another
    coding, and for gzip that is damaged, broken off, or has something behind its end.
    """
    coding = content_encoding.strip().lower()
    if coding in ("", "identity"):
        return data
    if coding not in _NAMES:
        raise InvalidInput(f"its coding {coding!r} was not asked for", where="Content-Encoding")
    machine = zlib.decompressobj(_GZIP)
    try:
        found = machine.decompress(data, limit + 1)
    except zlib.error as error:
        raise InvalidInput(f"this is not gzip: {error}", where="body") from error
    if len(found) > limit:
        raise TooLarge(f"unpacked it is over {limit} bytes", where="body")
    if not machine.eof or machine.unused_data:
        raise InvalidInput("the gzip breaks off, or goes on behind its end", where="body")
    return found
