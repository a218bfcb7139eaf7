from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy import (
    Constraint,
    Enforcement,
    Policy,
    Rule,
    check_enforceable,
    clauses,
    due,
    instant,
    offer,
    parse_duration,
    use,
)
from trustspace.core.policy.model import ODRL


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2027-12-31", "2027-12-31T00:00:00+08:00"),
        (date(2027, 12, 31), "2027-12-31T00:00:00+08:00"),
        ("2027-12-31T08:00:00Z", "2027-12-31T08:00:00Z"),
        (datetime(2027, 12, 31, 8, tzinfo=UTC), "2027-12-31T08:00:00+00:00"),
    ],
)
def test_a_time_is_written_with_its_offset(given: str | date | datetime, written: str) -> None:
    assert instant(given) == written


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"until": "2027-12-31T08:00:00"}, "until"),
        ({"until": "2027-13-31"}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"not_before": datetime(2027, 12, 31)}, "not_before"),  # noqa: DTZ001 - a time without an offset is the case
        ({"count": 0}, "count"),
        ({"count": True}, "count"),
        ({"count": 10**16}, "count"),
        ({"count": "10"}, "count"),
        ({"purpose": ["a", ""]}, "purpose"),
        ({"participants": [7]}, "participants"),
    ],
)
def test_a_value_that_means_nothing_is_refused_where_it_is_given(wrong: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        use(**wrong)
    assert caught.value.where == where


def test_an_offer_permits_something() -> None:
    with pytest.raises(InvalidInput, match="without a permission"):
        offer()


def test_several_prohibitions_are_kept() -> None:
    policy = offer(use(), prohibit=[use(purpose="advertising"), use(participants="did:web:rival.example")])
    check_enforceable(policy)
    assert len(policy.prohibitions) == 2


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P30D", timedelta(days=30)),
        ("P2W", timedelta(weeks=2)),
        ("PT36H", timedelta(hours=36)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_a_duration_is_a_fixed_length(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "P1M", "P1Y", "P0D", "P1W2D", "P99999D", "30", "p30d", "P３0D"]
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        offer(use(), delete_after=text)


def test_a_deletion_is_due_after_each_delivery() -> None:
    delivered = datetime(2026, 3, 1, 8, tzinfo=UTC)
    [duty] = due(offer(use(), delete_after="P30D"), anchor=delivered)
    assert (duty.path, duty.action, duty.due) == ("obligation[0]", f"{ODRL}delete", delivered + timedelta(days=30))


def test_the_earliest_duty_comes_first_and_the_shortest_delay_counts() -> None:
    def delete(*delays: str) -> Rule:
        return Rule(f"{ODRL}delete", tuple(Constraint(f"{ODRL}delayPeriod", "lteq", delay) for delay in delays))

    policy = Policy((use(),), (), (delete("P3D"), delete("P9D", "P1D")))
    delivered = datetime(2026, 3, 1, tzinfo=UTC)
    dates = [(duty.path, duty.due - delivered) for duty in due(policy, anchor=delivered)]
    assert dates == [("obligation[1]", timedelta(days=1)), ("obligation[0]", timedelta(days=3))]


def test_dates_that_cannot_be_told_are_refused() -> None:
    policy = offer(use(), delete_after="P30D")
    with pytest.raises(InvalidInput, match="offset"):
        due(policy, anchor=datetime(2026, 3, 1))  # noqa: DTZ001 - a time without an offset is the case
    with pytest.raises(InvalidInput, match="calendar"):
        due(policy, anchor=datetime(9999, 12, 31, tzinfo=UTC))
    with pytest.raises(Refused, match="nobody here enforces"):
        due(Policy((use(),), (), (Rule("urn:example:dance"),)), anchor=datetime(2026, 3, 1, tzinfo=UTC))


def test_an_event_is_only_counted_from_a_delivery_that_it_names() -> None:
    policy = Policy((use(),), (), (Rule(f"{ODRL}delete", (Constraint(f"{ODRL}event", "gt", "urn:x"),)),))
    with pytest.raises(Refused, match="no due date"):
        check_enforceable(policy)


def test_a_duty_belongs_to_a_permission() -> None:
    policy = Policy((use(),), (Rule("use", use(purpose="a").constraints, (Rule(f"{ODRL}inform"),)),))
    with pytest.raises(Refused, match="a duty under prohibition"):
        check_enforceable(policy)


def test_an_empty_name_in_a_foreign_policy_is_refused() -> None:
    with pytest.raises(Refused, match="an empty name"):
        check_enforceable(Policy((Rule("use", (Constraint(f"{ODRL}purpose", "eq", ""),)),)))


def test_each_clause_says_what_it_means_and_who_enforces_it_in_both_languages() -> None:
    policy = offer(use(purpose="trip-planning"), delete_after="P30D")
    english, chinese = clauses(policy), clauses(policy, language="zh")
    assert [clause.enforced for clause in english] == [*[Enforcement.PROVIDER] * 2, *[Enforcement.CONSUMER] * 3]
    assert "only evidenced" in english[1].text
    assert "仅能存证" in chinese[1].text
    assert english[2].who == "the consumer's node; the provider sees the evidence of it"
    assert chinese[2].who == "使用方节点；提供方可见其存证"


def test_a_clause_that_would_be_refused_says_so() -> None:
    rule = Rule("use", (Constraint("urn:example:mood", "eq", "good"), Constraint(f"{ODRL}count", "lteq", "many")))
    policy = Policy((rule,), (Rule("urn:example:dance"),), (Rule("use"),))
    told = {clause.path: (clause.enforced, clause.text) for clause in clauses(policy)}
    unknown = Enforcement.UNKNOWN
    assert told == {
        "permission[0]": (Enforcement.PROVIDER, "the data may be used"),
        "permission[0].constraint[0]": (unknown, "urn:example:mood eq good"),
        "permission[0].constraint[1]": (unknown, "at most many uses under the contract, all together"),
        "prohibition[0]": (unknown, "prohibition: urn:example:dance"),
        "obligation[0]": (unknown, "obligation: use"),
    }
