from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.evidence.world import BUS, NOW, PLANNER
from trustspace.core.canon import canonical, decode64, digest, encode64
from trustspace.core.errors import InvalidInput, NotVerified, TrustspaceError
from trustspace.core.evidence.receipts import batch, read_receipt, receipt_leaf, signer_of, verify_receipt

SENT, ANSWERED = b'{"request":1}', b'{"answer":1}'
KEY = BUS.key.public_der


def one(sent: bytes = SENT, **changes: Any) -> bytes:
    said: dict[str, Any] = {
        "received": digest(sent),
        "answered": digest(ANSWERED),
        "status": 200,
        "state": "REQUESTED",
        "time": NOW,
        "sender": PLANNER.did,
        "receiver": BUS.did,
        "process": "urn:uuid:1",
    }
    return receipt_leaf(**(said | changes))


RECEIPT = batch([one()], BUS.key, BUS.thumbprint)[0]


@pytest.mark.parametrize("size", [1, 2, 3, 8, 33])
def test_one_signature_serves_a_whole_group(size: int) -> None:
    sent = [b"%d" % n for n in range(size)]
    receipts = batch([one(body) for body in sent], BUS.key, BUS.thumbprint)
    for body, receipt in zip(sent, receipts, strict=True):
        facts = verify_receipt(
            receipt, public_der=KEY, received=body, answered=ANSWERED, sender=PLANNER.did, receiver=BUS.did
        )
        assert (facts.status, facts.state, facts.time, facts.process) == (200, "REQUESTED", NOW, "urn:uuid:1")
        assert facts.thumbprint == signer_of(receipt) == BUS.thumbprint
    assert len({json.loads(decode64(receipt))["signature"] for receipt in receipts}) == 1


def test_a_receipt_is_canonical_json() -> None:
    data = decode64(batch([one(), one(b"x")], BUS.key, BUS.thumbprint)[1])
    assert canonical(json.loads(data)) == data


@pytest.mark.parametrize(
    "change",
    [{"received": b"other"}, {"answered": b"other"}, {"sender": BUS.did}, {"receiver": PLANNER.did}],
    ids=str,
)
def test_the_receipt_of_another_exchange_is_refused(change: dict[str, Any]) -> None:
    exchange: dict[str, Any] = {
        "received": SENT,
        "answered": ANSWERED,
        "sender": PLANNER.did,
        "receiver": BUS.did,
    }
    verify_receipt(RECEIPT, public_der=KEY, **exchange)
    with pytest.raises(NotVerified, match="another exchange"):
        verify_receipt(RECEIPT, public_der=KEY, **(exchange | change))


def test_another_key_does_not_verify() -> None:
    with pytest.raises(NotVerified):
        read_receipt(RECEIPT, public_der=PLANNER.key.public_der)


def test_a_receipt_cannot_name_another_certificate() -> None:
    value = json.loads(decode64(RECEIPT)) | {"x5t#S256": encode64(b"1" * 32)}
    with pytest.raises(NotVerified):
        read_receipt(encode64(canonical(value)), public_der=KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"index": 1},
        {"index": True},
        {"size": 2},
        {"size": "1"},
        {"path": "x"},
        {"path": [1]},
        {"path": [encode64(b"0" * 32)]},
        {"leaf": encode64(one(status=201))},
        {"leaf": 1},
        {"alg": "none"},
        {"alg": "EdDSA"},
        {"signature": encode64(b"0" * 64)},
        {"signature": encode64(b"0")},
        {"x5t#S256": encode64(b"0")},
        {"more": 1},
    ],
    ids=str,
)
def test_an_altered_receipt_is_refused(change: dict[str, Any]) -> None:
    value = json.loads(decode64(RECEIPT)) | change
    with pytest.raises(TrustspaceError):
        read_receipt(encode64(canonical(value)), public_der=KEY)


@given(st.integers(0, len(RECEIPT) - 1), st.sampled_from("AZaz09-_=. é"))
def test_no_other_letter_passes(place: int, letter: str) -> None:
    wrong = RECEIPT[:place] + letter + RECEIPT[place + 1 :]
    if wrong != RECEIPT:
        with pytest.raises(TrustspaceError):
            read_receipt(wrong, public_der=KEY)


@pytest.mark.parametrize(
    "leaf",
    [
        b"{}",
        b"not json",
        b" " + one(),
        canonical(json.loads(one()) | {"status": "200"}),
        canonical(json.loads(one()) | {"state": 1}),
        canonical(json.loads(one()) | {"time": "today"}),
        one(received="short"),
        one(answered="short"),
    ],
)
def test_a_signed_leaf_that_is_none_is_refused(leaf: bytes) -> None:
    (receipt,) = batch([leaf], BUS.key, BUS.thumbprint)
    with pytest.raises(InvalidInput):
        read_receipt(receipt, public_der=KEY)


def test_empty_and_endless_groups_and_receipts_are_refused() -> None:
    for leaves in ([], [b"x"] * 65_537):
        with pytest.raises(InvalidInput, match="a group has"):
            batch(leaves, BUS.key, BUS.thumbprint)
    with pytest.raises(InvalidInput, match="at most"):
        read_receipt("A" * 9_000, public_der=KEY)


def test_facts_are_values() -> None:
    facts = read_receipt(RECEIPT, public_der=KEY)
    assert replace(facts, status=404) != facts
