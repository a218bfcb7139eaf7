from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core.contract import Party
from trustspace.core.contract.signing import check_signature, consumer_list, provider_list
from trustspace.core.errors import NotVerified
from trustspace.core.identity.certificates import Profile, issue
from trustspace.core.identity.cms import sign_detached

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
AGREEMENT = b'{"@id":"urn:uuid:a"}'
ROOT_KEY, KEY = MemoryKey("root"), MemoryKey("signer")
BEFORE, AFTER = NOW - timedelta(days=1), NOW + timedelta(days=9)
ROOT = issue(
    ROOT_KEY,
    None,
    ROOT_KEY.public_der,
    profile=Profile.ROOT,
    common_name="r",
    unit="node",
    serial=1,
    not_before=BEFORE,
    not_after=AFTER,
)
CERTIFICATE = issue(
    ROOT_KEY,
    ROOT,
    KEY.public_der,
    profile=Profile.SIGNING,
    common_name="bus",
    unit="5ABC",
    serial=2,
    not_before=BEFORE,
    not_after=AFTER,
)


def line(data: bytes, name: str) -> bytes:
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()


def test_the_provider_signs_a_list_that_sha256sum_checks() -> None:
    assert provider_list(AGREEMENT) == line(AGREEMENT, "agreement.json")


def test_the_consumer_signs_the_providers_signature_too() -> None:
    assert consumer_list(AGREEMENT, b"p7s") == line(AGREEMENT, "agreement.json") + line(b"p7s", "provider.p7s")


def test_a_signature_is_the_partys_whose_identifier_its_certificate_names() -> None:
    signed = provider_list(AGREEMENT)
    signature = sign_detached(KEY, CERTIFICATE, signed, at=NOW)
    facts = check_signature(signed, signature, (ROOT,), Party("did:web:bus.example", "5ABC"), at=NOW)
    assert facts.certificate.identifier == "5ABC"
    with pytest.raises(NotVerified, match="not by 5XYZ"):
        check_signature(signed, signature, (ROOT,), Party("did:web:bus.example", "5XYZ"), at=NOW)
    with pytest.raises(NotVerified):
        check_signature(consumer_list(AGREEMENT, b""), signature, (ROOT,), Party("x", "5ABC"), at=NOW)
