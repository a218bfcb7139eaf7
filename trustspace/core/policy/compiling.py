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
from trustspace.core.policy.model import Constraint, Policy, Rule, Term
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

    entry: JsonObject
    concerns: bool
    holds: Truth
    todo: tuple[str, ...]


Judge = Callable[[Request], Ruling]
"""A rule of the policy, compiled."""


class Program(NamedTuple):
    """A compiled policy; one with `problems` has no rules left, and permits nothing."""

    digest: str
    problems: tuple[str, ...]
    permissions: tuple[Judge, ...]
    prohibitions: tuple[Judge, ...]
    obligations: tuple[JsonObject, ...]


def compile_policy(policy: Policy) -> Program:
    """The closures of a policy whose terms are all known, or the problems of one that has others."""
    problems = tuple(map(str, unsupported(policy)))
    if problems:
        return Program(policy.digest, problems, (), (), ())
    return Program(
        policy.digest,
        (),
        tuple(_permission(rule, f"permission[{at}]") for at, rule in enumerate(policy.permissions)),
        tuple(_prohibition(rule, f"prohibition[{at}]") for at, rule in enumerate(policy.prohibitions)),
        tuple(_obligation(rule, f"obligation[{at}]") for at, rule in enumerate(policy.obligations)),
    )


def _permission(rule: Rule, path: str) -> Judge:
    check = _all(rule.constraints, path)
    wanted = tuple((f"{path}.duty[{at}]", duty.action) for at, duty in enumerate(rule.duties))
    fixed: JsonObject = {"rule": path, "kind": "permission", "action": rule.action}

    def judge(request: Request) -> Ruling:
        lines, holds = check(request)
        todo = tuple(name for name, _ in wanted if name not in request.fulfilled) if wanted else ()
        concerns = request.action == rule.action
        active = concerns and holds is True and not todo
        state = {"activation": "active", "control": "permit"} if active else _INACTIVE
        duties = [_duty(name, action, name in todo) for name, action in wanted]
        return Ruling({**fixed, **state, "constraints": lines, "duties": duties}, concerns, holds, todo)

    return judge


_INACTIVE: Final = {"activation": "inactive", "control": "deny"}


def _duty(name: str, action: str, missing: bool) -> JsonObject:
    return {"id": name, "action": action, "when": "pre", "deontic": "not-set" if missing else "fulfilled"}


def _prohibition(rule: Rule, path: str) -> Judge:
    check = _all(rule.constraints, path)
    fixed: JsonObject = {"rule": path, "kind": "prohibition", "action": rule.action}

    def judge(request: Request) -> Ruling:
        lines, holds = check(request)
        concerns = request.action == rule.action
        active = concerns and holds is not False
        state = {"activation": "active", "control": "deny"} if active else {"activation": "inactive", "control": "none"}
        return Ruling({**fixed, **state, "constraints": lines}, concerns, holds, ())

    return judge


def _obligation(rule: Rule, path: str) -> JsonObject:
    """An obligation decides nothing about a use; the report names it, since the use is what makes it due."""
    return {"rule": path, "kind": "obligation", "action": rule.action, "deontic": "not-set"}


def _all(terms: tuple[Term, ...], path: str) -> Callable[[Request], tuple[list[JsonObject], Truth]]:
    checks = tuple(_term(term, f"{path}.constraint[{at}]") for at, term in enumerate(terms))

    def check(request: Request) -> tuple[list[JsonObject], Truth]:
        lines, truths = [], []
        for one in checks:
            line, holds = one(request)
            lines.append(line)
            truths.append(holds)
        return lines, _and(truths)

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
    return lambda request: (request.clock, compare(request.at, bound))


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
