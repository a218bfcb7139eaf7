"""The vector file is the specification: every line of it holds."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy import (
    Policy,
    Request,
    check_enforceable,
    clauses,
    decide,
    from_odrl,
    offer,
    policy_digest,
    problems,
    replay,
    to_odrl,
    use,
)

VECTORS: Final[dict[str, Any]] = json.loads(Path("specs/vectors/policy.json").read_text("utf-8"))
POLICIES: Final = {one["name"]: one["odrl"] for one in VECTORS["patterns"] + VECTORS["refused"]}
BUILT: Final[dict[str, Policy]] = {
    "use": offer(use()),
    "until": offer(use(until="2027-12-31")),
    "window": offer(use(not_before="2026-01-01", until="2027-01-01")),
    "count": offer(use(count=10)),
    "purpose": offer(use(purpose="trip-planning")),
    "purposes": offer(use(purpose=["trip-planning", "research"])),
    "participant": offer(use(participants="did:web:planner.example")),
    "participants": offer(use(participants=["did:web:planner.example", "91330106MA2CFLDG4R"])),
    "prohibited-purpose": offer(use(), prohibit=use(purpose="advertising")),
    "delete-after": offer(use(), delete_after="P30D"),
}


def named(vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", [pytest.param(one, id=one["name"]) for one in vectors])


@named(VECTORS["patterns"])
def test_a_pattern_is_read_written_and_enforced(vector: dict[str, Any]) -> None:
    policy = from_odrl(vector["odrl"])
    check_enforceable(policy)
    assert to_odrl(policy) == vector["odrl"]
    assert policy_digest(policy) == vector["digest"]
    told = [{"path": c.path, "enforced": c.enforced, "en": c.text_en, "zh": c.text_zh} for c in clauses(policy)]
    assert told == vector["clauses"]


@pytest.mark.parametrize("name", BUILT)
def test_the_builders_write_exactly_the_pattern(name: str) -> None:
    assert to_odrl(BUILT[name]) == POLICIES[name]
    assert BUILT[name] == from_odrl(POLICIES[name])


@named(VECTORS["refused"])
def test_what_nobody_enforces_is_refused_with_its_place_and_reason(vector: dict[str, Any]) -> None:
    policy = from_odrl(vector["odrl"])
    assert to_odrl(policy) == vector["odrl"]
    assert [problem.path for problem in problems(policy)] == vector["paths"]
    with pytest.raises(Refused) as caught:
        check_enforceable(policy)
    assert caught.value.what == vector["reason"]


@named(VECTORS["invalid"])
def test_what_is_no_policy_is_invalid_input_at_its_place(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_odrl(vector["odrl"])
    assert caught.value.where == vector["where"]


@named(VECTORS["equal"])
def test_two_spellings_of_one_policy_are_equal(vector: dict[str, Any]) -> None:
    one, other = from_odrl(vector["one"]), from_odrl(vector["other"])
    assert one == other
    assert hash(one) == hash(other)
    assert policy_digest(one) == policy_digest(other)


def test_the_patterns_are_all_different_policies() -> None:
    assert len({from_odrl(odrl) for odrl in POLICIES.values()}) == len(POLICIES)


@pytest.mark.parametrize("vector", VECTORS["decisions"], ids=lambda one: f"{one['policy']}-{one['decision']}")
def test_a_decision_is_made_explained_and_replayed(vector: dict[str, Any]) -> None:
    policy = from_odrl(POLICIES[vector["policy"]])
    asked = vector["request"]
    decision = decide(policy, Request(**{**asked, "at": datetime.fromisoformat(asked["at"])}))
    assert decision.value == vector["decision"]
    assert (decision.reason, decision.reason_zh) == (vector["reason"], vector["reason_zh"])
    assert list(decision.todo) == vector["todo"]
    assert decision.report["counter"]["reserved"] == vector["reserved"]
    assert replay(policy, json.loads(json.dumps(decision.report))) == decision
