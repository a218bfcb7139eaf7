"""Policies as people write them: `offer(use(purpose="trip-planning", count=10, until="2027-12-31"))`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from trustspace.core.errors import InvalidInput
from trustspace.core.policy.model import Constraint, Policy, Rule
from trustspace.core.policy.vocabulary import (
    COUNT,
    DATE_TIME,
    DELAY,
    DELETE,
    DELIVERY,
    EVENT,
    MAX_COUNT,
    PURPOSE,
    RECIPIENT,
    USE,
    parse_duration,
    parse_instant,
)

CHINA: Final = timezone(timedelta(hours=8))
"""The offset of a date that is given without one (+08:00)."""
When = str | date | datetime
"""A time with an offset, or a date: its first instant, at +08:00."""


def use(
    *,
    purpose: str | Sequence[str] | None = None,
    count: int | None = None,
    not_before: When | None = None,
    until: When | None = None,
    participants: str | Sequence[str] = (),
) -> Rule:
    """A permission to use, under every constraint given (given to `offer(prohibit=…)`: a prohibition).

    `until` is the first instant that is too late, `count` the number of uses under the contract, `participants` the
    names of those who may use: a `did:web`, a 32-character identifier or a 统一社会信用代码. `InvalidInput` for what is
    not such a value.
    """
    constraints = [
        *_time("not_before", "gteq", not_before),
        *_time("until", "lt", until),
        *_uses(count),
        *_names("purpose", PURPOSE, purpose),
        *_names("participants", RECIPIENT, participants),
    ]
    return Rule(USE, tuple(constraints))


def offer(*rules: Rule, prohibit: Rule | Sequence[Rule] = (), delete_after: str | None = None) -> Policy:
    """A policy of these permissions; `delete_after` (P30D) obliges to delete that long after each delivery.

    `InvalidInput` without a permission, and for a duration that is not one of weeks, days, hours, minutes, seconds.
    """
    if not rules:
        raise InvalidInput("an offer without a permission", where="offer", hint="offer(use())")
    prohibitions = (prohibit,) if isinstance(prohibit, Rule) else tuple(prohibit)
    return Policy(rules, prohibitions, tuple(_deletion(delete_after)))


def _time(name: str, operator: str, when: When | None) -> Iterator[Constraint]:
    if when is not None:
        with _argument(name):
            yield Constraint(DATE_TIME, operator, instant(when))


@contextmanager
def _argument(name: str) -> Iterator[None]:
    """Say in which argument a value was wrong."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(error.what, where=name, hint=error.hint) from error


def instant(when: When) -> str:
    """The xsd:dateTime of a time with an offset, or of a date's first instant at +08:00; `InvalidInput` for others."""
    if isinstance(when, datetime):
        return instant(when.isoformat())
    if isinstance(when, date):
        return datetime.combine(when, time(), CHINA).isoformat()
    if len(when) == len("2027-12-31"):
        return instant(f"{when}T00:00:00+08:00")
    parse_instant(when)
    return when


def _uses(count: int | None) -> Iterator[Constraint]:
    if count is not None:
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count < MAX_COUNT:
            raise InvalidInput(f"{count!r} is not a number of uses", where="count", hint="1 or more")
        yield Constraint(COUNT, "lteq", str(count))


def _names(name: str, operand: str, values: str | Sequence[str] | None) -> Iterator[Constraint]:
    """One name is compared with `eq`: other connectors turn an array of one into its item, and nothing changes then."""
    names = (values,) if isinstance(values, str) else tuple(values or ())
    for value in names:
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"{value!r} is not a name", where=name)
    if names:
        yield Constraint(operand, "eq", names[0]) if len(names) == 1 else Constraint(operand, "isAnyOf", names)


def _deletion(after: str | None) -> Iterator[Rule]:
    if after is not None:
        with _argument("delete_after"):
            parse_duration(after)
        yield Rule(DELETE, (Constraint(DELAY, "lteq", after), Constraint(EVENT, "gt", DELIVERY)))
