from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from trustspace.core import contract as contracts
from trustspace.core import transfer as transfers
from trustspace.core.contract import Limit, Negotiation, Patience, Role
from trustspace.core.contract.exchange import MISSED
from trustspace.core.contract.patience import lasting
from trustspace.core.transfer import Transfer

NOW = datetime(2027, 3, 1, tzinfo=UTC)
PATIENCE = Patience()


def negotiation(state: str, role: Role, **more: Any) -> Negotiation:
    return Negotiation(
        key="p", role=role, peer="did:web:x", state=contracts.State(state), created=NOW, changed=NOW, **more
    )


def transfer(state: str, role: Role) -> Transfer:
    return Transfer(key="t", role=role, peer="did:web:x", state=transfers.State(state), created=NOW, changed=NOW)


@pytest.mark.parametrize(("state", "role"), [*product(contracts.State, Role)])
def test_every_negotiation_that_has_not_ended_waits_for_something(state: contracts.State, role: Role) -> None:
    todo = {"REQUESTED": "decide", "ACCEPTED": "agree", "VERIFIED": "finalize"}
    todo = todo if role is Role.PROVIDER else {"OFFERED": "decide", "AGREED": "verify"}
    one = replace(negotiation(state, role), todo=todo.get(state, ""))
    assert (one.awaited is None) == one.ended
    if one.awaited is not None and not one.todo:
        assert role.other.value in one.awaited.what


@pytest.mark.parametrize(("state", "role"), [*product(transfers.State, Role)])
def test_every_transfer_that_has_not_ended_waits_for_something(state: transfers.State, role: Role) -> None:
    one = transfer(state, role)
    one = replace(one, todo="start") if (state, role) == ("REQUESTED", "provider") else one
    assert (one.awaited is None) == one.ended


def test_a_message_on_its_way_is_what_is_waited_for_first() -> None:
    one = replace(negotiation("REQUESTED", Role.PROVIDER), pending=contracts.Verb.AGREE)
    assert one.awaited is not None
    assert (one.awaited.what, one.awaited.limit) == ("the peer's answer to our agree", Limit.ANSWER)


def test_a_person_here_has_less_time_than_the_peer_waits_for_theirs() -> None:
    assert PATIENCE.of(Limit.DECISION) < PATIENCE.of(Limit.PEER)


def test_the_peer_is_asked_before_the_end_and_a_person_is_not() -> None:
    waits = negotiation("REQUESTED", Role.CONSUMER).awaited
    decides = replace(negotiation("REQUESTED", Role.PROVIDER), todo="decide").awaited
    assert waits is not None
    assert decides is not None
    assert PATIENCE.asked(waits, NOW) == NOW + timedelta(hours=1)
    assert PATIENCE.asked(decides, NOW) == NOW + timedelta(days=7)
    assert Patience(peer=timedelta(seconds=5)).asked(waits, NOW) == NOW + timedelta(seconds=5)


def test_an_expired_process_says_why_and_waits_no_more() -> None:
    one = contracts.expired(negotiation("VERIFIED", Role.CONSUMER), "too long", now=NOW, code="timed-out")
    assert (one.state, one.code, one.reasons, one.ended_by) == (
        contracts.State.TERMINATED,
        "timed-out",
        ("too long",),
        Role.CONSUMER,
    )
    assert one.awaited is None
    assert transfers.expired(transfer("STARTED", Role.PROVIDER), "too long", now=NOW).ended


@pytest.mark.parametrize(
    ("state", "role", "signature", "theirs", "then"),
    [
        ("VERIFIED", Role.CONSUMER, "", "FINALIZED", "FINALIZED"),
        ("VERIFIED", Role.CONSUMER, "c2ln", "FINALIZED", None),  # its message names the signatures
        ("VERIFIED", Role.CONSUMER, "c2ln", "TERMINATED", "TERMINATED"),
        ("REQUESTED", Role.CONSUMER, "", "AGREED", None),  # the agreement is in its message
        ("REQUESTED", Role.CONSUMER, "", "REQUESTED", None),
        ("AGREED", Role.PROVIDER, "", "VERIFIED", None),
        ("AGREED", Role.PROVIDER, "", "nonsense", None),
        ("FINALIZED", Role.CONSUMER, "", "TERMINATED", None),
    ],
)
def test_what_a_negotiation_takes_from_what_the_peer_shows(
    state: str, role: Role, signature: str, theirs: str, then: str | None
) -> None:
    after = contracts.caught_up(negotiation(state, role, provider_signature=signature), theirs, now=NOW)
    assert (after.state if after else None) == then
    if then == "TERMINATED":
        assert after is not None
        assert (after.reasons, after.ended_by) == ((MISSED,), role.other)


@pytest.mark.parametrize(
    ("state", "theirs", "then"),
    [
        ("STARTED", "COMPLETED", "COMPLETED"),
        ("STARTED", "SUSPENDED", "SUSPENDED"),
        ("REQUESTED", "STARTED", None),
        ("SUSPENDED", "STARTED", None),
        ("COMPLETED", "TERMINATED", None),
    ],
)
def test_what_a_transfer_takes_from_what_the_peer_shows(state: str, theirs: str, then: str | None) -> None:
    after = transfers.caught_up(transfer(state, Role.CONSUMER), theirs, now=NOW)
    assert (after.state if after else None) == then


@pytest.mark.parametrize(
    ("span", "text"),
    [
        ({"days": 7}, "7 days"),
        ({"hours": 24}, "24 hours"),
        ({"hours": 25}, "25 hours"),
        ({"seconds": 90}, "90 seconds"),
    ],
)
def test_spans_are_told_in_the_largest_unit_that_counts_them(span: dict[str, float], text: str) -> None:
    assert lasting(timedelta(**span)) == text
