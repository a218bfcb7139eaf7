"""A contract signature holds for its bytes, its signer and its time; openssl reads ours and we read openssl's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from asn1crypto import cms as asn1_cms
from asn1crypto import tsp
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.core.identity.world import (
    BUS_ID,
    BUS_KEY,
    NOW,
    OTHER_KEY,
    ROOT,
    SIGNING,
    TLS,
    YEAR,
    make_leaf,
    make_root,
    openssl,
    write_pem,
)
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.errors import InvalidInput, NotVerified, TooLarge, TrustspaceError
from trustspace.core.identity import der
from trustspace.core.identity.cms import MAX_CMS, certificate_of, sign_detached, verify_detached
from trustspace.core.identity.der import OCTETS, OID, SEQUENCE, SET, tlv
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.sums import sums

LIST = sums([("ab" * 32, "agreement.json")])
SIGNATURE = sign_detached(BUS_KEY, SIGNING, LIST, at=NOW)


def test_it_says_who_signed_and_when() -> None:
    facts = verify_detached(SIGNATURE, LIST, [ROOT])
    assert facts.signed_at == NOW
    assert facts.certificate.identifier == BUS_ID
    assert facts.thumbprint == thumbprint(SIGNING)
    assert verify_detached(SIGNATURE, LIST, [ROOT], at=NOW) == facts
    assert sign_detached(BUS_KEY, SIGNING, LIST, at=NOW) == SIGNATURE


@given(st.binary(max_size=300), st.integers(0, 364 * 86400))
def test_whatever_was_signed_is_verified(data: bytes, later: int) -> None:
    at = NOW + timedelta(seconds=later)
    assert verify_detached(sign_detached(BUS_KEY, SIGNING, data, at=at), data, [ROOT], at=at).signed_at == at


def _openssl_says(folder: Path, signature: bytes, data: bytes = LIST) -> bool:
    (folder / "list").write_bytes(data)
    (folder / "sig.p7s").write_bytes(signature)
    root = write_pem(folder / "root.pem", ROOT)
    verify: tuple[str | Path, ...] = (
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-content",
        folder / "list",
        "-in",
        folder / "sig.p7s",
    )
    trust: tuple[str | Path, ...] = ("-CAfile", root, "-purpose", "any", "-attime", str(int(NOW.timestamp())))
    return openssl(*verify, *trust).returncode == 0


def test_openssl_accepts_ours_and_refuses_other_data(tmp_path: Path) -> None:
    assert _openssl_says(tmp_path, SIGNATURE)
    assert not _openssl_says(tmp_path, SIGNATURE, LIST + b" ")


def _openssl_signs(folder: Path, *options: str, key: PrivateKey = BUS_KEY, certificate: bytes = SIGNING) -> bytes:
    (folder / "list").write_bytes(LIST)
    pem = key._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    signer = write_pem(folder / "signer.pem", certificate)
    sign: tuple[str | Path, ...] = (
        "cms",
        "-sign",
        "-binary",
        "-outform",
        "DER",
        "-in",
        folder / "list",
        "-signer",
        signer,
        *options,
    )
    done = openssl(*sign, "-inkey", folder / "key.pem")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_signature_made_by_openssl_is_read(tmp_path: Path) -> None:
    long_lived = make_root(days=9000)  # openssl signs with the time of this machine
    certificate = make_leaf(start=NOW - YEAR, end=NOW + 20 * YEAR, root=long_lived)
    signature = _openssl_signs(tmp_path, "-cades", "-md", "sha256", certificate=certificate)
    assert verify_detached(signature, LIST, [long_lived]).thumbprint == thumbprint(certificate)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-md", "sha256"), "not all signed"),
        (("-md", "sha384", "-cades"), "SHA-256"),
        (("-md", "sha256", "-cades", "-nodetach"), "detached"),
        (("-md", "sha256", "-cades", "-keyid"), "version 1"),
        (("-md", "sha256", "-cades", "-nocerts"), "another shape"),
        (("-md", "sha256", "-noattr"), "another shape"),
    ],
)
def test_other_forms_of_openssl_are_refused(tmp_path: Path, options: tuple[str, ...], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        verify_detached(_openssl_signs(tmp_path, *options), LIST, [ROOT])


def test_asn1crypto_reads_the_same() -> None:
    content = asn1_cms.ContentInfo.load(SIGNATURE, strict=True)
    assert content.dump(force=True) == SIGNATURE
    (signer,) = content["content"]["signer_infos"]
    attributes = {one["type"].native: one["values"][0] for one in signer["signed_attrs"]}
    assert attributes["message_digest"].native == sha256(LIST).digest()
    assert attributes["signing_time"].native == NOW
    assert isinstance(attributes["signing_certificate_v2"], tsp.SigningCertificateV2)
    named = attributes["signing_certificate_v2"]["certs"][0]["cert_hash"].native
    assert named == sha256(SIGNING).digest()


def test_other_data_and_other_roots_are_refused() -> None:
    with pytest.raises(NotVerified, match="other data"):
        verify_detached(SIGNATURE, LIST + b"\n", [ROOT])
    with pytest.raises(NotVerified, match="trusted roots"):
        verify_detached(SIGNATURE, LIST, [make_root(OTHER_KEY, "别的空间")])
    with pytest.raises(NotVerified, match="not one for the use as signing"):
        verify_detached(sign_detached(BUS_KEY, TLS, LIST, at=NOW), LIST, [ROOT])
    with pytest.raises(NotVerified, match="does not fit"):
        verify_detached(sign_detached(OTHER_KEY, SIGNING, LIST, at=NOW), LIST, [ROOT])


def test_the_time_of_signing_counts() -> None:
    late = sign_detached(BUS_KEY, SIGNING, LIST, at=NOW + YEAR + timedelta(seconds=1))
    with pytest.raises(NotVerified, match="expired"):
        verify_detached(late, LIST, [ROOT])
    assert verify_detached(SIGNATURE, LIST, [ROOT], at=NOW - timedelta(seconds=60)).signed_at == NOW
    with pytest.raises(NotVerified, match="61 s in the future") as caught:
        verify_detached(SIGNATURE, LIST, [ROOT], at=NOW - timedelta(seconds=61))
    assert "clocks" in caught.value.hint
    verify_detached(SIGNATURE, LIST, [ROOT])  # an archive is checked long after
    with pytest.raises(NotVerified, match="expired"):
        verify_detached(SIGNATURE, LIST, [ROOT], at=NOW + 2 * YEAR)


def test_each_byte_counts() -> None:
    for index, byte in enumerate(SIGNATURE):
        altered = SIGNATURE[:index] + bytes((byte ^ 0x01,)) + SIGNATURE[index + 1 :]
        with pytest.raises(TrustspaceError):
            verify_detached(altered, LIST, [ROOT])


def test_half_a_signature_is_bad_input() -> None:
    for size in range(len(SIGNATURE)):
        with pytest.raises(InvalidInput):
            verify_detached(SIGNATURE[:size], LIST, [ROOT])


@given(st.binary(max_size=200), st.integers(0, len(SIGNATURE) - 1))
def test_any_bytes_are_refused_and_never_a_crash(data: bytes, place: int) -> None:
    for hostile in (data, SIGNATURE[:place] + data + SIGNATURE[place + len(data) + 1 :], SIGNATURE + data + b"\0"):
        with pytest.raises(TrustspaceError):
            verify_detached(hostile, LIST, [ROOT])


def test_the_signers_certificate_is_found_unverified() -> None:
    assert certificate_of(SIGNATURE) == SIGNING
    with pytest.raises(InvalidInput):
        certificate_of(SIGNING)
    with pytest.raises(TooLarge):
        certificate_of(bytes(MAX_CMS + 1))


def test_large_signatures_are_not_read() -> None:
    with pytest.raises(TooLarge):
        verify_detached(bytes(MAX_CMS + 1), LIST, [ROOT])


def test_contracts_are_signed_with_p256() -> None:
    key = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(InvalidInput, match="ES256"):
        sign_detached(key, SIGNING, LIST, at=NOW)


Parts = list[bytes]


def _rebuild(change_signer: Callable[[Parts], Parts], change: Callable[[Parts], Parts] = lambda parts: parts) -> bytes:
    """The signature taken apart, its parts changed, and put together again with right lengths."""
    _, wrapped = der.elements(der.only(SIGNATURE, SEQUENCE))
    parts = [one.raw for one in der.elements(der.only(wrapped.content, SEQUENCE))]
    signer = [one.raw for one in der.elements(der.only(der.only(parts[4], SET), SEQUENCE))]
    parts[4] = tlv(SET, tlv(SEQUENCE, *change_signer(signer)))
    return _wrap(change(parts))


def _wrap(parts: Parts, kind: str = "2a864886f70d010702") -> bytes:
    return tlv(SEQUENCE, der.oid(kind), tlv(0xA0, tlv(SEQUENCE, *parts)))


def _same(parts: Parts) -> Parts:
    return parts


def _attributes(change: Callable[[Parts], Parts]) -> Callable[[Parts], Parts]:
    """A change of the signed attributes, signed again with the right key."""

    def changed(signer: Parts) -> Parts:
        attributes = change([one.raw for one in der.elements(der.only(signer[3], 0xA0))])
        r_s = BUS_KEY.sign(tlv(SET, *attributes))
        value = tlv(
            SEQUENCE, der.integer(int.from_bytes(r_s[:32], "big")), der.integer(int.from_bytes(r_s[32:], "big"))
        )
        return [*signer[:3], tlv(0xA0, *attributes), signer[4], tlv(OCTETS, value)]

    return changed


def _attribute(kind: str, *values: bytes) -> bytes:
    return tlv(SEQUENCE, der.oid(kind), tlv(SET, *values))


DIGEST, TIME, NAMED = "2a864886f70d010904", "2a864886f70d010905", "2a864886f70d010910022f"


def _with(kind: str, *values: bytes) -> Callable[[Parts], Parts]:
    """The attributes with other values of that kind."""
    name = der.oid(kind)
    return _attributes(lambda parts: sorted([*(one for one in parts if name not in one), _attribute(kind, *values)]))


def test_taking_apart_and_putting_together_changes_nothing() -> None:
    assert _rebuild(_same) == SIGNATURE
    verify_detached(_rebuild(_attributes(_same)), LIST, [ROOT])
    extra = _attributes(lambda parts: sorted([*parts, _attribute("2a0304", der.integer(7))]))
    verify_detached(_rebuild(extra), LIST, [ROOT])
    stamped = _rebuild(lambda signer: [*signer, tlv(0xA1, _attribute("2a0304", der.integer(7)))])
    verify_detached(stamped, LIST, [ROOT])
    null = tlv(SEQUENCE, der.oid("608648016503040201"), tlv(der.NULL))
    verify_detached(_rebuild(lambda signer: [*signer[:2], null, *signer[3:]]), LIST, [ROOT])
    chain = _rebuild(_same, lambda parts: [*parts[:3], tlv(0xA0, ROOT, SIGNING, tlv(0xA1, b"")), parts[4]])
    verify_detached(chain, LIST, [ROOT])


SHA1 = tlv(SEQUENCE, der.oid("2b0e03021a"), tlv(der.NULL))
RSA = tlv(SEQUENCE, der.oid("2a864886f70d01010b"), tlv(der.NULL))
TWIN = make_leaf(serial=2, name="bus.example", unit=BUS_ID, end=NOW + 2 * YEAR)  # same issuer, serial and key

HOSTILE: dict[str, tuple[str, bytes]] = {
    "other content type": ("not signed data", _wrap([], "2a864886f70d010701")),
    "nothing in it": ("another shape", _wrap([])),
    "version 3": ("not version 1", _rebuild(_same, lambda parts: [der.integer(3), *parts[1:]])),
    "sha-1 outside": ("not version 1", _rebuild(_same, lambda parts: [parts[0], tlv(SET, SHA1), *parts[2:]])),
    "no signer": ("here are 0", _rebuild(_same, lambda parts: [*parts[:4], tlv(SET)])),
    "two signers": ("here are 2", _rebuild(_same, lambda parts: [*parts[:4], tlv(SET, der.only(parts[4], SET) * 2)])),
    "signer no sequence": ("one signer", _rebuild(_same, lambda parts: [*parts[:4], tlv(SET, der.integer(1))])),
    "no attributes": ("another shape", _rebuild(lambda signer: [*signer[:3], *signer[4:]])),
    "signer version 3": ("other algorithms", _rebuild(lambda signer: [der.integer(3), *signer[1:]])),
    "sha-1 signer": ("other algorithms", _rebuild(lambda signer: [*signer[:2], SHA1, *signer[3:]])),
    "rsa": ("other algorithms", _rebuild(lambda signer: [*signer[:4], RSA, signer[5]])),
    "no certificate": ("not inside", _rebuild(_same, lambda parts: [*parts[:3], tlv(0xA0), parts[4]])),
    "certificate twice": ("not inside", _rebuild(_same, lambda parts: [*parts[:3], tlv(0xA0, SIGNING * 2), parts[4]])),
    "twin certificate": ("names another", _rebuild(_same, lambda parts: [*parts[:3], tlv(0xA0, TWIN), parts[4]])),
    "no certificate at all": (
        "not a certificate",
        _rebuild(_same, lambda parts: [*parts[:3], tlv(0xA0, tlv(SEQUENCE, tlv(SEQUENCE))), parts[4]]),
    ),
    "attribute twice": ("stands twice", _rebuild(_attributes(lambda parts: sorted([*parts, parts[0]])))),
    "attributes unsorted": ("set in DER", _rebuild(_attributes(lambda parts: parts[::-1]))),
    "attribute no sequence": ("set in DER", _rebuild(_attributes(lambda parts: [der.integer(1), *parts]))),
    "attribute missing": ("not all signed", _rebuild(_attributes(lambda parts: parts[:-1]))),
    "two times": ("one value", _rebuild(_with(TIME, der.time(NOW), der.time(NOW)))),
    "no time": ("time is expected", _rebuild(_with(TIME, der.integer(1)))),
    "other digest": ("other data", _rebuild(_with(DIGEST, tlv(OCTETS, bytes(32))))),
    "two digests": ("other data", _rebuild(_with(DIGEST, *(tlv(OCTETS, sha256(LIST).digest()),) * 2))),
    "content signed": ("something else", _rebuild(_with("2a864886f70d010903", der.oid("2a864886f70d010702")))),
    "named by nothing": ("missing", _rebuild(_with(NAMED, tlv(SEQUENCE)))),
    "named by sha-384": (
        "by its SHA-256",
        _rebuild(_with(NAMED, tlv(SEQUENCE, tlv(SEQUENCE, tlv(SEQUENCE, SHA1, tlv(OCTETS, bytes(48))))))),
    ),
    "named otherwise": (
        "names another",
        _rebuild(_with(NAMED, tlv(SEQUENCE, tlv(SEQUENCE, tlv(SEQUENCE, tlv(OCTETS, bytes(32))))))),
    ),
    "signature no ecdsa": ("not an ECDSA", _rebuild(lambda signer: [*signer[:5], tlv(OCTETS, bytes(64))])),
    "wrapped in something": ("elements", tlv(SEQUENCE, tlv(OID, b"*"))),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_ones_are_refused_with_the_reason(name: str) -> None:
    reason, hostile = HOSTILE[name]
    with pytest.raises(TrustspaceError, match=reason):
        verify_detached(hostile, LIST, [ROOT])
