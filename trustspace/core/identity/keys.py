"""Keys: which are good enough, how a signature is checked, and how a certificate is named.

Two kinds are accepted, P-256 (`ES256`) and Ed25519 (`EdDSA`), both in RFC 7518/8037 form: 64 bytes. The kind of the key
decides the algorithm; what a message says about its algorithm is only compared with that.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from trustspace.core.canon import decode64, encode64
from trustspace.core.errors import InvalidInput, NotVerified

SIGNATURE_SIZE: Final = 64
_THUMBPRINT: Final = re.compile("[0-9a-f]{64}")
_ES256: Final = ec.ECDSA(SHA256())
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class Algorithm(StrEnum):
    """The signature algorithms by their JWS names (RFC 7518, 3.1; RFC 8037, 3.1)."""

    ES256 = "ES256"
    EDDSA = "EdDSA"


class SigningKey(Protocol):
    """A private key that is used and never seen."""

    @property
    def algorithm(self) -> str:
        """The JWS name of the algorithm."""

    @property
    def public_der(self) -> bytes:
        """The public key, DER SubjectPublicKeyInfo."""

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of the signature over `data`."""


@lru_cache(maxsize=4096)
def load_public(public_der: bytes) -> PublicKey:
    """The public key in a SubjectPublicKeyInfo; `NotVerified` where it is none, too weak, or spelled in another way."""
    try:
        key = load_der_public_key(public_der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NotVerified("this is not a public key that can be read", where="key") from error
    if isinstance(key, ec.EllipticCurvePublicKey):
        good = isinstance(key.curve, ec.SECP256R1)
    else:
        good = isinstance(key, ed25519.Ed25519PublicKey)
    if not good or not isinstance(key, PublicKey):
        raise NotVerified("keys of this kind are not accepted", where="key", hint="use P-256 (ES256) or Ed25519")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != public_der:
        raise NotVerified("this public key has a second spelling", where="key")
    return key


def algorithm_of(public_der: bytes) -> Algorithm:
    """The one algorithm that goes with the key; `NotVerified` where the key is not accepted."""
    return Algorithm.ES256 if isinstance(load_public(public_der), ec.EllipticCurvePublicKey) else Algorithm.EDDSA


def verify(public_der: bytes, algorithm: str, signature: bytes, data: bytes) -> None:
    """Check the 64 bytes of a signature over `data`; `NotVerified` where it, the key or the algorithm does not hold."""
    key = load_public(public_der)
    if algorithm != algorithm_of(public_der):
        raise NotVerified(f"{algorithm!r} is not the algorithm of this key", where="signature")
    if len(signature) != SIGNATURE_SIZE:
        raise NotVerified(f"{len(signature)} bytes are not a signature, {SIGNATURE_SIZE} are", where="signature")
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(to_der(signature), data, _ES256)
        else:
            key.verify(signature, data)
    except InvalidSignature as error:
        raise NotVerified("the signature does not fit the data and the key", where="signature") from error


def to_der(signature: bytes) -> bytes:
    """An ES256 signature r‖s as the Ecdsa-Sig-Value of X.509 and CMS."""
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


def from_der(signature: bytes) -> bytes:
    """An Ecdsa-Sig-Value as r‖s; `NotVerified` where it is none of P-256."""
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError) as error:
        raise NotVerified("this is not an ECDSA signature over P-256", where="signature") from error


def thumbprint(certificate_der: bytes) -> str:
    """The SHA-256 of a certificate in 64 lower-case hexadecimal digits."""
    return hashlib.sha256(certificate_der).hexdigest()


def to_x5t(name: str) -> str:
    """A thumbprint as it stands in `x5t#S256` (RFC 7515, 4.1.8); `InvalidInput` where it is not 64 digits."""
    if not _THUMBPRINT.fullmatch(name):
        raise InvalidInput("a thumbprint is 64 hexadecimal digits", where="thumbprint")
    return encode64(bytes.fromhex(name))


def from_x5t(text: str) -> str:
    """The thumbprint, in hexadecimal, that an `x5t#S256` member holds."""
    data = decode64(text, where="x5t#S256")
    if len(data) != 32:
        raise InvalidInput("a thumbprint is 32 bytes", where="x5t#S256")
    return data.hex()


def aware(moment: datetime, where: str) -> datetime:
    """The moment itself; `InvalidInput` where it says no offset and so names none."""
    if moment.tzinfo is None:
        raise InvalidInput("a time with an offset is expected", where=where)
    return moment
