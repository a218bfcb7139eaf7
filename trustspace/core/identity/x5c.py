"""Certificates in JSON: `x5c`, a list of standard base64 of DER, the signer's own first (RFC 7515, 4.1.6)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from trustspace.core.canon import Json
from trustspace.core.errors import InvalidInput

MAX_CHAIN: Final = 4


def encode(certificates: Sequence[bytes]) -> list[str]:
    """The member's value."""
    return [base64.b64encode(certificate).decode() for certificate in certificates]


def decode(value: Json) -> tuple[bytes, ...]:
    """The certificates in DER, 1 to 4 of them and unchecked; `InvalidInput` for any other form."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CHAIN:
        raise InvalidInput(f"a list of 1 to {MAX_CHAIN} certificates is expected", where="x5c")
    return tuple(_certificate(text) for text in value)


def _certificate(text: Json) -> bytes:
    try:
        data = base64.b64decode(text if isinstance(text, str) else "=", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("a certificate in base64 is expected", where="x5c") from error
    if not data or base64.b64encode(data).decode() != text:
        raise InvalidInput("this base64 has a second spelling, or is empty", where="x5c")
    return data
