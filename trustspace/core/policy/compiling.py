"""A policy made into closures once, so that a decision parses nothing: each check returns its line of the report.

The checks work with three values: satisfied, unsatisfied, and undeclared where the request is silent about what the
constraint looks at. A permission needs every constraint satisfied; a prohibition applies unless one is unsatisfied.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from trustspace.core.canon import Json, JsonObject
from trustspace.core.policy.checks import unsupported
from trustspace.core.policy.model import Constraint, Kind, Policy, Rule, Term
from trustspace.core.policy.request import Request
from trustspace.core.policy.vocabulary import COUNT, DATE_TIME, OPERANDS, PURPOSE, RECIPIENT

Truth = bool | None
"""Satisfied, unsatisfied, or (None) undeclared."""
Test = Callable[[Request], tuple[Json, Truth]]
"""The value met, for the report, and whether it is what was agreed."""
Check = Callable[[Request], tuple[JsonObject, Truth]]
"""The line of the report, and whether the constraint holds."""

STATES: Final[Mapping[Truth, str]] = {True: "satisfied", False: "unsatisfied", None: "undeclared"}


class Ruling(NamedTuple):
    """What one rule says: its entry in the report, whether it is about this action, whether it holds, what is to do."""

    kind: Kind
    entry: JsonObject
    concerns: bool
    holds: Truth
    todo: tuple[str, ...] = ()


class Program(NamedTuple):
    """A compiled policy; one with `problems` has no checks, and permits nothing."""

    digest: str
    problems: tuple[str, ...]
    rules: tuple[Callable[[Request], Ruling], ...]


def compile_policy(policy: Policy) -> Program:
    """The closures of a policy whose terms are all known, or the problems of one that has others."""
    problems = tuple(map(str, unsupported(policy)))
    if problems:
        return Program(policy.digest, problems, ())
    rules = (_COMPILERS[kind](rule, f"{kind}[{at}]") for kind, group in policy.rules() for at, rule in enumerate(group))
    return Program(policy.digest, (), tuple(rules))


def _permission(rule: Rule, path: str) -> Callable[[Request], Ruling]:
    check = _all(rule.constraints, path)
    duties = tuple((f"{path}.duty[{at}]", duty.action) for at, duty in enumerate(rule.duties))

    def ruling(request: Request) -> Ruling:
        lines, holds = check(request)
        todo = tuple(name for name, _ in duties if name not in request.fulfilled)
        concerns, allows = request.action == rule.action, holds is True and not todo
        entry = _entry(Kind.PERMISSION, rule, path, concerns and allows, "permit", "deny", lines)
        entry["duties"] = [_duty(name, action, "not-set" if name in todo else "fulfilled") for name, action in duties]
        return Ruling(Kind.PERMISSION, entry, concerns, holds, todo)

    return ruling


def _prohibition(rule: Rule, path: str) -> Callable[[Request], Ruling]:
    check = _all(rule.constraints, path)

    def ruling(request: Request) -> Ruling:
        lines, holds = check(request)
        concerns = request.action == rule.action
        entry = _entry(Kind.PROHIBITION, rule, path, concerns and holds is not False, "deny", "none", lines)
        return Ruling(Kind.PROHIBITION, entry, concerns, holds)

    return ruling


def _obligation(rule: Rule, path: str) -> Callable[[Request], Ruling]:
    """An obligation decides nothing about a use; the report names it, since the use is what makes it due."""

    def ruling(_request: Request) -> Ruling:
        entry = {"rule": path, "kind": "obligation", "action": rule.action, "deontic": "not-set"}
        return Ruling(Kind.OBLIGATION, entry, concerns=False, holds=None)

    return ruling


_COMPILERS: Final = {Kind.PERMISSION: _permission, Kind.PROHIBITION: _prohibition, Kind.OBLIGATION: _obligation}


def _entry(
    kind: Kind, rule: Rule, path: str, active: bool, yes: str, no: str, lines: list[JsonObject]
) -> JsonObject:  # fmt: skip
    return {
        "rule": path,
        "kind": kind.value,
        "action": rule.action,
        "activation": "active" if active else "inactive",
        "control": yes if active else no,
        "constraints": lines,
    }


def _duty(name: str, action: str, state: str) -> JsonObject:
    return {"id": name, "action": action, "when": "pre", "deontic": state}


def _all(terms: tuple[Term, ...], path: str) -> Callable[[Request], tuple[list[JsonObject], Truth]]:
    checks = tuple(_term(term, f"{path}.constraint[{at}]") for at, term in enumerate(terms))

    def check(request: Request) -> tuple[list[JsonObject], Truth]:
        outcomes = [one(request) for one in checks]
        return [line for line, _ in outcomes], _and([holds for _, holds in outcomes])

    return check


def _term(term: Term, path: str) -> Check:
    if isinstance(term, Constraint):
        return _atomic(term, path)
    join, kind = _JOIN[term.kind], term.kind
    checks = tuple(_term(part, f"{path}.{kind}[{at}]") for at, part in enumerate(term.parts))

    def check(request: Request) -> tuple[JsonObject, Truth]:
        outcomes = [one(request) for one in checks]
        holds = join([truth for _, truth in outcomes])
        parts = [line for line, _ in outcomes]
        return {"id": path, "logical": kind, "parts": parts, "state": STATES[holds]}, holds

    return check


def _and(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _or(truths: list[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def _xone(truths: list[Truth]) -> Truth:
    certain = truths.count(True)
    return False if certain > 1 else None if None in truths else certain == 1


_JOIN: Final = {"and": _and, "or": _or, "xone": _xone}


def _atomic(term: Constraint, path: str) -> Check:
    values = tuple(map(OPERANDS[term.left].parse, term.values))
    test = _TESTS[term.left](term.operator, values)
    fixed: JsonObject = {"id": path, "left": term.left, "op": term.operator}
    right = term.right

    def check(request: Request) -> tuple[JsonObject, Truth]:
        value, holds = test(request)
        agreed = right if isinstance(right, str) else list(right)
        return {**fixed, "right": agreed, "value": value, "state": STATES[holds]}, holds

    return check


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


def _time(op: str, values: tuple[datetime, ...]) -> Test:
    compare, [bound] = _COMPARE[op], values
    return lambda request: (request.at.isoformat(), compare(request.at, bound))


def _count(op: str, values: tuple[int, ...]) -> Test:
    """The use asked for is counted: with nine uses before, it is the tenth."""
    compare, [limit] = _COMPARE[op], values
    return lambda request: (request.used + 1, compare(request.used + 1, limit))


def _purpose(op: str, values: tuple[str, ...]) -> Test:
    named, wanted = frozenset(values), op in _POSITIVE

    def test(request: Request) -> tuple[Json, Truth]:
        purpose = request.purpose
        return purpose, None if purpose is None else (purpose in named) is wanted

    return test


def _recipient(op: str, values: tuple[str, ...]) -> Test:
    named, wanted = frozenset(values), op in _POSITIVE

    def test(request: Request) -> tuple[Json, Truth]:
        names = request.names()
        return names, named.isdisjoint(names) is not wanted

    return test


_POSITIVE: Final = frozenset({"eq", "isAnyOf"})
_TESTS: Final[Mapping[str, Callable[[str, tuple[Any, ...]], Test]]] = {
    DATE_TIME: _time,
    COUNT: _count,
    PURPOSE: _purpose,
    RECIPIENT: _recipient,
}
