"""A key made from a seed: the same seed, the same key. For tests and simulations, never for a node."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from trustspace.adapters.keys.private import PrivateKey

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class MemoryKey(PrivateKey):
    """A P-256 key whose scalar is derived from the seed; implements `trustspace.ports.Signer`."""

    def __init__(self, seed: bytes | str) -> None:
        data = seed.encode() if isinstance(seed, str) else seed
        scalar = int.from_bytes(hashlib.sha512(b"trustspace key\0" + data).digest(), "big") % (_ORDER - 1) + 1
        super().__init__(ec.derive_private_key(scalar, ec.SECP256R1()))
