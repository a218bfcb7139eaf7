"""What differs between two policies, clause by clause: what a person has to read of the next round of a negotiation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from trustspace.core.canon import canonical
from trustspace.core.policy.clauses import Clause, clauses
from trustspace.core.policy.model import Logical, Policy, Rule, to_odrl


@dataclass(frozen=True, slots=True)
class Change:
    """One clause that is new (`was` None), gone (`now` None), or other than before."""

    was: Clause | None
    now: Clause | None

    @property
    def path(self) -> str:
        """Where the clause stands now, or stood before."""
        clause = self.now or self.was
        return clause.path if clause else ""


def changes(before: Policy | None, after: Policy) -> tuple[Change, ...]:
    """The clauses in which the second policy is not the first, in its order; none exactly where they mean the same.

    A clause is found again by what it is about, wherever it stands in the only rule of its kind; where there are
    several rules, or constraints inside others, by its place.
    """
    if before is not None and before.digest == after.digest:
        return ()
    placed = not _flat(after) or (before is not None and not _flat(before))
    old = list(_lines(before, placed)) if before is not None else []
    new = list(_lines(after, placed))
    for line in [*new]:
        if line in old:
            old.remove(line)
            new.remove(line)
    return tuple(_paired(old, new))


@dataclass(frozen=True, slots=True)
class _Line:
    """A clause, what it is about, and what it says exactly; its words may leave something out."""

    about: tuple[str, str]
    says: bytes
    clause: Clause = field(compare=False)


def _paired(old: list[_Line], new: list[_Line]) -> Iterator[Change]:
    for about in dict.fromkeys(line.about for line in [*new, *old]):
        then = [line.clause for line in old if line.about == about]
        now = [line.clause for line in new if line.about == about]
        yield from (Change(*pair) for pair in zip_longest(then, now))


_CHILDREN: Final = frozenset({"constraint", "duty", "and", "or", "xone", "andSequence"})
_STEP: Final = re.compile(r"([A-Za-z]+)\[([0-9]+)\]")


def _lines(policy: Policy, placed: bool) -> Iterator[_Line]:
    members = to_odrl(policy)
    for clause in clauses(policy):
        node: Any = members
        for name, at in _STEP.findall(clause.path):
            node = node[name][int(at)]
        own = {name: value for name, value in node.items() if name not in _CHILDREN}
        topic = own.get("leftOperand") or own.get("action") or min(node)
        place = clause.path if placed else re.sub(r"\[[0-9]+\]", "", clause.path)
        yield _Line((place, str(topic)), canonical(own or sorted(node)), clause)


def _flat(policy: Policy) -> bool:
    """Whether each kind has one rule at most, and no constraint lies inside another."""
    return all(len(rules) <= 1 and all(map(_flat_rule, rules)) for _, rules in policy.rules())


def _flat_rule(rule: Rule) -> bool:
    inner = not any(isinstance(term, Logical) for term in rule.constraints)
    return inner and len(rule.duties) <= 1 and all(map(_flat_rule, rule.duties))
