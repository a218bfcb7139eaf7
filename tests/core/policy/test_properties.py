"""What holds for every policy and every request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.core.canon import canonical
from trustspace.core.errors import InvalidInput
from trustspace.core.policy import (
    Constraint,
    Logical,
    Policy,
    Request,
    Rule,
    clauses,
    decide,
    from_odrl,
    problems,
    replay,
    to_odrl,
)
from trustspace.core.policy.reading import OPERATORS
from trustspace.core.policy.vocabulary import ACTIONS, OPERANDS

START = datetime(2026, 1, 1, tzinfo=UTC)
texts = st.sampled_from(
    ["", "a", "b", "did:web:x", "10", "3", "P30D", "2026-01-02T00:00:00Z", "urn:trustspace:v1:delivery"]
)
any_constraints = st.builds(
    Constraint,
    st.sampled_from([*OPERANDS, "count", "urn:unknown"]),
    st.sampled_from(sorted(OPERATORS)),
    texts | st.lists(texts, max_size=3).map(tuple),
)
known_constraints = st.one_of(
    st.builds(lambda op, n: Constraint(next(i for i in OPERANDS if i.endswith("count")), op, str(n)),
              st.sampled_from(["lt", "lteq"]), st.integers(0, 5)),
    st.builds(lambda op, d: Constraint(next(i for i in OPERANDS if i.endswith("dateTime")), op,
                                       (START + timedelta(days=d)).isoformat()),
              st.sampled_from(["lt", "lteq", "gt", "gteq"]), st.integers(0, 3)),
    st.builds(Constraint, st.sampled_from([i for i in OPERANDS if i.endswith(("purpose", "recipient"))]),
              st.sampled_from(["isAnyOf", "isNoneOf"]), st.lists(st.sampled_from("abc"), min_size=1).map(tuple)),
)  # fmt: skip


def rules(constraints: st.SearchStrategy[Any], actions: st.SearchStrategy[str], duties: bool = False) -> Any:
    terms = st.recursive(
        constraints,
        lambda inner: st.builds(
            Logical,
            st.sampled_from(["and", "or", "xone", "andSequence"]),
            st.lists(inner, min_size=1, max_size=3).map(tuple),
        ),
        max_leaves=4,
    )
    some = st.lists(terms, max_size=3).map(tuple)
    inner = st.lists(st.builds(Rule, actions, some), max_size=2).map(tuple) if duties else st.just(())
    return st.lists(st.builds(Rule, actions, some, inner), max_size=2).map(tuple)


actions = st.sampled_from([*ACTIONS, "urn:unknown"])
policies = st.builds(
    Policy,
    rules(any_constraints, actions, duties=True),
    rules(any_constraints, actions),
    rules(any_constraints, actions),
)
flat_rules = st.lists(
    st.builds(Rule, st.just("use"), st.lists(known_constraints, max_size=3).map(tuple)), min_size=1, max_size=3
).map(tuple)
requests = st.builds(
    Request,
    action=actions,
    party=st.sampled_from("abc"),
    at=st.integers(0, 4).map(lambda days: START + timedelta(days=days)),
    purpose=st.none() | st.sampled_from("abc"),
    identifiers=st.lists(st.sampled_from("abc"), max_size=2),
    used=st.integers(0, 7),
    fulfilled=st.frozensets(st.sampled_from(["permission[0].duty[0]", "permission[0].duty[1]", "x"])),
)

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([*OPERANDS, *OPERATORS, "use"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["permission", "prohibition", "obligation", "action", "constraint", "duty", "and", "or", "x"]
            )
            | st.sampled_from(["leftOperand", "operator", "rightOperand", "@value", "@id", "@type", "target"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(json)
@settings(max_examples=100, deadline=None)
def test_whatever_is_read_is_a_policy_or_invalid_input(value: Any) -> None:
    try:
        policy = from_odrl(value)
    except InvalidInput:
        return
    assert from_odrl(to_odrl(policy)) == policy


@given(policies, requests)
@settings(max_examples=100, deadline=None)
def test_any_policy_is_decided_explained_and_replayed(policy: Policy, request: Request) -> None:
    decision = decide(policy, request)
    assert replay(policy, decision.report) == decision
    assert canonical(decision.report) == canonical(decide(policy, request).report)
    assert not (decision.permitted and not policy.permissions)
    if policy.permissions or policy.prohibitions:
        assert from_odrl(to_odrl(policy)) == policy


@given(policies, requests)
@settings(max_examples=100, deadline=None)
def test_what_may_not_be_signed_permits_nothing(policy: Policy, request: Request) -> None:
    refused = [clause for clause in clauses(policy) if clause.enforced == "unknown"]
    if refused:
        assert problems(policy)
        assert decide(policy, request).value == "default-deny"


@given(flat_rules, flat_rules, requests)
@settings(max_examples=100, deadline=None)
def test_a_prohibition_only_ever_takes_away(permissions: Any, some: Any, request: Request) -> None:
    prohibitions = tuple(rule for rule in some if not any(term.left.endswith("count") for term in rule.constraints))
    if decide(Policy(permissions, prohibitions), request).permitted:
        assert decide(Policy(permissions), request).permitted


@given(st.integers(1, 5), flat_rules, requests)
@settings(max_examples=100, deadline=None)
def test_a_count_never_lets_one_more_through(limit: int, permissions: Any, request: Request) -> None:
    count = Constraint(next(iri for iri in OPERANDS if iri.endswith("count")), "lteq", str(limit))
    policy = Policy(tuple(Rule("use", (*rule.constraints, count)) for rule in permissions))
    used = 0
    for _ in range(limit + 3):
        decision = decide(policy, replace(request, used=used))
        used += decision.report["counter"]["reserved"]
        assert decision.report["counter"]["total"] == used
        assert decision.report["counter"]["reserved"] == decision.permitted
    assert used <= limit
