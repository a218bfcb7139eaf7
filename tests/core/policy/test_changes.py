"""What a person is shown of the next round: every clause that differs, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.core.policy.test_properties import policies
from trustspace.core.policy import Constraint, Logical, Policy, Rule, changes, offer, use
from trustspace.core.policy.vocabulary import PURPOSE

TERMS = offer(use(purpose="trip-planning", count=10), delete_after="P30D")


def told(before: Policy | None, after: Policy) -> list[tuple[str, str, str]]:
    return [(c.path, c.was.text if c.was else "", c.now.text if c.now else "") for c in changes(before, after)]


def test_a_changed_clause_is_shown_as_it_was_and_as_it_is() -> None:
    [(path, was, now)] = told(TERMS, offer(use(purpose="trip-planning", count=2), delete_after="P30D"))
    assert path.startswith("permission[0].constraint[")
    assert "10" in was
    assert "2" in now


def test_a_new_clause_and_a_gone_one_stand_by_themselves() -> None:
    later = offer(use(purpose="trip-planning", count=10, until="2027-12-31"))
    (_, was, now), *gone = told(TERMS, later)
    assert was == ""
    assert "2027" in now
    assert {path.partition("[")[0] for path, _, _ in gone} == {"obligation"}
    assert all(then and not now for _, then, now in gone)


def test_a_clause_that_only_moved_is_no_change() -> None:
    [rule] = TERMS.permissions
    turned = replace(rule, constraints=rule.constraints[::-1])
    assert told(TERMS, Policy((turned,), (), TERMS.obligations)) == []


def test_without_an_earlier_round_everything_is_new() -> None:
    assert [(was, bool(now)) for _, was, now in told(None, offer(use(count=1)))] == [("", True), ("", True)]


def test_words_that_leave_something_out_hide_no_change() -> None:
    one, other = (Policy((Rule("use", (Constraint(f"urn:{x}:weather", "eq", "1"),)),)) for x in "ab")
    assert told(one, other)


def test_a_constraint_that_went_to_another_rule_is_shown() -> None:
    free, bound = Rule("use"), Rule("use", (Constraint(PURPOSE, "eq", "teaching"),))
    print_ = Rule("print")
    before = Policy((bound, print_))
    after = Policy((free, replace(print_, constraints=bound.constraints)))
    assert [path for path, _, _ in told(before, after)] == [
        "permission[1].constraint[0]",
        "permission[0].constraint[0]",
    ]


def test_a_constraint_that_became_an_alternative_is_shown() -> None:
    term = Constraint(PURPOSE, "eq", "teaching")
    before, after = (Policy((Rule("use", (Logical(kind, (term, term)),)),)) for kind in ("and", "or"))
    assert any("at least one" in now for _, _, now in told(before, after))


@given(policies, policies)
def test_no_change_is_shown_exactly_where_both_mean_the_same(before: Policy, after: Policy) -> None:
    assert (told(before, after) == []) == (before.digest == after.digest)
