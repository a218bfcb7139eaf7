"""X.509 and PKCS#10 structures in DER (RFC 5280, RFC 2986), signed by a key that is used and not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

from asn1crypto import core as asn1
from asn1crypto import csr
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509

from trustspace.core.errors import InvalidInput
from trustspace.core.identity.keys import Algorithm, SigningKey, to_der
from trustspace.core.identity.profiles import USAGES, Profile

_MAX_NAME: Final = 64  # ub-common-name, ub-organizational-unit-name: RFC 5280, App. A
_SIGNATURES: Final = {Algorithm.ES256: "sha256_ecdsa", Algorithm.EDDSA: "ed25519"}


def request(key: SigningKey, subject: Any) -> bytes:
    """A signed certificate request for the key itself."""
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": subject,
            "subject_pk_info": asn1_keys.PublicKeyInfo.load(key.public_der),
            "attributes": [],
        }
    )
    return _signed(csr.CertificationRequest, "certification_request_info", info, key)


def certificate(
    key: SigningKey,
    issuer: Any,
    subject: Any,
    public_der: bytes,
    *,
    profile: Profile,
    hosts: Sequence[str],
    serial: int,
    validity: tuple[datetime, datetime],
) -> bytes:
    """A signed certificate with the extensions of its profile; `key` is the issuer's."""
    start, end = validity
    tbs = asn1_x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": serial,
            "signature": {"algorithm": _SIGNATURES[Algorithm(key.algorithm)]},
            "issuer": issuer,
            "validity": {"not_before": _time(start), "not_after": _time(end)},
            "subject": subject,
            "subject_public_key_info": asn1_keys.PublicKeyInfo.load(public_der),
            "extensions": _extensions(profile, public_der, key.public_der, hosts),
        }
    )
    return _signed(asn1_x509.Certificate, "tbs_certificate", tbs, key)


def load_name(name_der: bytes) -> Any:
    """A name as it stands in another certificate."""
    return asn1_x509.Name.load(name_der)


def name(common_name: str, unit: str) -> Any:
    """A subject of OU and CN; `InvalidInput` where a name does not fit. An empty unit is left out."""
    for what, text in (("common name", common_name), ("unit", unit)):
        if len(text) > _MAX_NAME or not text.isprintable():
            raise InvalidInput(f"at most {_MAX_NAME} printable characters", where=what)
    if not common_name:
        raise InvalidInput("a name is missing", where="common name")
    names = {"organizational_unit_name": unit} if unit else {}
    return asn1_x509.Name.build({**names, "common_name": common_name})


def _time(moment: datetime) -> Any:
    moment = moment.astimezone(UTC).replace(microsecond=0)
    return asn1_x509.Time({"utc_time" if moment.year < 2050 else "general_time": moment})


def _extensions(profile: Profile, public_der: bytes, issuer_der: bytes, hosts: Sequence[str]) -> list[dict[str, Any]]:
    usage = USAGES[profile]
    constraints = {"ca": True, "path_len_constraint": 0} if usage.issues else {"ca": False}
    extensions = [
        _extended("basic_constraints", constraints, critical=True),
        _extended("key_usage", asn1_x509.KeyUsage(set(usage.keys)), critical=True),
        _extended("key_identifier", _key_identifier(public_der)),
        _extended("authority_key_identifier", {"key_identifier": _key_identifier(issuer_der)}),
    ]
    if usage.extended:
        extensions.append(_extended("extended_key_usage", list(usage.extended)))
    if hosts:
        extensions.append(_extended("subject_alt_name", [_general_name(host) for host in hosts]))
    return extensions


def _extended(name: str, value: object, *, critical: bool = False) -> dict[str, Any]:
    return {"extn_id": name, "critical": critical, "extn_value": value}


def _key_identifier(public_der: bytes) -> bytes:
    """160 bits of the SHA-256 of the key (RFC 7093, 2, method 1)."""
    key = asn1_keys.PublicKeyInfo.load(public_der)
    return hashlib.sha256(bytes(key["public_key"])).digest()[:20]


def _general_name(host: str) -> Any:
    try:
        return asn1_x509.GeneralName("ip_address", str(ip_address(host)))
    except ValueError:
        pass
    if not host.isascii() or not host.replace("-", "").replace(".", "").isalnum():
        raise InvalidInput(f"{host!r} is neither a host name nor an address", where="hosts")
    return asn1_x509.GeneralName("dns_name", host.lower())


def _signed(kind: Any, member: str, content: Any, key: SigningKey) -> bytes:
    """The structure of content, algorithm and signature that certificates and requests share."""
    algorithm = Algorithm(key.algorithm)
    signature = key.sign(content.dump())
    bits = asn1.OctetBitString(to_der(signature) if algorithm is Algorithm.ES256 else signature)
    whole = {member: content, "signature_algorithm": {"algorithm": _SIGNATURES[algorithm]}}
    value = "signature" if kind is csr.CertificationRequest else "signature_value"
    encoded: bytes = kind({**whole, value: bits}).dump()
    return encoded
