"""The machine's own clock and randomness."""

from __future__ import annotations

import os
import secrets
import string
import time
from datetime import UTC, datetime
from typing import Final

SERIAL: Final = string.digits + string.ascii_uppercase


class SystemClock:
    """`ports.Clock` by the operating system."""

    def now(self) -> datetime:
        """The present time in UTC."""
        return datetime.now(UTC)


class SystemIds:
    """`ports.Ids` by the operating system's randomness."""

    def __init__(self) -> None:
        self._last = 0

    def uuid(self) -> str:
        """A `urn:uuid:…` of version 7 (RFC 9562, 5.7): milliseconds, a count within them, 62 random bits.

        Names that follow each other in time lie beside each other in every index, so that a commit touches few pages.
        Each is greater than the one before, also where the clock goes back.
        """
        self._last = max(self._last + 1, time.time_ns() // 1_000_000 << 12)
        stamp, count = self._last >> 12, self._last & 0xFFF
        tail = int.from_bytes(os.urandom(8)) >> 2 | 1 << 63
        text = f"{stamp << 16 | 0x7000 | count:016x}{tail:016x}"
        return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def token(self) -> str:
        """A secret of 256 bits."""
        return secrets.token_urlsafe(32)

    def code(self, length: int) -> str:
        """`length` characters of 0-9 and A-Z."""
        return "".join(secrets.choice(SERIAL) for _ in range(length))
