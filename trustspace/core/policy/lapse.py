"""Whether a policy can still allow anything (策略期限): a time limit that has passed does not come back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from trustspace.core.errors import InvalidInput
from trustspace.core.policy.model import Constraint, Policy, Term
from trustspace.core.policy.vocabulary import DATE_TIME, parse_instant

CLOSE: Final = timedelta(minutes=1)
"""What ended less than this ago may not have ended by the other side's clock: the use is judged, and refused, then."""


def lapsed(policy: Policy, *, now: datetime) -> str:
    """The time limit because of which no permission will ever hold again, as it was written; "" while one may.

    `now` is aware. Only limits from above count (`lt`, `lteq` on `dateTime`): what has not begun yet may come.
    """
    over = [next((end for term in rule.constraints if (end := _over(term, now))), "") for rule in policy.permissions]
    return over[0] if over and all(over) else ""


def _over(term: Term, now: datetime) -> str:
    """The limit that has passed for good; "" where there is none: every alternative has to be over, one part of all."""
    if isinstance(term, Constraint):
        return _limit(term, now)
    ends = [_over(part, now) for part in term.parts]
    counts = any(ends) if term.kind == "and" else all(ends)
    return next(filter(None, ends), "") if counts else ""


def _limit(term: Constraint, now: datetime) -> str:
    if term.left != DATE_TIME or not isinstance(term.right, str):
        return ""
    try:
        bound = parse_instant(term.right)
    except InvalidInput:  # a clause that nobody understands is refused for that
        return ""
    passed = {"lt": now >= bound, "lteq": now > bound}.get(term.operator, False)
    return term.right if passed else ""
