"""An agreement that was made elsewhere, as a contract of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trustspace.core.canon import digest
from trustspace.core.contract import Role, Signed, Status, imported
from trustspace.core.errors import InvalidInput, Refused

NOW = datetime(2027, 1, 1, tzinfo=UTC)
BUS, TRIP = "did:web:bus.example", "did:web:trip.example"
AGREEMENT: dict[str, Any] = {
    "@id": "agreement-1",
    "@type": "Agreement",
    "target": "feed",
    "assigner": BUS,
    "assignee": TRIP,
    "timestamp": "2026-12-01T08:00:00Z",
    "permission": [{"action": "use"}],
}


@pytest.mark.parametrize(("me", "role", "peer"), [(BUS, Role.PROVIDER, TRIP), (TRIP, Role.CONSUMER, BUS)])
def test_it_is_ours_on_the_side_where_we_stand_and_signed_by_nobody(me: str, role: Role, peer: str) -> None:
    contract = imported(AGREEMENT, me=me, now=NOW, title="timetable", address="https://peer.example/dsp")
    assert (contract.key, contract.role, contract.peer, contract.target) == ("agreement-1", role, peer, "feed")
    assert (contract.signed, contract.status, contract.imported) == (Signed.UNSIGNED, Status.ACTIVE, True)
    assert (contract.title, contract.address) == ("timetable", "https://peer.example/dsp")
    assert contract.digest == digest(contract.agreement.encode())
    assert contract.agreed.timestamp == "2026-12-01T08:00:00Z"


def test_the_context_of_its_document_is_no_part_of_it() -> None:
    plain = imported(AGREEMENT, me=BUS, now=NOW)
    assert imported({"@context": ["https://w3id.org/x"], **AGREEMENT}, me=BUS, now=NOW) == plain


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"@id": ""}, InvalidInput, "agreement.@id"),
        ({"target": 7}, InvalidInput, "agreement.target"),
        ({"permission": "all"}, InvalidInput, "permission"),
        ({"assigner": "did:web:other.example"}, Refused, "we are did:web:bus.example"),
        ({"assignee": BUS}, Refused, "we are did:web:bus.example"),
        ({"@type": "Offer"}, Refused, "agreement.@type"),
        ({"conflict": "perm"}, Refused, "'conflict'"),
        ({"permission": [{"action": "https://other.example/sing"}]}, Refused, "sing"),
    ],
)
def test_what_is_wrong_with_it_is_named(change: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        imported({**AGREEMENT, **change}, me=BUS, now=NOW)
    assert says in str(raised.value)


@pytest.mark.parametrize("document", [None, [], "agreement", 7])
def test_what_is_no_object_is_no_agreement(document: Any) -> None:
    with pytest.raises(InvalidInput, match="an ODRL agreement is expected"):
        imported(document, me=BUS, now=NOW)
