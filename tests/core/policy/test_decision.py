from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from trustspace.core.canon import canonical
from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.policy import Constraint, DecisionValue, Logical, Policy, Request, Rule, decide, offer, replay, use
from trustspace.core.policy.model import ODRL

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ASKED = Request("use", "did:web:planner.example", NOW, purpose="trip-planning")
ALL_FOUR = offer(
    use(purpose="trip-planning", count=10, until="2027-12-31", participants=["did:web:planner.example"]),
    delete_after="P30D",
)


def purposes(kind: str, *names: str, operator: str = "eq") -> Policy:
    return Policy((Rule("use", (Logical(kind, tuple(Constraint(f"{ODRL}purpose", operator, n) for n in names)),)),))


def test_the_report_says_what_was_looked_at_and_what_was_found() -> None:
    report = decide(ALL_FOUR, replace(ASKED, used=3)).report
    [permission, obligation] = report["rules"]
    assert (permission["activation"], permission["control"]) == ("active", "permit")
    assert [(line["op"], line["right"], line["value"], line["state"]) for line in permission["constraints"]] == [
        ("lt", "2027-12-31T00:00:00+08:00", "2026-03-01T08:00:00+00:00", "satisfied"),
        ("lteq", "10", 4, "satisfied"),
        ("eq", "trip-planning", "trip-planning", "satisfied"),
        ("eq", "did:web:planner.example", ["did:web:planner.example"], "satisfied"),
    ]
    assert (obligation["kind"], obligation["deontic"]) == ("obligation", "not-set")
    assert report["result_code"] == "允许" == DecisionValue(report["decision"]).chinese
    assert report["counter"] == {"name": "count", "reserved": 1, "total": 4}
    assert report["mode"] == {"duty": "pre", "behaviour": "closed", "conflict": "prohibit"}
    assert canonical(report)


def test_a_report_can_be_changed_without_changing_the_next_one() -> None:
    first = decide(ALL_FOUR, ASKED).report
    before = canonical(first)
    first["rules"][1]["deontic"] = "fulfilled"
    first["rules"][0]["constraints"].clear()
    assert canonical(decide(ALL_FOUR, ASKED).report) == before


def test_only_a_permit_goes_ahead() -> None:
    assert decide(ALL_FOUR, ASKED).permitted
    assert not decide(ALL_FOUR, replace(ASKED, used=10)).permitted


def test_the_first_permission_that_holds_is_enough() -> None:
    policy = offer(use(purpose="research"), use(purpose="trip-planning"))
    assert decide(policy, ASKED).reason == "permission[1] allows it, as use number 1"


def test_the_nearest_permission_is_the_one_explained() -> None:
    policy = offer(use(purpose="research", count=1), use(purpose="trip-planning", count=1))
    decision = decide(policy, replace(ASKED, used=1))
    assert decision.reason == "permission[1].constraint[0]: this would be use number 2, and 1 are allowed"


def test_a_permission_without_a_duty_is_preferred_to_one_with() -> None:
    policy = Policy((Rule("use", (), (Rule(f"{ODRL}inform"),)), use()))
    assert decide(policy, ASKED).permitted


def test_a_duty_is_reported_as_not_set_and_then_as_fulfilled() -> None:
    policy = Policy((Rule("use", (), (Rule(f"{ODRL}inform"),)),))
    waiting = decide(policy, ASKED)
    assert (waiting.value, waiting.todo) == (DecisionValue.CONDITIONAL, ("permission[0].duty[0]",))
    assert waiting.report["rules"][0]["duties"][0]["deontic"] == "not-set"
    done = decide(policy, replace(ASKED, fulfilled=frozenset(waiting.todo)))
    assert done.permitted
    assert done.report["rules"][0]["duties"][0]["deontic"] == "fulfilled"


def test_a_prohibition_without_constraints_forbids_everything() -> None:
    decision = decide(offer(use(), prohibit=use()), ASKED)
    assert decision.reason == "prohibition[0] forbids it"
    assert decision.report["rules"][1]["control"] == "deny"


def test_a_prohibition_names_what_it_met_inside_alternatives() -> None:
    bad = Logical("or", (Constraint(f"{ODRL}purpose", "eq", "spam"), Constraint(f"{ODRL}recipient", "eq", "x")))
    policy = Policy((use(),), (Rule("use", (bad,)),))
    assert decide(policy, replace(ASKED, purpose="spam")).reason == (
        "prohibition[0] forbids it: purpose is spam, recipient is did:web:planner.example"
    )
    assert decide(policy, ASKED).permitted


@pytest.mark.parametrize(
    ("kind", "names", "asked", "permitted"),
    [
        ("and", ("a", "a"), "a", True),
        ("and", ("a", "b"), "a", False),
        ("and", ("a",), None, False),
        ("or", ("a", "b"), "b", True),
        ("or", ("a", "b"), "c", False),
        ("or", ("a", "b"), None, False),
        ("xone", ("a", "b"), "a", True),
        ("xone", ("a", "a"), "a", False),
        ("xone", ("a", "b"), "c", False),
        ("xone", ("a", "b"), None, False),
    ],
)
def test_logical_constraints(kind: str, names: tuple[str, ...], asked: str | None, permitted: bool) -> None:
    policy, request = purposes(kind, *names), replace(ASKED, purpose=asked)
    assert decide(policy, request).permitted is permitted
    assert replay(policy, decide(policy, request).report).permitted is permitted


def test_a_failed_alternative_is_explained() -> None:
    assert decide(purposes("xone", "a", "a"), replace(ASKED, purpose="a")).reason == (
        "permission[0].constraint[0]: exactly one of its alternatives must hold"
    )


def test_what_a_purpose_must_not_be() -> None:
    policy = purposes("and", "spam", operator="neq")
    assert decide(policy, ASKED).permitted
    assert "any but spam" in decide(policy, replace(ASKED, purpose="spam")).reason
    assert not decide(policy, replace(ASKED, purpose=None)).permitted


def test_who_must_not_ask_under_any_of_its_names() -> None:
    policy = Policy((Rule("use", (Constraint(f"{ODRL}recipient", "isNoneOf", ("913301", "y")),)),))
    assert decide(policy, ASKED).permitted
    assert "it is not for 913301 or y" in decide(policy, replace(ASKED, identifiers=["913301"])).reason


def test_a_policy_without_rules_permits_nothing() -> None:
    assert decide(Policy(), ASKED).value is DecisionValue.DEFAULT_DENY


def test_a_prohibition_of_another_action_is_not_met() -> None:
    decision = decide(offer(use(), prohibit=use(purpose="spam")), replace(ASKED, action=f"{ODRL}distribute"))
    assert decision.value is DecisionValue.DEFAULT_DENY


@pytest.mark.parametrize("changed", [{"used": -1}, {"used": 1 << 53}, {"at": datetime(2026, 3, 1)}])  # noqa: DTZ001
def test_a_request_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="request"):
        replace(ASKED, **changed)


def test_a_report_that_was_altered_does_not_replay() -> None:
    report = decide(ALL_FOUR, replace(ASKED, used=10)).report
    with pytest.raises(NotVerified, match="decision"):
        replay(ALL_FOUR, {**report, "decision": "permit"})
    with pytest.raises(NotVerified, match="note"):
        replay(ALL_FOUR, {**report, "note": "added"})
    with pytest.raises(NotVerified, match="another policy"):
        replay(offer(use()), report)


@pytest.mark.parametrize(
    "changed",
    [
        {"request": None},
        {"request": {}},
        {"clock": "noon"},
        {"clock": "2026-03-01T08:00:00"},
        {"request": {**ASKED.to_json(), "used": True}},
        {"request": {**ASKED.to_json(), "used": "1"}},
        {"request": {**ASKED.to_json(), "identifiers": "did"}},
        {"request": {**ASKED.to_json(), "fulfilled": [1]}},
        {"request": {**ASKED.to_json(), "more": 1}},
    ],
)
def test_what_is_no_report_is_invalid(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replay(ALL_FOUR, {**decide(ALL_FOUR, ASKED).report, **changed})


def test_a_report_is_an_object() -> None:
    report: Any = []
    with pytest.raises(InvalidInput, match="object"):
        replay(ALL_FOUR, report)
