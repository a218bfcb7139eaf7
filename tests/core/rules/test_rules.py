"""Rules: what may be written, what matches, who wins; and that what they can do is what the tables allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core import contract, transfer
from trustspace.core.contract import Role
from trustspace.core.errors import InvalidInput, Refused, TrustspaceError
from trustspace.core.policy import offer, to_odrl, use
from trustspace.core.rules import POSSIBLE, Action, Event, Facts, Terms, first, read_rule, read_rules, table

ASKED = Facts(
    event=Event.REQUESTED,
    role=Role.PROVIDER,
    products=("urn:product:1", "3501ABCD"),
    peer="did:web:planner.example",
    purposes=("trip-planning",),
)


def rule(**members: Any) -> Any:
    return read_rule({"on": "requested", "then": "terminate", **members})


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        ({"role": "provider"}, {"role": Role.CONSUMER}),
        ({"product": "urn:product:1"}, {"products": ("urn:product:2",)}),
        ({"product": ["x", "3501*"]}, {"products": ("x1", "9999")}),
        ({"peer": "did:web:planner*"}, {"peer": "did:web:other.example"}),
        ({"purpose": ["trip-planning", "teaching"]}, {"purposes": ("trip-planning", "advertising")}),
        ({"purpose": "trip*"}, {"purposes": ()}),
        ({"round": 1}, {"round": 2}),
        ({"round": [1, 3]}, {"round": 2}),
        ({"signed": False}, {"signed": True}),
        ({"terms": "same"}, {"changed": True}),
        ({"agreement": ["", "x"][1:]}, {}),
    ],
)
def test_a_condition_tells_what_it_is_about_from_all_else(condition: dict[str, Any], other: dict[str, Any]) -> None:
    facts = replace(ASKED, agreement="x") if "agreement" in condition else ASKED
    without = replace(facts, **other) if other else replace(facts, agreement="y")
    assert rule(**condition).matches(facts)
    assert not rule(**condition).matches(without)
    assert rule().matches(without)


def test_the_first_rule_that_matches_decides() -> None:
    rules = read_rules(
        [
            {"on": "requested", "then": "agree", "peer": "did:web:bus.example"},
            {"on": ["requested", "offered"], "then": "refuse", "reason": "not now"},
            {"on": "requested", "then": "hold"},
        ]
    )
    found = first(rules, ASKED)
    assert found is rules[1]
    assert found.reason == "not now"
    assert first(rules, replace(ASKED, event=Event.VERIFIED)) is None
    assert first((), ASKED) is None


def test_a_rule_does_not_match_where_its_role_could_not_act() -> None:
    offered = rule(on="offered", then="accept")
    assert offered.matches(replace(ASKED, event=Event.OFFERED, role=Role.CONSUMER))
    assert not offered.matches(replace(ASKED, event=Event.OFFERED, role=Role.PROVIDER))


@pytest.mark.parametrize(("on", "then"), [("requested", "agree"), ("offered", "accept")])
def test_what_binds_us_binds_to_our_own_terms_unless_the_rule_says_others(on: str, then: str) -> None:
    role = Role.PROVIDER if then == "agree" else Role.CONSUMER
    facts = replace(ASKED, event=Event(on), role=role, changed=True)
    assert rule(on=on, then=then).terms is Terms.SAME
    assert not rule(on=on, then=then).matches(facts)
    assert rule(on=on, then=then, terms="any").matches(facts)
    assert rule(on=on, then=then, terms="changed").matches(facts)


@pytest.mark.parametrize(
    ("after", "length"),
    [(0.5, timedelta(milliseconds=500)), (0, timedelta(0)), ("PT10M", timedelta(minutes=10)), ("P1D", timedelta(1))],
)
def test_a_while_is_seconds_or_a_duration(after: Any, length: timedelta) -> None:
    assert rule(after=after).after == length


def test_the_terms_of_an_offer_are_read() -> None:
    terms = offer(use(count=3))
    assert rule(then="counter", policy=to_odrl(terms)).policy == terms


MISTAKES: list[tuple[Any, str, str]] = [
    ({"on": "wanted"}, "rules[0].on", "requested, offered"),
    ({"on": []}, "rules[0].on", "leave"),
    ({"on": {}}, "rules[0].on", "one of"),
    ({"then": "obey"}, "rules[0].then", "counter"),
    ({"then": "verify"}, "rules[0].then", "provider: offer, counter, agree"),
    ({"role": "consumer", "then": "agree"}, "rules[0].then", "consumer: refuse, terminate, hold"),
    ({"on": "finalized"}, "rules[0].then", "nothing"),
    ({"on": ["requested", "verified"], "then": "agree"}, "rules[0].then", "finalize"),
    ({"role": "broker"}, "rules[0].role", "consumer, provider"),
    ({"unless": 1}, "rules[0].unless", "it has on, then"),
    ({"product": 5}, "rules[0].product", ""),
    ({"product": ""}, "rules[0].product", ""),
    ({"round": 0}, "rules[0].round", ""),
    ({"round": True}, "rules[0].round", ""),
    ({"signed": "yes"}, "rules[0].signed", ""),
    ({"terms": "mine"}, "rules[0].terms", "same, changed"),
    ({"on": "transfer started", "terms": "same"}, "rules[0].terms", "leave"),
    ({"after": -1}, "rules[0].after", ""),
    ({"after": True}, "rules[0].after", ""),
    ({"after": float("nan")}, "rules[0].after", ""),
    ({"after": "P1M"}, "rules[0].after", "not months"),
    ({"then": "refuse"}, "rules[0].reason", ""),
    ({"then": "refuse", "reason": " "}, "rules[0].reason", ""),
    ({"then": "agree", "reason": "x"}, "rules[0].reason", "leave"),
    ({"reason": 5}, "rules[0].reason", ""),
    ({"policy": to_odrl(offer(use()))}, "rules[0].policy", "offer and counter"),
    ({"then": "offer", "policy": {"permission": []}}, "rules[0].policy.permission", ""),
]


@pytest.mark.parametrize(("members", "where", "hint"), MISTAKES)
def test_a_mistake_is_named_with_its_place(members: dict[str, Any], where: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_rules([{"on": "requested", "then": "terminate", **members}])
    assert caught.value.where == where
    assert hint in caught.value.hint


@pytest.mark.parametrize("value", ["requested", 5, {"on": "requested"}, None])
def test_rules_are_a_list(value: Any) -> None:
    with pytest.raises(InvalidInput, match="a list of rules"):
        read_rules(value)


@pytest.mark.parametrize("value", ["requested", 5, [], None])
def test_a_rule_is_a_table(value: Any) -> None:
    with pytest.raises(InvalidInput, match="a table is expected"):
        read_rules([value])


@pytest.mark.parametrize("missing", ["on", "then"])
def test_a_rule_says_when_and_what(missing: str) -> None:
    members = {"on": "requested", "then": "terminate"}
    del members[missing]
    with pytest.raises(InvalidInput, match="missing") as caught:
        read_rule(members)
    assert caught.value.where == f"rule.{missing}"


def test_terms_that_nobody_enforces_are_not_offered() -> None:
    rain = {"leftOperand": "urn:x:weather", "operator": "eq", "rightOperand": "fine"}
    with pytest.raises(Refused, match="weather"):
        rule(then="offer", policy={"permission": [{"action": "use", "constraint": [rain]}]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*Event, *Action, "x", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["on", "permission", "x"]), inner),
    max_leaves=6,
)
NAMES = [
    *("on", "then", "role", "product", "agreement", "peer", "purpose"),
    *("round", "signed", "terms", "after", "reason", "policy", "name", "x"),
]


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_reading_is_total(members: dict[str, Any]) -> None:
    try:
        found = read_rule(members)
    except TrustspaceError:
        return
    roles = (found.role,) if found.role else tuple(Role)
    assert all(any(found.then in POSSIBLE[event, role] for role in roles) for event in found.on)


def test_every_move_of_both_tables_is_some_action() -> None:
    said = {(str(was).lower(), who): 0 for was, who, _ in contract.MACHINE.moves if was}
    said |= {(f"transfer {was}".lower(), who): 0 for was, who, _ in transfer.MACHINE.moves if was}
    assert {(str(event), role) for event, role in POSSIBLE} == set(said)
    assert all(can[-1] is Action.HOLD for can in POSSIBLE.values())
    assert POSSIBLE[Event.OFFERED, Role.CONSUMER] == ("counter", "accept", "refuse", "terminate", "hold")
    assert POSSIBLE[Event.TRANSFER_SUSPENDED, Role.PROVIDER] == ("start", "refuse", "terminate", "hold")


def test_the_table_for_people_is_in_the_order_of_events() -> None:
    rows = table()
    assert len(rows) == len(POSSIBLE)
    assert rows[0][:2] == ("requested", "consumer")
    assert rows[-1][0] == "transfer suspended"
