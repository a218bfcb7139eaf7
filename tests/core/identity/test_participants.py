"""The functional node's list is believed only when its own certificate signed it, fresh, and never an older one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.identity.world import (
    BUS_ID,
    BUS_KEY,
    NODE_ID,
    NODE_KEY,
    NODE_SIGNING,
    NOW,
    OTHER_KEY,
    ROOT,
    SIGNING,
    make_leaf,
    make_root,
)
from trustspace.core.canon import canonical
from trustspace.core.errors import InvalidInput, NotFound, NotVerified, TrustspaceError
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.participants import (
    Participant,
    ParticipantList,
    ParticipantStatus,
    decode,
    encode,
    sign_list,
    verify_list,
)
from trustspace.core.identity.tokens import TokenKind, sign_statement

HOUR = timedelta(hours=1)
BUS = Participant(
    identifier=BUS_ID,
    credit_code="91330000MA00000000",
    name="公交公司",
    did="did:web:bus.example",
    signing_thumbprints=(thumbprint(SIGNING),),
    endpoints={"dsp": "https://bus.example/dsp/2025-1"},
)
GONE = Participant(
    identifier="G" * 32,
    credit_code="91330000MA00000001",
    name="旧公司",
    did="did:web:gone.example",
    status=ParticipantStatus.REVOKED,
    revoked_at=NOW - HOUR,
)
HELD = replace(GONE, identifier="H" * 32, did="did:web:held", status=ParticipantStatus.SUSPENDED, revoked_at=None)
LIST = ParticipantList(NODE_ID, 7, NOW, NOW + HOUR, (BUS, GONE, HELD), {"ab" * 32: NOW - HOUR})
SIGNED = sign_list(NODE_KEY, NODE_SIGNING, LIST)


def test_a_list_is_read_back_and_found_in() -> None:
    read = verify_list(SIGNED, [ROOT], now=NOW, newest_seen_version=7)
    assert read == LIST
    assert read.find(BUS_ID) == read.find("did:web:bus.example") == BUS
    assert read.find("did:web:nobody") is None
    assert read.age(NOW + HOUR) == HOUR
    assert sign_list(NODE_KEY, NODE_SIGNING, read) == SIGNED


def test_only_active_participants_with_their_own_certificate_pass() -> None:
    assert LIST.check_certificate(BUS_ID, thumbprint(SIGNING)) is BUS
    with pytest.raises(NotFound, match="not known"):
        LIST.active("did:web:nobody")
    with pytest.raises(NotVerified, match="REVOKED since 2026-11-24T07"):
        LIST.active(GONE.did)
    with pytest.raises(NotVerified, match=r"SUSPENDED$"):
        LIST.active(HELD.identifier)
    with pytest.raises(NotVerified, match="not a signing certificate"):
        LIST.check_certificate(BUS.did, "cd" * 32)
    revoked = replace(LIST, revoked_certificates={thumbprint(SIGNING): NOW})
    with pytest.raises(NotVerified, match="revoked since"):
        revoked.check_certificate(BUS.did, thumbprint(SIGNING))


def test_an_older_version_is_a_rollback() -> None:
    with pytest.raises(NotVerified, match="version 7 is older than 8") as caught:
        verify_list(SIGNED, [ROOT], now=NOW, newest_seen_version=8)
    assert "replays" in caught.value.hint


def test_times_are_checked() -> None:
    verify_list(SIGNED, [ROOT], now=NOW - timedelta(seconds=60))
    with pytest.raises(NotVerified, match="61 s in the future"):
        verify_list(SIGNED, [ROOT], now=NOW - timedelta(seconds=61))
    with pytest.raises(NotVerified, match="version 7 expired at 2026-11-24T09"):
        verify_list(SIGNED, [ROOT], now=NOW + HOUR)


def test_strangers_are_refused() -> None:
    with pytest.raises(NotVerified, match="trusted roots"):
        verify_list(SIGNED, [make_root(OTHER_KEY, "another")], now=NOW)
    with pytest.raises(NotVerified, match=f"list of {NODE_ID} is signed by {BUS_ID}"):
        verify_list(sign_list(BUS_KEY, SIGNING, LIST), [ROOT], now=NOW)
    with pytest.raises(NotVerified, match="does not fit"):
        verify_list(sign_list(OTHER_KEY, NODE_SIGNING, LIST), [ROOT], now=NOW)
    name = thumbprint(NODE_SIGNING)
    bare = sign_statement(NODE_KEY, name, TokenKind.PARTICIPANTS, encode(LIST)).encode()
    with pytest.raises(NotVerified, match="without its signer's certificate"):
        verify_list(bare, [ROOT], now=NOW)
    other = sign_statement(NODE_KEY, name, TokenKind.STATEMENT, encode(LIST), [NODE_SIGNING]).encode()
    with pytest.raises(NotVerified, match="is expected"):
        verify_list(other, [ROOT], now=NOW)
    expired = make_leaf(NODE_KEY, unit=NODE_ID, name="node", end=NOW - timedelta(seconds=1))
    with pytest.raises(NotVerified, match="expired"):
        verify_list(sign_list(NODE_KEY, expired, LIST), [ROOT], now=NOW)
    with pytest.raises(NotVerified):
        verify_list("公".encode(), [ROOT], now=NOW)


def test_each_byte_counts() -> None:
    for index in range(0, len(SIGNED), 5):
        altered = SIGNED[:index] + (b"A" if SIGNED[index] != 65 else b"B") + SIGNED[index + 1 :]
        with pytest.raises(TrustspaceError):
            verify_list(altered, [ROOT], now=NOW)


def _change(**change: Any) -> Callable[[dict[str, Any]], None]:
    return lambda members: members.update(change)


def _bus(**change: Any) -> Callable[[dict[str, Any]], None]:
    return lambda members: members["participants"][0].update(change)


@pytest.mark.parametrize(
    "change",
    [
        _change(extra=1),
        _change(node=""),
        _change(node=5),
        _change(version=0),
        _change(version=True),
        _change(version="7"),
        _change(version=7.5),
        _change(issued="2026-11-24"),
        _change(issued="2026-11-24T08:00:00+00:00"),
        _change(issued="2026-11-24T8:00:00Z"),
        _change(expires=None),
        _change(participants={}),
        _change(participants=[5]),
        _change(revokedCertificates=[]),
        _change(revokedCertificates={"x": "2026-11-24T08:00:00Z"}),
        _change(revokedCertificates={"ab" * 32: 5}),
        lambda members: members.pop("node"),
        lambda members: members["participants"].append(members["participants"][0]),
        _bus(extra=1),
        _bus(did=""),
        _bus(did=GONE.did),
        _bus(identifier=GONE.identifier),
        _bus(creditCode=None),
        _bus(status="active"),
        _bus(status=[]),
        _bus(signingThumbprints="ab"),
        _bus(signingThumbprints=["AB" * 32]),
        _bus(signingThumbprints=[5]),
        _bus(endpoints=[]),
        _bus(endpoints={"dsp": ""}),
        _bus(revokedAt=None),
        lambda members: members["participants"][0].pop("name"),
    ],
)
def test_what_is_no_list_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    members = json.loads(encode(LIST))
    change(members)
    with pytest.raises(InvalidInput):
        decode(canonical(members))


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(data)
    with pytest.raises(NotVerified):
        verify_list(data, [ROOT], now=NOW)


def test_what_could_not_be_read_back_is_not_signed() -> None:
    with pytest.raises(InvalidInput):
        sign_list(NODE_KEY, NODE_SIGNING, replace(LIST, participants=(replace(BUS, name=""),)))
    with pytest.raises(InvalidInput, match="offset"):
        sign_list(NODE_KEY, NODE_SIGNING, replace(LIST, issued=datetime(2026, 11, 24)))  # noqa: DTZ001 -- the point


def test_a_name_stands_for_one_participant() -> None:
    with pytest.raises(InvalidInput, match="stands twice"):
        replace(LIST, participants=(BUS, replace(GONE, did=BUS.did)))
    with pytest.raises(InvalidInput, match="stands twice"):
        replace(LIST, participants=(BUS, replace(GONE, identifier=BUS.did)))
