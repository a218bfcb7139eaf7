"""Whether an offer's time is over for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trustspace.core.policy import Constraint, Logical, Policy, Rule, lapsed, offer, use
from trustspace.core.policy.model import Term
from trustspace.core.policy.vocabulary import DATE_TIME

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PAST, FUTURE = "2026-11-24T08:00:00Z", "2026-11-24T08:00:01Z"


def at(operator: str, right: str | tuple[str, ...], left: str = DATE_TIME) -> Constraint:
    return Constraint(left, operator, right)


@pytest.mark.parametrize(
    ("terms", "over"),
    [
        ((), ""),
        ((at("lt", PAST),), PAST),
        ((at("lteq", PAST),), ""),
        ((at("lt", FUTURE),), ""),
        ((at("gt", PAST),), ""),
        ((at("lt", "yesterday"),), ""),
        ((at("lt", (PAST,)),), ""),
        ((at("lt", PAST, "urn:other"),), ""),
        ((at("gteq", PAST), at("lt", PAST)), PAST),
        ((Logical("and", (at("lt", FUTURE), at("lt", PAST))),), PAST),
        ((Logical("or", (at("lt", FUTURE), at("lt", PAST))),), ""),
        ((Logical("or", (at("lt", PAST), at("lt", PAST))),), PAST),
        ((Logical("xone", (at("lt", PAST), at("lt", FUTURE))),), ""),
    ],
)
def test_a_limit_that_has_passed_is_named(terms: tuple[Term, ...], over: str) -> None:
    assert lapsed(Policy(permissions=(Rule("use", terms),)), now=NOW) == over


def test_one_permission_that_may_still_hold_keeps_it_open() -> None:
    gone, open_ended = Rule("use", (at("lt", PAST),)), Rule("use")
    assert lapsed(Policy(permissions=(gone,)), now=NOW) == PAST
    assert lapsed(Policy(permissions=(gone, open_ended)), now=NOW) == ""
    assert lapsed(Policy(), now=NOW) == ""


def test_until_is_the_first_instant_that_is_too_late() -> None:
    policy = offer(use(until="2026-11-25"))
    first = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # midnight at +08:00
    assert lapsed(policy, now=first - timedelta(microseconds=1)) == ""
    assert lapsed(policy, now=first) == "2026-11-25T00:00:00+08:00"
