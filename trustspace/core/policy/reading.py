"""ODRL members to a `Policy`: total and strict, so that nothing which might carry meaning is passed over.

What the Dataspace Protocol's schema rejects is `InvalidInput`. An action, operand or logical form that is well spelled
and unknown here is kept, so that the refusal can name it (see `trustspace.core.policy.check_enforceable`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, TypeVar

from trustspace.core.canon import Json, JsonObject, canonical, loads
from trustspace.core.errors import InvalidInput, TooLarge
from trustspace.core.policy.model import ODRL, Constraint, Kind, Logical, Policy, Rule, Term
from trustspace.core.policy.words import quote

OPERATORS: Final = frozenset(
    (
        *("eq", "neq", "gt", "gteq", "lt", "lteq"),
        *("isA", "hasPart", "isPartOf", "isAllOf", "isAnyOf", "isNoneOf", "term-lteq"),
    )
)
"""ODRL's twelve, and the one that the protocol's schema names besides (nothing here supports it)."""
LOGICAL: Final = frozenset({"and", "or", "xone", "andSequence"})
MAX_TERMS: Final = 256
"""The most rules and constraints read in one policy."""
MAX_NESTING: Final = 8
"""The deepest nesting of logical constraints read."""

KEPT_BYTES: Final = 8 << 10
"""Policies of at most this size are read once and kept."""
_GROUPS: Final = (Kind.PERMISSION, Kind.PROHIBITION, Kind.OBLIGATION)

Item = TypeVar("Item")


def from_odrl(members: JsonObject, *, where: str = "") -> Policy:
    """The rules of an ODRL policy; members beside `permission`, `prohibition` and `obligation` are the caller's.

    Raises `InvalidInput`, naming the member by its path under `where`, and `TooLarge` for over 256 terms.
    """
    if not isinstance(members, dict):
        raise InvalidInput("an ODRL policy is an object", where=where)
    if not members.keys() & {Kind.PERMISSION, Kind.PROHIBITION}:
        raise InvalidInput("a policy has a permission or a prohibition, and this has neither", where=where)
    rules = {kind.value: members[kind.value] for kind in _GROUPS if kind.value in members}
    text = canonical(rules)
    return _read_again(text, where) if len(text) <= KEPT_BYTES else _read(rules, where)


def _read(rules: JsonObject, where: str) -> Policy:
    reader = _Reader()
    return Policy(*(_rules(rules, kind, where, reader) for kind in _GROUPS))


@lru_cache(maxsize=1024)
def _read_again(text: bytes, where: str) -> Policy:
    """The policy of a canonical text: the same few policies come with every message."""
    return _read(loads(text), where)


class _Reader:
    """Counts what has been read of one policy, so that a small message cannot ask for endless work."""

    def __init__(self) -> None:
        self.terms = 0

    def members(self, value: Json, known: frozenset[str], where: str) -> JsonObject:
        """The object, without members that say nothing; whatever else is not known is refused, for it may mean much."""
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise TooLarge(f"a policy of over {MAX_TERMS} rules and constraints", where=where)
        if not isinstance(value, dict):
            raise InvalidInput("an object is expected", where=where)
        for name in value.keys() - known - {"@id", "@type"}:
            if value[name] != []:
                raise InvalidInput(f"the member {quote(name)} is not part of the policies spoken here", where=where)
        return value


def _rules(members: JsonObject, kind: Kind, where: str, reader: _Reader) -> tuple[Rule, ...]:
    if kind not in members:
        return ()
    path = f"{where}.{kind}" if where else kind.value
    rules = tuple(_each(members[kind], path, lambda item, at: _rule(item, kind, at, reader)))
    if not rules:
        raise InvalidInput("this array is empty", where=path, hint="leave the member out")
    return rules


def _each(value: Json, path: str, read: Callable[[Json, str], Item]) -> Iterator[Item]:
    if not isinstance(value, list):
        raise InvalidInput("an array is expected", where=path)
    return (read(item, f"{path}[{at}]") for at, item in enumerate(value))


_WITH_DUTY: Final = frozenset({"action", "constraint", "duty"})
_WITHOUT_DUTY: Final = frozenset({"action", "constraint"})


def _rule(value: Json, kind: Kind, path: str, reader: _Reader) -> Rule:
    members = reader.members(value, _WITH_DUTY if kind is Kind.PERMISSION else _WITHOUT_DUTY, path)
    action = _text(members, "action", path)
    constraints = _each(members.get("constraint", []), f"{path}.constraint", lambda v, at: _term(v, at, reader, 0))
    duties = _each(members.get("duty", []), f"{path}.duty", lambda v, at: _rule(v, Kind.DUTY, at, reader))
    return Rule("use" if action == f"{ODRL}use" else action, tuple(constraints), tuple(duties))


def _term(value: Json, path: str, reader: _Reader, depth: int) -> Term:
    if depth > MAX_NESTING:
        raise TooLarge(f"constraints nested deeper than {MAX_NESTING}", where=path)
    if not isinstance(value, dict) or not value.keys() & LOGICAL:
        return _constraint(value, path, reader)
    members = reader.members(value, LOGICAL, path)
    kinds = sorted(members.keys() & LOGICAL)
    if len(kinds) > 1:
        raise InvalidInput(f"one constraint cannot be {' and '.join(map(repr, kinds))} at once", where=path)
    parts = tuple(_each(members[kinds[0]], f"{path}.{kinds[0]}", lambda v, at: _term(v, at, reader, depth + 1)))
    if not parts:
        raise InvalidInput("this array is empty", where=f"{path}.{kinds[0]}")
    return Logical(kinds[0], parts)


_ATOMIC: Final = frozenset({"leftOperand", "operator", "rightOperand"})


def _constraint(value: Json, path: str, reader: _Reader) -> Constraint:
    members = reader.members(value, _ATOMIC, path)
    operator = _text(members, "operator", path)
    if operator not in OPERATORS:
        hint = f"one of {', '.join(sorted(OPERATORS - {'term-lteq'}))}"
        raise InvalidInput(f"{quote(operator)} is not an operator of ODRL", where=f"{path}.operator", hint=hint)
    return Constraint(_text(members, "leftOperand", path), operator, _right(members, f"{path}.rightOperand"))


def _right(members: JsonObject, path: str) -> str | tuple[str, ...]:
    value = members.get("rightOperand")
    return tuple(_each(value, path, _value)) if isinstance(value, list) else _value(value, path)


def _value(value: Json, path: str) -> str:
    """A text, or the JSON-LD forms of one: `{"@value": text, "@type": …}` and `{"@id": IRI}`."""
    if isinstance(value, dict):
        names = value.keys()
        value = value.get("@value") if "@value" in names and names <= {"@value", "@type"} else value
        value = value.get("@id") if isinstance(value, dict) and names == {"@id"} else value
    if not isinstance(value, str):
        raise InvalidInput("a right operand is a text or an array of texts", where=path, hint='write "10", not 10')
    return value


def _text(members: JsonObject, name: str, path: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput("a text is expected", where=f"{path}.{name}")
    return value
