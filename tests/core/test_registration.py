"""An application's life: the table, the fields, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput
from trustspace.core.identity import registration as r
from trustspace.core.identity.registration import MACHINE, Application, Connector, Enterprise, State

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
ENTERPRISE = Enterprise(enterprise_name="新港公交公司", credit_code="91350100M000100Y43")
CONNECTOR = Connector(
    connector_name="bus",
    did="did:web:bus.example",
    public_url="https://bus.example:8443/",
    hosts=("bus.example", "192.0.2.7", "2001:db8::7"),
)
IDENTIFIER = "591350100M000100Y4335017K2M9Q4TS"
MOVES: dict[str, Callable[[Application], Application]] = {
    "enter": lambda a: r.enter(a, ENTERPRISE, key=a.key, now=NOW),
    "apply": lambda a: r.apply(a, CONNECTOR, tls="t", signing="s", now=NOW),
    "return": lambda a: r.return_(a, "why", by="li", now=NOW),
    "approve": lambda a: r.approve(a, IDENTIFIER, by="li", now=NOW),
    "certify": lambda a: r.certify(a, tls="T", signing="S", now=NOW),
    "renew": lambda a: r.renew(a, tls="T2", signing=a.signing_certificate + "'", keys=("t2", "s2"), now=NOW),
    "move": lambda a: r.move(a, did="did:web:new", public_url="http://new", hosts=("new",), now=NOW),
    "revoke": lambda a: r.revoke(a, "why", by="li", now=NOW),
}


def draft() -> Application:
    return r.enter(None, ENTERPRISE, key="k", now=NOW)


def reach(*names: str) -> Application:
    application = draft()
    for name in names:
        application = MOVES[name](application)
    return application


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=14))
def test_whatever_is_done_an_identifier_stays_and_certificates_need_it(names: list[str]) -> None:
    application = draft()
    for name in names:
        try:
            after = MOVES[name](application)
        except IllegalTransition:
            continue
        assert not application.identifier or after.identifier == application.identifier
        application = after
        assert bool(application.identifier) or not application.signing_certificate
        assert (application.state is State.ACTIVE) <= bool(application.signing_certificate)


def test_the_way_through_review_is_kept_as_history() -> None:
    active = reach("apply", "return", "enter", "apply", "approve", "certify")
    assert [(step.state, step.who, step.reason) for step in active.history] == [
        (State.SUBMITTED, "applicant", ""),
        (State.RETURNED, "li", "why"),
        (State.SUBMITTED, "applicant", ""),
        (State.APPROVED, "li", ""),
        (State.ACTIVE, "node", ""),
    ]
    assert r.standing(active).identifier == IDENTIFIER
    assert active.requested == CONNECTOR


def test_renewals_keep_the_last_certificates_for_what_is_under_way() -> None:
    application = reach("apply", "approve", "certify", *["renew"] * 6)
    assert application.former == ("S'''''", "S''''", "S'''", "S''")
    assert (application.tls_key, application.signing_key) == ("t2", "s2")


def test_a_draft_has_no_connector_to_approve() -> None:
    with pytest.raises(IllegalTransition, match="no connector"):
        _ = draft().requested
    with pytest.raises(IllegalTransition, match="node may not approve in state DRAFT"):
        r.approve(draft(), IDENTIFIER, by="li", now=NOW)


def test_revoked_is_the_only_end() -> None:
    assert [state for state in State if MACHINE.final(state)] == [State.REVOKED]


def test_only_the_reviewed_keys_are_certified() -> None:
    application = reach("apply")
    r.check_keys(application, tls="t", signing="s")
    with pytest.raises(Conflict, match="not the keys"):
        r.check_keys(application, tls="t", signing="x")


@pytest.mark.parametrize("name", ["return_", "revoke"])
def test_a_refusal_needs_its_reason(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"reason: .*empty"):
        getattr(r, name)(reach("apply"), "  ", by="li", now=NOW)


@pytest.mark.parametrize(
    ("value", "fields", "match"),
    [
        (ENTERPRISE, {"enterprise_name": " "}, "enterprise name: .*empty"),
        (ENTERPRISE, {"credit_code": "91350100M000100Y44"}, "credit code: the check at position 18"),
        (ENTERPRISE, {"enterprise_type": "7"}, "enterprise type: .*社会团体法人"),
        (CONNECTOR, {"connector_name": ""}, "connector name: .*empty"),
        (CONNECTOR, {"join_type": "0"}, "join type: .*专线"),
        (CONNECTOR, {"did": "bus.example"}, "did: .*no DID"),
        (CONNECTOR, {"hosts": ("bus.example", "-x")}, "hosts: '-x' is no host"),
        (CONNECTOR, {"hosts": ("other.example",)}, "hosts: the host bus.example .*not among"),
        (CONNECTOR, {"public_url": "https://bus.example:port"}, "public url: .*no URL"),
        (CONNECTOR, {"public_url": "ftp://bus.example"}, "public url: .*no address of a node"),
        (CONNECTOR, {"public_url": "https://u@bus.example"}, "public url: .*no address of a node"),
        (CONNECTOR, {"public_url": "https://"}, "public url: .*no address of a node"),
    ],
)
def test_a_wrong_field_is_named(value: Any, fields: dict[str, object], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        replace(value, **fields)


def test_the_key_of_an_application_is_its_signing_key() -> None:
    assert r.application_key(b"one") == "7692c3ad3540bb803c02"


def test_a_new_address_is_under_the_same_identifier() -> None:
    moved = MOVES["move"](reach("apply", "approve", "certify"))
    assert (moved.identifier, moved.requested.did, moved.requested.hosts) == (IDENTIFIER, "did:web:new", ("new",))
    assert moved.history[-1].reason == "moved"
