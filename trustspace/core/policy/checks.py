"""What may not be signed: terms that nobody here enforces, and policies that contradict themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy.model import ODRL, SETS, Constraint, Kind, Logical, Policy, Rule, Term
from trustspace.core.policy.vocabulary import ACTIONS, COUNT, DATE_TIME, DELAY, OPERANDS, PURPOSE, Operand
from trustspace.core.policy.words import quote


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a policy is refused: the path of the clause in its ODRL form, what is wrong with it, the next step."""

    path: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" if self.path else self.what


def check_enforceable(policy: Policy) -> None:
    """Pass where each clause is enforced by somebody and a use is possible; else `Refused`, naming each clause."""
    found = problems(policy)
    if found:
        hints = dict.fromkeys(problem.hint for problem in found if problem.hint)
        raise Refused("; ".join(map(str, found)), hint="; ".join(hints))


def problems(policy: Policy) -> tuple[Problem, ...]:
    """Every reason to refuse the policy; contradictions are looked for once all terms are known."""
    return unsupported(policy) or tuple(_contradictions(policy))


def unsupported(policy: Policy) -> tuple[Problem, ...]:
    """The clauses that nobody here enforces: such a policy is not signed, and permits nothing."""
    return tuple(
        problem
        for kind, rules in policy.rules()
        for at, rule in enumerate(rules)
        for problem in _rule(rule, kind, f"{kind}[{at}]")
    )


_FULL_NAMES: Final = {iri.removeprefix(ODRL): iri for iri in (*OPERANDS, *ACTIONS)}


def _rule(rule: Rule, kind: Kind, path: str) -> Iterator[Problem]:
    action = ACTIONS.get(rule.action)
    if action is None:
        yield _unknown(f"{path}.action", "action", rule.action)
    elif kind not in action.words:
        places = " or ".join(action.words)
        yield Problem(
            f"{path}.action", f"{quote(rule.action)} is not enforced as {kind}", f"it can stand under {places}"
        )
    elif kind is Kind.OBLIGATION and not delays(rule):
        yield Problem(path, "an obligation without a delayPeriod has no due date", f"add {DELAY} lteq P30D")
    for at, term in enumerate(rule.constraints):
        yield from _term(term, kind, f"{path}.constraint[{at}]")
    for at, duty in enumerate(rule.duties):
        if kind is not Kind.PERMISSION:
            yield Problem(f"{path}.duty[{at}]", f"a duty under {kind} is not enforced", "only a permission has duties")
        yield from _rule(duty, Kind.DUTY, f"{path}.duty[{at}]")


def delays(rule: Rule) -> tuple[str, ...]:
    """The delays, as written, within which an obligation must be done; the shortest counts."""
    plain = (term for term in rule.constraints if isinstance(term, Constraint) and term.left == DELAY)
    return tuple(value for term in plain for value in term.values)


def _unknown(path: str, what: str, term: str) -> Problem:
    full = _FULL_NAMES.get(term.rpartition(":")[2])
    return Problem(path, f"nobody here enforces the {what} {quote(term)}", f"did you mean {full}" if full else "")


def _term(term: Term, kind: Kind, path: str) -> Iterator[Problem]:
    if isinstance(term, Constraint):
        yield from _constraint(term, kind, path)
        return
    if term.kind == "andSequence" or kind not in {Kind.PERMISSION, Kind.PROHIBITION}:
        yield Problem(path, f"nobody here enforces {term.kind!r} under {kind}", "write the constraints side by side")
    if term.kind in {"or", "xone"} and any(atom.left == COUNT for atom in _leaves(term)):
        yield Problem(path, f"a count inside {term.kind!r} is no limit", "put it beside the other constraints")
    for at, part in enumerate(term.parts):
        yield from _term(part, kind, f"{path}.{term.kind}[{at}]")


def _leaves(term: Term) -> Iterator[Constraint]:
    if isinstance(term, Constraint):
        yield term
    else:
        for part in term.parts:
            yield from _leaves(part)


def _constraint(term: Constraint, kind: Kind, path: str) -> Iterator[Problem]:
    operand = OPERANDS.get(term.left)
    if operand is None:
        yield _unknown(f"{path}.leftOperand", "operand", term.left)
    elif kind not in operand.places:
        yield Problem(path, f"{operand.name!r} is not enforced under {kind}")
    elif term.operator not in operand.words:
        allowed = ", ".join(operand.words)
        yield Problem(path, f"{operand.name!r} is not enforced with {quote(term.operator)}", f"use {allowed}")
    else:
        yield from _values(term, operand, path)


def _values(term: Constraint, operand: Operand, path: str) -> Iterator[Problem]:
    if not isinstance(term.right, str) and (term.operator not in SETS or not term.right):
        yield Problem(f"{path}.rightOperand", f"{operand.name!r} with {term.operator!r} does not take this array")
        return
    for value in term.values:
        try:
            operand.parse(value)
        except InvalidInput as error:
            yield Problem(f"{path}.rightOperand", error.what, error.hint)


def _contradictions(policy: Policy) -> Iterator[Problem]:
    """Permissions that can never be used: a policy with one promises what it does not give."""
    if not policy.permissions:
        yield Problem("", "the policy permits nothing", "add a permission")
    for at, rule in enumerate(policy.permissions):
        atoms = frozenset(flat(rule.constraints))
        for reason in (_no_count(atoms), _no_time(atoms), _no_purpose(atoms), _forbidden(atoms, policy.prohibitions)):
            if reason:
                yield Problem(f"permission[{at}]", f"it can never be used: {reason}")


def flat(terms: Iterable[Term]) -> Iterator[Term]:
    """The terms, with the parts of each `and` in its place."""
    for term in terms:
        if isinstance(term, Logical) and term.kind == "and":
            yield from flat(term.parts)
        else:
            yield term


def _parsed(atoms: Iterable[Term], left: str, *operators: str) -> list[tuple[Any, ...]]:
    """The values, read, of each plain constraint on that operand with one of these operators."""
    parse = OPERANDS[left].parse
    return [
        tuple(map(parse, atom.values))
        for atom in atoms
        if isinstance(atom, Constraint) and atom.left == left and atom.operator in operators
    ]


def _no_count(atoms: frozenset[Term]) -> str:
    limits = [*_parsed(atoms, COUNT, "lteq"), *((limit - 1,) for (limit,) in _parsed(atoms, COUNT, "lt"))]
    return "its count allows not one use" if any(limit < 1 for (limit,) in limits) else ""


def _no_time(atoms: frozenset[Term]) -> str:
    begins = [(at, op == "gt") for op in ("gteq", "gt") for (at,) in _parsed(atoms, DATE_TIME, op)]
    ends = [(at, op == "lt") for op in ("lteq", "lt") for (at,) in _parsed(atoms, DATE_TIME, op)]
    for begin, after in begins:
        for end, before in ends:
            if begin > end or (begin == end and (after or before)):
                return f"it ends at {end.isoformat()} and begins at {begin.isoformat()}"
    return ""


def _no_purpose(atoms: frozenset[Term]) -> str:
    allowed = [frozenset(values) for values in _parsed(atoms, PURPOSE, "eq", "isAnyOf")]
    barred = frozenset(value for values in _parsed(atoms, PURPOSE, "neq", "isNoneOf") for value in values)
    if allowed and not frozenset.intersection(*allowed) - barred:
        return "no purpose is left by its constraints"
    return ""


def _forbidden(atoms: frozenset[Term], prohibitions: tuple[Rule, ...]) -> str:
    covering = (at for at, rule in enumerate(prohibitions) if atoms.issuperset(flat(rule.constraints)))
    return next((f"prohibition[{at}] covers it" for at in covering), "")
