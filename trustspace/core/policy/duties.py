"""When the obligations of an agreement (义务) fall due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy.checks import delays, unsupported
from trustspace.core.policy.model import Policy
from trustspace.core.policy.vocabulary import parse_duration


@dataclass(frozen=True, slots=True)
class DueDuty:
    """An obligation with its date: the path of the rule in the policy, the action, the last instant to have done it."""

    path: str
    action: str
    due: datetime


def due(policy: Policy, *, anchor: datetime) -> tuple[DueDuty, ...]:
    """The obligations that a delivery at `anchor` makes due, the earliest first; every delivery has its own dates.

    Raises `InvalidInput` for an anchor without an offset or too late for a date, `Refused` for a policy with a term
    that nobody enforces.
    """
    if anchor.tzinfo is None:
        raise InvalidInput("a time without an offset", where="anchor")
    found = unsupported(policy)
    if found:
        raise Refused("; ".join(map(str, found)))
    try:
        dates = [_due(at, policy, anchor) for at in range(len(policy.obligations))]
    except OverflowError as error:
        raise InvalidInput("the calendar ends before the obligation is due", where="anchor") from error
    return tuple(sorted(dates, key=lambda duty: (duty.due, duty.path)))


def _due(at: int, policy: Policy, anchor: datetime) -> DueDuty:
    rule = policy.obligations[at]
    return DueDuty(f"obligation[{at}]", rule.action, anchor + min(map(parse_duration, delays(rule))))
