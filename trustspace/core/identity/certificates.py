"""X.509 certificates of a data space: a root, and under it two kinds for each connector (NDI-TR-2025-03 draft, App. A).

The subject's OU is the identifier (标识码), its CN the domain, the address or the name. A TLS certificate says with
which hosts one talks; a signing certificate says who signed, and is good for nothing on a connection. Private keys stay
behind `SigningKey`, which is why certificates are put together here and not by a builder that wants the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.identity import structures
from trustspace.core.identity.keys import SigningKey, algorithm_of, aware, load_public, thumbprint
from trustspace.core.identity.profiles import USAGES, Profile, Usage

__all__ = [
    "CertificateFacts",
    "Profile",
    "RequestFacts",
    "check_request",
    "check_root",
    "issue",
    "make_request",
    "public_key_of",
    "verify_chain",
]

MAX_CERTIFICATE: Final = 16 << 10
"""The largest certificate or request read, in bytes."""
_MAX_SERIAL: Final = 1 << 159  # 20 octets: RFC 5280, 4.1.2.2
_SIGNATURE_OIDS: Final = {SignatureAlgorithmOID.ECDSA_WITH_SHA256, SignatureAlgorithmOID.ED25519}
_UNDERSTOOD: Final = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
}
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says, once it was checked; `root` is the thumbprint of the one it stands under."""

    identifier: str
    common_name: str
    hosts: tuple[str, ...]
    public_der: bytes
    not_before: datetime
    not_after: datetime
    thumbprint: str
    serial: int
    root: str


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a certificate request says: its key, proved to be in the applicant's hand, and the names asked for."""

    public_der: bytes
    common_name: str
    unit: str


def make_request(key: SigningKey, *, common_name: str, organizational_unit: str = "") -> bytes:
    """A certificate request (PKCS#10, RFC 2986) in DER, signed with the key it is for; no OU where it is empty."""
    return structures.request(key, structures.name(common_name, organizational_unit))


def check_request(request_der: bytes) -> RequestFacts:
    """Read a request and check its proof of possession; `InvalidInput` or `NotVerified`."""
    _check_size(request_der)
    try:
        request = x509.load_der_x509_csr(request_der)
        names = _names(request.subject)
        public_der = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        proved = request.is_signature_valid
    except _UNREADABLE as error:
        raise InvalidInput(f"this is not a certificate request: {error}", where="request") from error
    load_public(public_der)
    if not proved:
        raise NotVerified("the request is not signed with the key that it names", where="request")
    return RequestFacts(public_der, *names)


def issue(
    issuer_key: SigningKey,
    issuer_certificate: bytes | None,
    public_der: bytes,
    *,
    profile: Profile,
    common_name: str,
    unit: str,
    hosts: Sequence[str] = (),
    serial: int,
    not_before: datetime,
    not_after: datetime,
) -> bytes:
    """A certificate in DER for the public key, signed by `issuer_key`; without an issuer's certificate a root.

    `hosts` are DNS names and addresses for a TLS certificate, `serial` is in [1, 2^159), times are to the second.
    Raises `InvalidInput` for what cannot be put into a certificate, `NotVerified` for keys that are not accepted.
    """
    algorithm_of(public_der)
    _check_issue(profile, issuer_certificate, hosts, serial, (not_before, not_after))
    subject = structures.name(common_name, unit)
    return structures.certificate(
        issuer_key,
        subject if issuer_certificate is None else _issuer_name(issuer_certificate, issuer_key),
        subject,
        public_der,
        profile=profile,
        hosts=hosts,
        serial=serial,
        validity=(not_before, not_after),
    )


def verify_chain(
    leaf_der: bytes, roots: Sequence[bytes], *, at: datetime, purpose: Profile = Profile.SIGNING
) -> CertificateFacts:
    """Check that a certificate stands under one of the roots, may be used so, and holds at that moment.

    What does not depend on the time is remembered by the bytes; revocation is the participant list's to say.
    Raises `NotVerified` with the reason.
    """
    facts, windows = _chain(leaf_der, tuple(roots), purpose)
    aware(at, "at")
    for what, start, end in windows:
        if at < start:
            raise NotVerified(f"the {what} is not valid before {start.isoformat()}", where="certificate")
        if at > end:
            raise NotVerified(
                f"the {what} expired at {end.isoformat()}", where="certificate", hint="it has to be renewed"
            )
    return facts


def check_root(root_der: bytes) -> CertificateFacts:
    """What a root says about itself; `NotVerified` where it is not self-signed or may not issue certificates."""
    root = _load(root_der)
    _check_usage(root, Profile.ROOT, "root")
    _check_issued(root, root)
    return _facts(root, root_der, thumbprint(root_der))


def identifier_of(certificate_der: bytes) -> str:
    """The identifier (OU) that a certificate names, "" for none; nothing else of it is checked."""
    return _names(_load(certificate_der).subject)[1]


def public_key_of(certificate_der: bytes) -> bytes:
    """The key in a certificate, DER SubjectPublicKeyInfo; nothing else about it is checked. `NotVerified`."""
    return _public(_parse(certificate_der))


_Window = tuple[str, datetime, datetime]
_Chain = tuple[CertificateFacts, tuple[_Window, _Window]]


@lru_cache(maxsize=4096)
def _chain(leaf_der: bytes, roots: tuple[bytes, ...], purpose: Profile) -> _Chain:
    leaf = _load(leaf_der)
    load_public(_public(leaf))
    _check_usage(leaf, purpose, "certificate")
    named = [(der, root) for der in roots if (root := _load(der)).subject == leaf.issuer]
    if not named:
        raise NotVerified(
            f"issued by {leaf.issuer.rfc4514_string()!r}, which is not among the trusted roots",
            where="certificate",
            hint="is this the certificate of another data space, or of a functional node that was set up anew?",
        )
    failure = None
    for root_der, root in named:
        try:
            _check_usage(root, Profile.ROOT, "root")
            _check_issued(leaf, root)
        except NotVerified as error:
            failure = error
            continue
        windows = (_window("certificate", leaf), _window("root", root))
        return _facts(leaf, leaf_der, thumbprint(root_der)), windows
    raise failure or AssertionError


def _load(certificate_der: bytes) -> x509.Certificate:
    certificate = _parse(certificate_der)
    if certificate.signature_algorithm_oid not in _SIGNATURE_OIDS:
        raise NotVerified("signed by an algorithm that is not accepted", where="certificate")
    return certificate


def _parse(certificate_der: bytes) -> x509.Certificate:
    _check_size(certificate_der)
    try:
        return x509.load_der_x509_certificate(certificate_der)
    except _UNREADABLE as error:
        raise NotVerified(f"this is not a certificate: {error}", where="certificate") from error


def _check_size(data: bytes) -> None:
    if len(data) > MAX_CERTIFICATE:
        raise InvalidInput(f"more than {MAX_CERTIFICATE} bytes", where="certificate")


def _public(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except _UNREADABLE as error:
        raise NotVerified("the certificate's key cannot be read", where="certificate") from error


def _check_issued(certificate: x509.Certificate, root: x509.Certificate) -> None:
    load_public(_public(root))
    try:
        certificate.verify_directly_issued_by(root)
    except (InvalidSignature, *_UNREADABLE) as error:
        raise NotVerified("the certificate was not signed by the root that it names", where="certificate") from error


def _check_usage(certificate: x509.Certificate, profile: Profile, what: str) -> None:
    """Refuse a certificate that may not be used so, or that says something critical which is not understood."""
    usage = USAGES[profile]
    try:
        extensions = certificate.extensions
    except _UNREADABLE as error:
        raise NotVerified(f"the {what}'s extensions cannot be read: {error}", where="certificate") from error
    for extension in extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise NotVerified(f"the {what} has a critical extension {extension.oid.dotted_string}", where="certificate")
    constraints = _extension(extensions, x509.BasicConstraints)
    if (constraints is not None and constraints.ca) is not usage.issues:
        may = "may not issue certificates" if usage.issues else "is that of an issuer, not of a connector"
        raise NotVerified(f"the {what} {may}", where="certificate")
    granted = _extension(extensions, x509.KeyUsage)
    extended = _extension(extensions, x509.ExtendedKeyUsage) or ()
    if granted is None or not usage.keys <= _granted(granted) or not _extends(usage, extended):
        raise NotVerified(f"the {what} is not one for the use as {profile}", where="certificate")


def _granted(usage: x509.KeyUsage) -> frozenset[str]:
    named = {
        "digital_signature": usage.digital_signature,
        "non_repudiation": usage.content_commitment,
        "key_cert_sign": usage.key_cert_sign,
        "crl_sign": usage.crl_sign,
    }
    return frozenset(name for name, granted in named.items() if granted)


def _extends(usage: Usage, extended: x509.ExtendedKeyUsage | tuple[()]) -> bool:
    """Whether the extended usages are the profile's; a foreign authority may have left them out of a signing one."""
    named = {purpose.dotted_string for purpose in extended}
    if usage is USAGES[Profile.SIGNING]:
        return named.isdisjoint(USAGES[Profile.TLS].extended)
    return named.issuperset(usage.extended)


def _extension(extensions: x509.Extensions, kind: type[Any]) -> Any:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _facts(certificate: x509.Certificate, certificate_der: bytes, root: str) -> CertificateFacts:
    try:
        common_name, unit = _names(certificate.subject)
        names = _extension(certificate.extensions, x509.SubjectAlternativeName)
        hosts = () if names is None else tuple(_hosts(names))
    except _UNREADABLE as error:
        raise NotVerified(f"the certificate's names cannot be read: {error}", where="certificate") from error
    if not unit:
        raise NotVerified("the certificate names no identifier (OU)", where="certificate")
    _, start, end = _window("", certificate)
    name, serial = thumbprint(certificate_der), certificate.serial_number
    return CertificateFacts(unit, common_name, hosts, _public(certificate), start, end, name, serial, root)


def _window(what: str, certificate: x509.Certificate) -> _Window:
    return what, certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _hosts(names: x509.SubjectAlternativeName) -> list[str]:
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _names(subject: x509.Name) -> tuple[str, str]:
    """The CN and the OU of a subject, each at most once; ValueError else."""
    found = []
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME):
        values = [str(attribute.value) for attribute in subject.get_attributes_for_oid(oid)]
        if len(values) > 1:
            raise ValueError("a name stands twice in the subject")
        found.append(values[0] if values else "")
    common_name, unit = found
    if not common_name:
        raise ValueError("the subject has no CN")
    return common_name, unit


def _check_issue(
    profile: Profile, issuer: bytes | None, hosts: Sequence[str], serial: int, window: tuple[datetime, datetime]
) -> None:
    if (profile is Profile.ROOT) is not (issuer is None):
        raise InvalidInput("a root is issued by itself, and nothing else is", where="certificate")
    if (profile is Profile.TLS) is not bool(hosts):
        raise InvalidInput("a TLS certificate names its hosts, and no other does", where="hosts")
    if not 1 <= serial < _MAX_SERIAL:
        raise InvalidInput("a serial number is in [1, 2^159)", where="serial")
    start, end = (aware(moment, "validity") for moment in window)
    if start >= end:
        raise InvalidInput("it would end before it begins", where="validity")


def _issuer_name(issuer_der: bytes, issuer_key: SigningKey) -> Any:
    root = _load(issuer_der)
    if _public(root) != issuer_key.public_der:
        raise InvalidInput("this key is not that of the issuer's certificate", where="certificate")
    _check_usage(root, Profile.ROOT, "root")
    return structures.load_name(root.subject.public_bytes())
