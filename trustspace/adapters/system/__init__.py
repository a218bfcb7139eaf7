"""The machine's own clock and randomness."""

from __future__ import annotations

import secrets
import string
import uuid
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

    def uuid(self) -> str:
        """A random `urn:uuid:…` (version 4)."""
        return f"urn:uuid:{uuid.uuid4()}"

    def token(self) -> str:
        """A secret of 256 bits."""
        return secrets.token_urlsafe(32)

    def code(self, length: int) -> str:
        """`length` characters of 0-9 and A-Z."""
        return "".join(secrets.choice(SERIAL) for _ in range(length))
