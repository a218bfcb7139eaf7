"""Only good keys verify, under their own algorithm, and only the exact data."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.core.identity.world import BUS_KEY, OTHER_KEY, SIGNING
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.identity.keys import (
    algorithm_of,
    aware,
    from_der,
    from_x5t,
    load_public,
    thumbprint,
    to_der,
    to_x5t,
    verify,
)

ED_KEY = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
DATA = "公交时刻表".encode()


def spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("key", [BUS_KEY, ED_KEY])
def test_a_signature_holds_for_its_data_and_key_alone(key: PrivateKey) -> None:
    signature = key.sign(DATA)
    verify(key.public_der, key.algorithm, signature, DATA)
    assert algorithm_of(key.public_der) == key.algorithm
    assert key.sign(DATA) == signature
    for wrong, data in ((signature, DATA + b"!"), (signature[::-1], DATA), (bytes(64), DATA), (b"\xff" * 64, DATA)):
        with pytest.raises(NotVerified, match="does not fit"):
            verify(key.public_der, key.algorithm, wrong, data)
    with pytest.raises(NotVerified):
        verify(OTHER_KEY.public_der, "ES256", signature, DATA)


@pytest.mark.parametrize("index", range(64))
def test_each_byte_of_a_signature_counts(index: int) -> None:
    signature = bytearray(BUS_KEY.sign(DATA))
    signature[index] ^= 1
    with pytest.raises(NotVerified):
        verify(BUS_KEY.public_der, "ES256", bytes(signature), DATA)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256", "ES384", "EdDSA", "es256", ""])
def test_the_key_decides_the_algorithm(algorithm: str) -> None:
    with pytest.raises(NotVerified, match="algorithm of this key"):
        verify(BUS_KEY.public_der, algorithm, BUS_KEY.sign(DATA), DATA)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65), to_der(BUS_KEY.sign(DATA))])
def test_signatures_of_another_size_are_refused(signature: bytes) -> None:
    with pytest.raises(NotVerified, match="bytes are not a signature"):
        verify(BUS_KEY.public_der, "ES256", signature, DATA)


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024).public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.derive_private_key(7, ec.SECP256K1()).public_key(),
        ec.derive_private_key(7, ec.SECP384R1()).public_key(),
        x25519.X25519PrivateKey.from_private_bytes(bytes(32)).public_key(),
    ],
)
def test_other_kinds_of_key_are_refused(key: PublicKeyTypes) -> None:
    with pytest.raises(NotVerified, match="not accepted") as caught:
        load_public(spki(key))
    assert "P-256" in caught.value.hint


def test_weak_curves_are_refused() -> None:
    head = bytes.fromhex("3049301306072a8648ce3d020106082a8648ce3d030101033200")  # P-192
    with pytest.raises(NotVerified):
        load_public(head + b"\x04" + bytes(48))


@pytest.mark.parametrize("data", [b"", b"no", BUS_KEY.public_der[:-1], b"0" * 91])
def test_what_is_not_a_key_is_refused(data: bytes) -> None:
    with pytest.raises(NotVerified, match="not a public key"):
        load_public(data)


def test_a_second_spelling_of_a_key_is_refused() -> None:
    compressed = ec.derive_private_key(9, ec.SECP256R1()).public_key()
    point = compressed.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    spelled = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    with pytest.raises(NotVerified, match="second spelling"):
        load_public(spelled)


def test_ecdsa_values_are_read_back_and_others_refused() -> None:
    signature = BUS_KEY.sign(DATA)
    assert from_der(to_der(signature)) == signature
    for wrong in (b"", signature, to_der(signature) + b"\0", bytes.fromhex("30060201ff020101"), _too_large()):
        with pytest.raises(NotVerified, match="P-256"):
            from_der(wrong)


def _too_large() -> bytes:
    return bytes.fromhex("3026022101" + "00" * 32 + "020101")


def test_thumbprints_have_two_forms() -> None:
    name = thumbprint(SIGNING)
    assert name == hashlib.sha256(SIGNING).hexdigest()
    assert from_x5t(to_x5t(name)) == name
    for wrong in ("", name.upper(), name[:-1]):
        with pytest.raises(InvalidInput):
            to_x5t(wrong)
    for wrong in ("", "AAAA", to_x5t(name) + "=", "ä"):
        with pytest.raises(InvalidInput):
            from_x5t(wrong)


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(InvalidInput, match="offset"):
        aware(datetime(2026, 11, 24), "now")  # noqa: DTZ001 -- that is the point
