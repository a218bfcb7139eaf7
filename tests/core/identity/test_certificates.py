"""Certificates hold under their own root, for their own use, in their own time; openssl and Python's ssl agree."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.core.identity.world import (
    BUS_ID,
    BUS_KEY,
    NODE_ID,
    NOW,
    OTHER_KEY,
    ROOT,
    ROOT_KEY,
    SIGNING,
    TLS,
    YEAR,
    make_leaf,
    make_root,
    openssl,
    write_pem,
)
from trustspace.adapters.keys.memory import MemoryKey
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.errors import InvalidInput, NotVerified, TrustspaceError
from trustspace.core.identity.certificates import (
    Profile,
    check_request,
    check_root,
    identifier_of,
    issue,
    make_request,
    public_key_of,
    verify_chain,
)
from trustspace.core.identity.keys import thumbprint

ED_KEY = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def test_a_certificate_says_who_and_under_which_root() -> None:
    facts = verify_chain(TLS, [ROOT], at=NOW, purpose=Profile.TLS)
    assert (facts.identifier, facts.common_name, facts.serial) == (BUS_ID, "bus.example", 3)
    assert facts.hosts == ("bus.example", "127.0.0.1", "::1")
    assert facts.public_der == BUS_KEY.public_der == public_key_of(TLS)
    assert facts.identifier == identifier_of(TLS)
    assert (facts.not_before, facts.not_after) == (NOW - timedelta(days=1), NOW + YEAR)
    assert (facts.thumbprint, facts.root) == (thumbprint(TLS), thumbprint(ROOT))
    assert verify_chain(SIGNING, [make_root(OTHER_KEY, "another"), ROOT], at=NOW).hosts == ()


def test_openssl_and_ssl_accept_them(tmp_path: Path) -> None:
    root, tls, signing = (
        write_pem(tmp_path / name, der) for name, der in (("root", ROOT), ("tls", TLS), ("signing", SIGNING))
    )
    at = str(int(NOW.timestamp()))
    strict = ("verify", "-x509_strict", "-attime", at, "-CAfile", root)
    assert openssl(*strict, signing).returncode == 0
    assert openssl(*strict, "-purpose", "sslserver", "-verify_ip", "127.0.0.1", tls).returncode == 0
    assert openssl(*strict, "-purpose", "sslclient", "-verify_hostname", "bus.example", tls).returncode == 0
    assert openssl(*strict, "-purpose", "sslserver", signing).returncode != 0
    context = ssl.create_default_context(cafile=str(root))
    assert context.cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("key", [ED_KEY, MemoryKey("p256 root")])
def test_both_kinds_of_key_issue_and_are_issued(key: PrivateKey) -> None:
    root = make_root(key)
    leaf = make_leaf(ED_KEY, issuer=key, root=root)
    assert verify_chain(leaf, [root], at=NOW).public_der == ED_KEY.public_der


def test_times_are_checked_and_named() -> None:
    for moment in (NOW - timedelta(days=1), NOW, NOW + YEAR):
        verify_chain(SIGNING, [ROOT], at=moment)
    with pytest.raises(NotVerified, match="not valid before 2026-11-23T08"):
        verify_chain(SIGNING, [ROOT], at=NOW - timedelta(days=1, seconds=1))
    with pytest.raises(NotVerified, match="certificate expired at 2027-11-24T08:00:00") as caught:
        verify_chain(SIGNING, [ROOT], at=NOW + YEAR + timedelta(seconds=1))
    assert "renewed" in caught.value.hint
    short = make_root(days=1)
    with pytest.raises(NotVerified, match="root expired"):
        verify_chain(make_leaf(root=short), [short], at=NOW + timedelta(days=2))
    with pytest.raises(InvalidInput, match="offset"):
        verify_chain(SIGNING, [ROOT], at=datetime(2026, 11, 24))  # noqa: DTZ001 -- that is the point


def test_foreign_roots_are_refused() -> None:
    foreign = make_root(OTHER_KEY, "别的空间")
    with pytest.raises(NotVerified, match="not among the trusted roots") as caught:
        verify_chain(make_leaf(issuer=OTHER_KEY, root=foreign), [ROOT], at=NOW)
    assert "another data space" in caught.value.hint
    with pytest.raises(NotVerified, match="trusted roots"):
        verify_chain(SIGNING, [], at=NOW)
    namesake = make_root(OTHER_KEY)
    with pytest.raises(NotVerified, match="not signed by the root"):
        verify_chain(make_leaf(issuer=OTHER_KEY, root=namesake), [ROOT], at=NOW)
    verify_chain(make_leaf(issuer=OTHER_KEY, root=namesake), [ROOT, namesake], at=NOW)


@pytest.mark.parametrize(
    ("leaf", "purpose"),
    [(TLS, Profile.SIGNING), (SIGNING, Profile.TLS), (ROOT, Profile.TLS), (ROOT, Profile.SIGNING)],
)
def test_each_use_has_its_own(leaf: bytes, purpose: Profile) -> None:
    with pytest.raises(NotVerified, match=r"not one for the use|that of an issuer"):
        verify_chain(leaf, [ROOT], at=NOW, purpose=purpose)


def test_only_issuers_issue() -> None:
    with pytest.raises(InvalidInput, match="not that of the issuer"):
        make_leaf(issuer=OTHER_KEY)
    with pytest.raises(NotVerified, match="may not issue"):
        make_leaf(issuer=BUS_KEY, root=SIGNING)
    with pytest.raises(NotVerified, match="may not issue"):
        check_root(SIGNING)
    facts = check_root(ROOT)
    assert (facts.identifier, facts.common_name, facts.root) == (NODE_ID, "区域功能节点", facts.thumbprint)


@pytest.mark.parametrize("index", range(0, len(SIGNING), 7))
def test_each_byte_of_a_certificate_counts(index: int) -> None:
    altered = bytearray(SIGNING)
    altered[index] ^= 0x01
    with pytest.raises(TrustspaceError):
        verify_chain(bytes(altered), [ROOT], at=NOW)


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(NotVerified):
        verify_chain(data, [ROOT], at=NOW)
    with pytest.raises(NotVerified):
        public_key_of(data)
    with pytest.raises(InvalidInput):
        check_request(data)


def test_large_certificates_are_not_read() -> None:
    with pytest.raises(InvalidInput, match="more than"):
        verify_chain(bytes(20_000), [ROOT], at=NOW)


def test_a_request_proves_possession() -> None:
    request = make_request(BUS_KEY, common_name="bus.example", organizational_unit=BUS_ID)
    facts = check_request(request)
    assert (facts.public_der, facts.common_name, facts.unit) == (BUS_KEY.public_der, "bus.example", BUS_ID)
    assert check_request(make_request(ED_KEY, common_name="公交")).unit == ""
    assert openssl("req", "-inform", "DER", "-verify", "-noout", data=request).returncode == 0
    altered = request.replace(b"bus.example", b"cat.example")
    with pytest.raises(NotVerified, match="not signed with the key"):
        check_request(altered)
    for index in range(0, len(request), 11):
        with pytest.raises(TrustspaceError):
            check_request(request[:index] + bytes((request[index] ^ 1,)) + request[index + 1 :])


def _csr(*names: x509.NameAttribute[str], bits: int = 0) -> bytes:
    key = rsa.generate_private_key(65537, bits) if bits else ec.derive_private_key(5, ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


CN = x509.NameAttribute(NameOID.COMMON_NAME, "a")
OU = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "b")


def test_requests_have_one_name_and_a_good_key() -> None:
    assert check_request(_csr(CN, OU)).unit == "b"
    for names in ((), (OU,), (CN, CN), (CN, OU, OU)):
        with pytest.raises(InvalidInput, match="not a certificate request"):
            check_request(_csr(*names))
    with pytest.raises(NotVerified, match="not accepted"):
        check_request(_csr(CN, bits=2048))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"serial": 0}, "serial"),
        ({"serial": 1 << 159}, "serial"),
        ({"profile": Profile.TLS}, "hosts"),
        ({"hosts": ["a.example"]}, "hosts"),
        ({"profile": Profile.TLS, "hosts": ["公交.example"]}, "hosts"),
        ({"profile": Profile.TLS, "hosts": ["a b"]}, "hosts"),
        ({"profile": Profile.TLS, "hosts": ["*.example"]}, "hosts"),
        ({"profile": Profile.ROOT}, "certificate"),
        ({"unit": "U" * 65}, "unit"),
        ({"name": ""}, "common name"),
        ({"name": "a\nb"}, "common name"),
        ({"name": "N" * 65}, "common name"),
        ({"end": NOW - YEAR}, "validity"),
        ({"end": datetime(2030, 1, 1)}, "validity"),  # noqa: DTZ001 -- that is the point
    ],
)
def test_what_does_not_fit_is_not_issued(change: dict[str, object], where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_leaf(**change)  # type: ignore[arg-type]  # each row is a wrong argument
    assert caught.value.where == where


def test_a_root_stands_alone() -> None:
    arguments = {"common_name": "x", "unit": "y", "serial": 1, "not_before": NOW, "not_after": NOW + YEAR}
    with pytest.raises(InvalidInput, match="root is issued by itself"):
        issue(BUS_KEY, None, BUS_KEY.public_der, profile=Profile.SIGNING, **arguments)  # type: ignore[arg-type]  # dict


def test_certificates_reach_past_2050() -> None:
    far = NOW + 30 * YEAR
    root = make_root(days=40 * 365)
    assert verify_chain(make_leaf(end=far, root=root), [root], at=far).not_after == far


FULL = {
    "digital_signature": True,
    "content_commitment": True,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


@cache
def _root_object() -> x509.Certificate:
    return x509.load_der_x509_certificate(ROOT)


def _foreign(
    *extensions: tuple[x509.ExtensionType, bool],
    subject: tuple[x509.NameAttribute[str], ...] = (CN, OU),
    key: CertificatePublicKeyTypes | None = None,
    algorithm: SHA256 | SHA384 | None = None,
) -> bytes:
    """A certificate under our root that we would not have issued so."""
    public = key or ec.derive_private_key(5, ec.SECP256R1()).public_key()
    builder = x509.CertificateBuilder(
        _root_object().subject,
        x509.Name(subject),
        public,
        77,
        NOW - YEAR,
        NOW + YEAR,
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(ROOT_KEY._key, algorithm or SHA256()).public_bytes(Encoding.DER)


LEAF = (x509.BasicConstraints(ca=False, path_length=None), True)
USAGE = (x509.KeyUsage(**FULL), True)


def test_foreign_builders_certificates_hold_too() -> None:
    assert verify_chain(_foreign(LEAF, USAGE), [ROOT], at=NOW).identifier == "b"
    assert verify_chain(_foreign(USAGE), [ROOT], at=NOW).identifier == "b"
    names = x509.SubjectAlternativeName([x509.DNSName("x.example")])
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    tls = _foreign(LEAF, USAGE, (names, True), (usages, True))
    assert verify_chain(tls, [ROOT], at=NOW, purpose=Profile.TLS).hosts == ("x.example",)
    with pytest.raises(NotVerified, match="not one for the use"):
        verify_chain(tls, [ROOT], at=NOW, purpose=Profile.SIGNING)


def _unusable() -> dict[str, bytes]:
    oid = x509.ObjectIdentifier("1.2.3.4")
    signs = {**FULL, "digital_signature": False}
    rsa_key = rsa.generate_private_key(65537, 1024).public_key()
    return {
        "critical extension 1.2.3.4": _foreign(LEAF, USAGE, (x509.UnrecognizedExtension(oid, b"\x05\x00"), True)),
        "that of an issuer": _foreign((x509.BasicConstraints(ca=True, path_length=None), True), USAGE),
        "not one for the use": _foreign(LEAF),
        "as signing": _foreign(LEAF, (x509.KeyUsage(**signs), True)),
        "names no identifier": _foreign(LEAF, USAGE, subject=(CN,)),
        "names cannot be read": _foreign(LEAF, USAGE, subject=(CN, OU, OU)),
        "not accepted": _foreign(LEAF, USAGE, key=rsa_key),
        "algorithm that is not accepted": _foreign(LEAF, USAGE, algorithm=SHA384()),
        "extensions cannot be read": _foreign(LEAF, USAGE, (x509.UnrecognizedExtension(_SKI, b"\xff\xff"), False)),
    }


_SKI = x509.ObjectIdentifier("2.5.29.14")


@pytest.mark.parametrize("reason", list(_unusable()))
def test_unusable_ones_are_refused_with_the_reason(reason: str) -> None:
    with pytest.raises(NotVerified, match=reason):
        verify_chain(_unusable()[reason], [ROOT], at=NOW)


def test_a_key_that_cannot_be_read_is_refused() -> None:
    broken = SIGNING.replace(BUS_KEY.public_der[-65:], b"\x04" + bytes(64))
    with pytest.raises(NotVerified, match="key cannot be read"):
        public_key_of(broken)
    rsa_key = rsa.generate_private_key(65537, 1024).public_key()
    spki = rsa_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key_of(_foreign(key=rsa_key)) == spki


def test_a_namesake_that_may_not_issue_is_no_root() -> None:
    subject = tuple(_root_object().subject)
    impostor = _foreign(LEAF, USAGE, subject=subject)  # type: ignore[arg-type]  # names of a certificate are text or bytes
    with pytest.raises(NotVerified, match="root may not issue"):
        verify_chain(SIGNING, [impostor], at=NOW)
