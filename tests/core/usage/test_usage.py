from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trustspace.core.errors import Forbidden, Refused, Unauthenticated
from trustspace.core.policy import offer, use
from trustspace.core.usage import (
    CLOSED,
    DELIVERED,
    LIFETIME,
    REFUSED,
    Access,
    Asked,
    Counter,
    Use,
    check_access,
    check_open,
    closed,
    count,
    delivered,
    delivery_statement,
    denial_statement,
    judge,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
POLICY = offer(use(purpose="trip-planning", count=2, until="2027-01-01", participants="91350100M000100Y43"))
ASKED = Asked("did:web:planner.example", ("91350100M000100Y43",), "trip-planning", NOW)
USE = Use(
    key="agreement#monday",
    role="provider",
    agreement="agreement",
    transfer="transfer",
    peer="did:web:planner.example",
    purpose="trip-planning",
    decision="permit",
    reason="",
    at=NOW,
    expires=NOW + LIFETIME,
    digest="00",
    size=3,
)
ACCESS = Access(key="hash", agreement="agreement", transfer="transfer", peer="did:web:planner.example", created=NOW)


def test_uses_are_permitted_until_the_count_is_reached() -> None:
    counter, permitted = Counter(key="agreement"), []
    for _ in range(4):
        decision = judge(POLICY, counter, ASKED)
        permitted.append(decision.permitted)
        counter = count(counter, decision)
    assert permitted == [True, True, False, False]
    assert (counter.used, counter.refused) == (2, 2)


@pytest.mark.parametrize(
    "asked",
    [
        Asked(ASKED.party, ASKED.identifiers, "advertising", NOW),
        Asked(ASKED.party, ASKED.identifiers, "", NOW),
        Asked(ASKED.party, (), "trip-planning", NOW),
        Asked(ASKED.party, ASKED.identifiers, "trip-planning", datetime(2026, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_anything_else_than_agreed_is_refused_with_its_reason(asked: Asked) -> None:
    decision = judge(POLICY, Counter(key="agreement"), asked)
    assert not decision.permitted
    assert decision.reason


def test_an_access_token_opens_what_it_was_made_for() -> None:
    assert check_access(ACCESS) is ACCESS
    with pytest.raises(Unauthenticated, match="not known"):
        check_access(None)
    with pytest.raises(Forbidden, match="died"):
        check_access(Access(key="h", agreement="a", transfer="t", peer="p", created=NOW, closed=True))


def test_the_bytes_of_a_use_are_open_until_its_end() -> None:
    assert check_open(USE, now=USE.expires - timedelta(microseconds=1)) is USE
    with pytest.raises(Refused, match="ended at"):
        check_open(USE, now=USE.expires)
    with pytest.raises(Unauthenticated, match="no use"):
        check_open(None, now=NOW)


@pytest.mark.parametrize("over", [delivered(USE, "receipt", now=NOW), closed(USE, "the contract ended")])
def test_a_use_that_is_over_opens_nothing(over: Use) -> None:
    with pytest.raises(Refused, match=over.state):
        check_open(over, now=NOW)


def test_a_receipt_delivers_once() -> None:
    first = delivered(USE, "receipt", now=NOW)
    assert (first.state, first.receipt, first.delivered) == (DELIVERED, "receipt", NOW)
    assert delivered(first, "another", now=NOW + timedelta(days=1)) is first


def test_only_an_open_use_is_closed() -> None:
    assert closed(USE, "why").state == CLOSED
    assert closed(USE, "why").reason == "why"
    over = delivered(USE, "receipt", now=NOW)
    assert closed(over, "why") is over


def test_the_statements_name_what_they_are_about() -> None:
    receipt = delivery_statement(USE, now=NOW)
    assert receipt == {
        "kind": "delivered",
        "agreement": "agreement",
        "use": "agreement#monday",
        "digest": "00",
        "size": 3,
        "time": "2026-11-24T08:00:00+00:00",
    }
    decision = judge(POLICY, Counter(key="agreement"), Asked(ASKED.party, (), "ads", NOW))
    denial = denial_statement("agreement", "monday", Asked(ASKED.party, (), "ads", NOW), decision)
    assert denial["kind"] == "denied"
    assert (denial["agreement"], denial["use"], denial["purpose"]) == ("agreement", "monday", "ads")
    assert denial["decision"] in {"deny", "default-deny"}
    assert denial["reason"] == decision.reason
    assert REFUSED == "refused"
