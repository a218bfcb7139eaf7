"""A policy (策略) as a value: rules made of an action, constraints and duties, and the ODRL spelling of them.

A policy names no party, no product and no time of signing: those belong to the offer and to the agreement, so that the
rules of both can be compared. Two policies are equal where they have the same canonical rules: the order of rules, of
constraints and of the values of a set means nothing in ODRL, and nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical, digest

ODRL: Final = "http://www.w3.org/ns/odrl/2/"
"""The namespace of ODRL 2.2; within a Dataspace Protocol message every term but `use` is spelled out in full."""
OURS: Final = "urn:trustspace:v1:"
"""The namespace of the terms that ODRL does not have."""
SETS: Final = frozenset({"isAnyOf", "isAllOf", "isNoneOf"})
"""The operators whose right operand is a set of values."""


class Kind(StrEnum):
    """What a rule is: 允许, 禁止, 义务, or a duty inside a permission (前置义务)."""

    PERMISSION = "permission"
    PROHIBITION = "prohibition"
    OBLIGATION = "obligation"
    DUTY = "duty"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One comparison (约束): the IRI of what is looked at, one of ODRL's operators, the value or values agreed."""

    left: str
    operator: str
    right: str | tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """The right operand as a tuple, whether it was written as one value or as several."""
        return (self.right,) if isinstance(self.right, str) else self.right


@dataclass(frozen=True, slots=True)
class Logical:
    """Constraints joined by `and`, `or` or `xone`; `andSequence` can be read, and nobody here enforces it."""

    kind: str
    parts: tuple[Constraint | Logical, ...]


Term = Constraint | Logical


@dataclass(frozen=True, slots=True)
class Rule:
    """An action (行为) under constraints; `duties` stand inside a permission and come before each use (前置义务)."""

    action: str
    constraints: tuple[Term, ...] = ()
    duties: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Permissions (允许), prohibitions (禁止) and obligations (义务); `digest` is the SHA-256 of the canonical rules.

    The digest is the identity: it is what policies are compared, hashed and cached by.
    """

    permissions: tuple[Rule, ...] = field(default=(), compare=False)
    prohibitions: tuple[Rule, ...] = field(default=(), compare=False)
    obligations: tuple[Rule, ...] = field(default=(), compare=False)
    digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rules = {
            kind.value: _unordered([_canonical_rule(rule) for rule in some]) for kind, some in self.rules() if some
        }
        object.__setattr__(self, "digest", digest(canonical(rules)))

    def rules(self) -> tuple[tuple[Kind, tuple[Rule, ...]], ...]:
        """The three groups of rules, each with its kind."""
        return (
            (Kind.PERMISSION, self.permissions),
            (Kind.PROHIBITION, self.prohibitions),
            (Kind.OBLIGATION, self.obligations),
        )


def policy_digest(policy: Policy) -> str:
    """The SHA-256 of the canonical rules, 64 hexadecimal digits: what a decision report names the policy by."""
    return policy.digest


def to_odrl(policy: Policy) -> JsonObject:
    """The members `permission`, `prohibition` and `obligation` of an ODRL policy, as the Dataspace Protocol takes them.

    Rules have no target, actions are texts, right operands texts or arrays of texts, and what is empty is left out
    (DSP 2025-1, contract-schema.json).
    """
    return {kind.value: [_rule(rule) for rule in rules] for kind, rules in policy.rules() if rules}


def _rule(rule: Rule) -> JsonObject:
    members: JsonObject = {"action": rule.action}
    if rule.constraints:
        members["constraint"] = [_term(term) for term in rule.constraints]
    if rule.duties:
        members["duty"] = [_rule(duty) for duty in rule.duties]
    return members


def _term(term: Term) -> JsonObject:
    if isinstance(term, Logical):
        return {term.kind: [_term(part) for part in term.parts]}
    right = term.right if isinstance(term.right, str) else list(term.right)
    return {"leftOperand": term.left, "operator": term.operator, "rightOperand": right}


def _canonical_rule(rule: Rule) -> JsonObject:
    return {
        "action": rule.action,
        "constraint": _unordered([_canonical_term(term) for term in rule.constraints]),
        "duty": _unordered([_canonical_rule(duty) for duty in rule.duties]),
    }


def _canonical_term(term: Term) -> JsonObject:
    if isinstance(term, Logical):
        parts = [_canonical_term(part) for part in term.parts]
        return {term.kind: parts if term.kind == "andSequence" else _unordered(parts)}
    right: Json = _unordered(list(term.values)) if term.operator in SETS else _term(term)["rightOperand"]
    return {"leftOperand": term.left, "operator": term.operator, "rightOperand": right}


def _unordered(items: list[Json]) -> list[Json]:
    """The items in the order of their canonical bytes, each once: the list of a set."""
    return [items[at] for _, at in sorted({canonical(item): at for at, item in enumerate(items)}.items())]
