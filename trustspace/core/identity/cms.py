"""Signatures that a lawyer's openssl can check: detached CMS in DER (RFC 5652), with the certificate inside.

One signer, SHA-256, ES256, four signed attributes: content type, message digest, signing time, and the digest of the
signing certificate (signingCertificateV2, RFC 5035), so that it cannot be exchanged for another one of the same key.
The writer joins pre-encoded parts, since the key only signs; the reader takes any CMS of that meaning, not only ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from operator import attrgetter
from typing import Final

from trustspace.core.errors import InvalidInput, NotVerified, TooLarge
from trustspace.core.identity import der
from trustspace.core.identity.certificates import CertificateFacts, Profile, verify_chain
from trustspace.core.identity.der import OCTETS, OID, SEQUENCE, SET, Element, oid, tlv
from trustspace.core.identity.keys import Algorithm, SigningKey, aware, from_der, to_der, verify

MAX_CMS: Final = 64 << 10
"""The largest signature read, in bytes."""
SKEW: Final = timedelta(seconds=60)
"""How far ahead of our clock a signer's may be."""
_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_DATA: Final = oid("2a864886f70d010701")
_SIGNED_DATA: Final = oid("2a864886f70d010702")
_CONTENT_TYPE: Final = oid("2a864886f70d010903")
_MESSAGE_DIGEST: Final = oid("2a864886f70d010904")
_SIGNING_TIME: Final = oid("2a864886f70d010905")
_SIGNING_CERTIFICATE: Final = oid("2a864886f70d010910022f")
_SHA256_OID: Final = oid("608648016503040201")
_SHA256: Final = tlv(SEQUENCE, _SHA256_OID)
_SHA256_ALSO: Final = tlv(SEQUENCE, _SHA256_OID, tlv(der.NULL))  # RFC 5754, 2: both spellings must be accepted
_ECDSA_SHA256: Final = tlv(SEQUENCE, oid("2a8648ce3d040302"))
_CONTENT: Final = tlv(SEQUENCE, _DATA)
_VERSION: Final = der.integer(1)
_CONTENT_TYPE_ATTRIBUTE: Final = tlv(SEQUENCE, _CONTENT_TYPE, tlv(SET, _DATA))
_raw = attrgetter("raw")
_REQUIRED: Final = {_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME, _SIGNING_CERTIFICATE}


@dataclass(frozen=True, slots=True)
class SignerFacts:
    """Who signed, and when by their own clock; `thumbprint` is that of their certificate."""

    certificate: CertificateFacts
    signed_at: datetime
    thumbprint: str


def sign_detached(key: SigningKey, certificate_der: bytes, data: bytes, *, at: datetime) -> bytes:
    """The CMS, in DER, that signs `data` with the key of the certificate at that time (to the second).

    The same arguments give the same bytes where the key signs deterministically. `InvalidInput` for keys but P-256.
    """
    if key.algorithm != Algorithm.ES256:
        raise InvalidInput("contracts are signed with ES256", where="key", hint="make a P-256 key")
    attributes = sorted(
        (
            _CONTENT_TYPE_ATTRIBUTE,
            tlv(SEQUENCE, _MESSAGE_DIGEST, tlv(SET, tlv(OCTETS, hashlib.sha256(data).digest()))),
            tlv(SEQUENCE, _SIGNING_TIME, tlv(SET, der.time(aware(at, "signing time")))),
            _certificate_attribute(certificate_der),
        )
    )
    signer = tlv(
        SEQUENCE,
        _VERSION,
        _signer_id(certificate_der),
        _SHA256,
        tlv(_CONTEXT_0, *attributes),
        _ECDSA_SHA256,
        tlv(OCTETS, to_der(key.sign(tlv(SET, *attributes)))),
    )
    certificates = tlv(_CONTEXT_0, certificate_der)
    signed = tlv(SEQUENCE, _VERSION, tlv(SET, _SHA256), _CONTENT, certificates, tlv(SET, signer))
    return tlv(SEQUENCE, _SIGNED_DATA, tlv(_CONTEXT_0, signed))


def verify_detached(cms_der: bytes, data: bytes, roots: Sequence[bytes], *, at: datetime | None = None) -> SignerFacts:
    """Check a detached CMS over `data`, whose signer's certificate stood under one of the roots when it signed.

    With `at` (now, for a message that just came) the certificate has to hold then too, and the signature may not be
    from the future; without, the signer's clock is believed, as far as its certificate reaches.
    Raises `InvalidInput` where the bytes are not such a CMS, `NotVerified` with the reason where it does not hold.
    """
    certificates, signer = _read(cms_der)
    certificate = _own_certificate(certificates, signer[1].raw)
    attributes = _attributes(signer[3])
    signed_at = der.read_time(_single(attributes[_SIGNING_TIME]))
    _check_attributes(attributes, data, certificate)
    facts = verify_chain(certificate, roots, at=signed_at, purpose=Profile.SIGNING)
    signed = tlv(SET, signer[3].content)
    verify(facts.public_der, Algorithm.ES256, from_der(signer[5].content), signed)
    if at is not None:
        _check_now(certificate, roots, signed_at, at)
    return SignerFacts(facts, signed_at, facts.thumbprint)


def certificate_of(cms_der: bytes) -> bytes:
    """The signer's certificate (DER) that a CMS carries; nothing is verified. `InvalidInput`, `NotVerified`."""
    certificates, signer = _read(cms_der)
    return _own_certificate(certificates, signer[1].raw)


def _check_now(certificate: bytes, roots: Sequence[bytes], signed_at: datetime, at: datetime) -> None:
    if signed_at > at + SKEW:
        ahead = int((signed_at - at).total_seconds())
        raise NotVerified(f"signed {ahead} s in the future", where="CMS", hint="one of the two clocks is off")
    verify_chain(certificate, roots, at=at, purpose=Profile.SIGNING)


def _read(cms_der: bytes) -> tuple[list[Element], list[Element]]:
    """The certificates inside, and the parts of the one signer; everything else is checked on the way."""
    if len(cms_der) > MAX_CMS:
        raise TooLarge(f"a signature of more than {MAX_CMS} bytes", where="CMS")
    kind, wrapped = der.shaped(der.only(cms_der, SEQUENCE), (OID, _CONTEXT_0))
    if kind.raw != _SIGNED_DATA:
        raise InvalidInput("this CMS is not signed data", where="CMS")
    parts = der.elements(der.only(wrapped.content, SEQUENCE))
    if [part.tag for part in parts] != [der.INTEGER, SET, SEQUENCE, _CONTEXT_0, SET]:
        raise InvalidInput("signed data of another shape: certificates inside and no revocation lists", where="CMS")
    version, digests, content, certificates, signers = parts
    if version.raw != _VERSION or digests.content not in (_SHA256, _SHA256_ALSO) or content.raw != _CONTENT:
        raise InvalidInput("not version 1, detached, over plain data, by SHA-256", where="CMS")
    found = der.elements(signers.content)
    if len(found) != 1 or found[0].tag != SEQUENCE:
        raise InvalidInput(f"one signer is expected, here are {len(found)}", where="CMS")
    return der.elements(certificates.content), _signer(found[0].content)


def _signer(content: bytes) -> list[Element]:
    """version, issuer and serial number, digest, signed attributes, algorithm, signature (RFC 5652, 5.3)."""
    parts = der.elements(content)
    if len(parts) == 7 and parts[6].tag == _CONTEXT_1:  # unsigned attributes: a time stamp, say; not our proof
        parts.pop()
    if [part.tag for part in parts] != [der.INTEGER, SEQUENCE, SEQUENCE, _CONTEXT_0, SEQUENCE, OCTETS]:
        raise InvalidInput("a signer of another shape: named by issuer and serial, with signed attributes", where="CMS")
    if parts[0].raw != _VERSION or parts[2].raw not in (_SHA256, _SHA256_ALSO) or parts[4].raw != _ECDSA_SHA256:
        raise InvalidInput("a signer by other algorithms than SHA-256 and ECDSA", where="CMS")
    return parts


def _own_certificate(certificates: Sequence[Element], signer_id: bytes) -> bytes:
    own = [one.raw for one in certificates if one.tag == SEQUENCE and _signer_id(one.raw) == signer_id]
    if len(own) != 1:
        raise NotVerified("the signer's certificate is not inside", where="CMS")
    return own[0]


@lru_cache(maxsize=1024)
def _signer_id(certificate_der: bytes) -> bytes:
    """IssuerAndSerialNumber of a certificate, in the bytes that it has there itself."""
    tbs = der.first(der.only(certificate_der, SEQUENCE))
    parts = [part for part in der.elements(tbs.content) if part.tag != _CONTEXT_0]
    if len(parts) < 3:
        raise InvalidInput("this is not a certificate", where="CMS")
    serial, _, issuer = parts[:3]
    return tlv(SEQUENCE, issuer.raw, serial.raw)


@lru_cache(maxsize=1024)
def _certificate_attribute(certificate_der: bytes) -> bytes:
    digest = tlv(OCTETS, hashlib.sha256(certificate_der).digest())
    named = tlv(SEQUENCE, tlv(SEQUENCE, tlv(SEQUENCE, digest)))  # SHA-256 is the default, so it is not named
    return tlv(SEQUENCE, _SIGNING_CERTIFICATE, tlv(SET, named))


def _attributes(signed: Element) -> dict[bytes, Element]:
    """The signed attributes by their types' DER, each type once; the four that are required are there."""
    parts = der.elements(signed.content)
    if any(one.tag != SEQUENCE for one in parts) or sorted(parts, key=_raw) != parts:
        raise InvalidInput("the signed attributes are not a set in DER", where="CMS")
    pairs = [der.shaped(one.content, (OID, SET)) for one in parts]
    attributes = {kind.raw: values for kind, values in pairs}
    if len(attributes) != len(pairs):
        raise InvalidInput("a signed attribute stands twice", where="CMS")
    if not attributes.keys() >= _REQUIRED:
        raise InvalidInput(
            "content type, message digest, signing time and signing certificate are not all signed",
            where="CMS",
            hint="with openssl: cms -sign -cades",
        )
    return attributes


def _single(values: Element) -> Element:
    found = der.elements(values.content)
    if len(found) != 1:
        raise InvalidInput("a signed attribute with one value is expected", where="CMS")
    return found[0]


def _check_attributes(attributes: dict[bytes, Element], data: bytes, certificate: bytes) -> None:
    if attributes[_CONTENT_TYPE].content != _DATA:
        raise InvalidInput("signed as something else than data", where="CMS")
    digest = hashlib.sha256(data).digest()
    if not compare_digest(attributes[_MESSAGE_DIGEST].content, tlv(OCTETS, digest)):
        raise NotVerified("the signature is over other data", where="CMS")
    if _named(attributes[_SIGNING_CERTIFICATE]) != hashlib.sha256(certificate).digest():
        raise NotVerified("the signature names another certificate than the one inside", where="CMS")


def _named(values: Element) -> bytes:
    """The certificate's SHA-256 in signingCertificateV2: of the first ESSCertIDv2, hashAlgorithm left out."""
    names = der.first(der.only(values.content, SEQUENCE))
    name = der.first(der.first(names.content).content)
    if name.tag != OCTETS:
        raise InvalidInput("a signing certificate is named by its SHA-256", where="CMS")
    return name.content
