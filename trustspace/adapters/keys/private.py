"""What the keys in this process share: a private key object that signs and does not show itself."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ES256: Final = ec.ECDSA(SHA256(), deterministic_signing=True)


class PrivateKey:
    """A P-256 or Ed25519 private key; implements `trustspace.ports.Signer`, and may be used by many threads at once."""

    __slots__ = ("_algorithm", "_key", "_public_der")

    def __init__(self, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self._algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA"
        self._public_der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def algorithm(self) -> str:
        """The JWS name of the algorithm: `ES256` or `EdDSA`."""
        return self._algorithm

    @property
    def public_der(self) -> bytes:
        """The public key, DER SubjectPublicKeyInfo."""
        return self._public_der

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of the signature over `data`: r‖s by RFC 6979 for P-256."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        r, s = decode_dss_signature(self._key.sign(data, _ES256))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._algorithm}>"
