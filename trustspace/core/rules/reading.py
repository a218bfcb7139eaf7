"""Reading rules: tables of texts, numbers and truth values in, rules out; each mistake named with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from trustspace.core.canon import Json
from trustspace.core.contract import Role
from trustspace.core.errors import InvalidInput
from trustspace.core.policy import Policy, check_enforceable, from_odrl, parse_duration
from trustspace.core.rules.rule import POSSIBLE, Action, Event, Rule, Terms

Word = TypeVar("Word", bound=StrEnum)
LONGEST: Final = timedelta(days=36525)
NEEDS_REASON: Final = frozenset({Action.REFUSE})
TAKES_REASON: Final = frozenset({Action.REFUSE, Action.TERMINATE, Action.SUSPEND, Action.HOLD})
TAKES_POLICY: Final = frozenset({Action.OFFER, Action.COUNTER})
BINDS: Final = frozenset({Action.AGREE, Action.ACCEPT})
"""What binds us to the terms on the table: to ours only, unless the rule says which others."""


def read_rules(value: Json, *, where: str = "rules") -> tuple[Rule, ...]:
    """The rules of a list of tables; `InvalidInput` names the one and the member that is wrong."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidInput("a list of rules is expected", where=where, hint="[[rules]]")
    return tuple(read_rule(one, where=f"{where}[{at}]") for at, one in enumerate(value))


def read_rule(members: Json, *, where: str = "rule") -> Rule:
    """One rule: `on` and `then`, conditions, `after`, `reason`, `policy`, `name`; raises `InvalidInput`."""
    if not isinstance(members, Mapping):
        raise InvalidInput("a table is expected", where=where)
    for name in members:
        if name not in _READ:
            raise InvalidInput(f"a rule has no {name!r}", where=f"{where}.{name}", hint=f"it has {', '.join(_READ)}")
    for name in ("on", "then"):
        if name not in members:
            raise InvalidInput("this is missing", where=f"{where}.{name}", hint="a rule says when (on) and what (then)")
    read = {name: _READ[name](value, f"{where}.{name}") for name, value in members.items()}
    rule = Rule(**read)
    _check_possible(rule, where)
    _check_fitting(rule, members, where)
    binds = rule.then in BINDS and "terms" not in members
    return Rule(**{**read, "terms": Terms.SAME}) if binds else rule


def _check_possible(rule: Rule, where: str) -> None:
    """The action can be done at each of the events, by the tables of the protocol."""
    roles = (rule.role,) if rule.role else tuple(Role)
    for event in rule.on:
        able = [role for role in roles if rule.then in POSSIBLE.get((event, role), ())]
        if not able:
            who = rule.role or "nobody"
            says = f"the {who} cannot" if rule.role else "neither side can"
            can = "; ".join(f"{role}: {', '.join(POSSIBLE.get((event, role), ('nothing',)))}" for role in roles)
            raise InvalidInput(f"{says} {rule.then} when {event}", where=f"{where}.then", hint=f"possible then: {can}")


def _check_fitting(rule: Rule, members: Mapping[str, Any], where: str) -> None:
    """What is said beside is of use for the action."""
    if rule.then in NEEDS_REASON and not rule.reason.strip():
        raise InvalidInput("the other side reads why: a reason is needed", where=f"{where}.reason")
    if rule.reason and rule.then not in TAKES_REASON:
        raise InvalidInput(f"nobody reads the reason of {rule.then}", where=f"{where}.reason", hint="leave it out")
    if rule.policy is not None and rule.then not in TAKES_POLICY:
        raise InvalidInput(f"{rule.then} takes no policy", where=f"{where}.policy", hint="offer and counter do")
    if "terms" in members and any(event.startswith("transfer") for event in rule.on):
        raise InvalidInput("no terms are on the table in a transfer", where=f"{where}.terms", hint="leave it out")


def _word(kind: type[Word]) -> Callable[[Json, str], Word]:
    def read(value: Json, where: str) -> Word:
        try:
            return kind(value)
        except ValueError:
            raise InvalidInput(f"{value!r} is not known here", where=where, hint=f"one of {', '.join(kind)}") from None

    return read


def _events(value: Json, where: str) -> tuple[Event, ...]:
    return tuple(_word(Event)(one, where) for one in _several(value, where))


def _texts(value: Json, where: str) -> tuple[str, ...]:
    found = _several(value, where)
    if not all(isinstance(one, str) and one for one in found):
        raise InvalidInput("a text or a list of texts is expected", where=where)
    return tuple(found)


def _numbers(value: Json, where: str) -> tuple[int, ...]:
    found = _several(value, where)
    if not all(type(one) is int and one >= 1 for one in found):
        raise InvalidInput("a number or a list of numbers from 1 up is expected", where=where)
    return tuple(found)


def _several(value: Json, where: str) -> list[Any]:
    """One item or a list of them, at least one: an empty condition would hold always, and nobody means that."""
    found = list(value) if isinstance(value, list | tuple) else [value]
    if not found:
        raise InvalidInput("this list is empty", where=where, hint="leave the member out")
    return found


def _truth(value: Json, where: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput("true or false is expected", where=where)
    return value


def _text(value: Json, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput("a text is expected", where=where)
    return value


def _delay(value: Json, where: str) -> timedelta:
    """Seconds as a number, or an ISO 8601 duration (`PT10M`, `P1D`)."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except InvalidInput as error:
            raise InvalidInput(error.what, where=where, hint=error.hint) from error
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST.total_seconds():
        raise InvalidInput("seconds, or a duration like PT10M, are expected", where=where)
    return timedelta(seconds=value)


def _policy(value: Json, where: str) -> Policy:
    """ODRL members; `Refused` for a clause that nobody enforces."""
    policy = from_odrl(value, where=where)
    check_enforceable(policy)
    return policy


_READ: Final[Mapping[str, Callable[[Json, str], Any]]] = {
    "on": _events,
    "then": _word(Action),
    "role": _word(Role),
    "product": _texts,
    "agreement": _texts,
    "peer": _texts,
    "purpose": _texts,
    "round": _numbers,
    "signed": _truth,
    "terms": _word(Terms),
    "after": _delay,
    "reason": _text,
    "policy": _policy,
    "name": _text,
}
"""The members of a rule and how each is read."""
