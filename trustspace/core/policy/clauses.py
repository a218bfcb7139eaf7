"""A policy clause by clause: what each means here and who enforces it, shown to people before they sign."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trustspace.core.policy.checks import unsupported
from trustspace.core.policy.model import Constraint, Kind, Logical, Policy, Rule, Term
from trustspace.core.policy.vocabulary import ACTIONS, OPERANDS, WHO, Enforcement
from trustspace.core.policy.words import Language, fill, say, short


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: its path in the ODRL form, its class, and the words in both languages; `text` and `who` in one."""

    path: str
    enforced: Enforcement
    text_en: str
    text_zh: str
    language: Language = "en"

    @property
    def who_en(self) -> str:
        """Who enforces it, in English."""
        return WHO[self.enforced][0]

    @property
    def who_zh(self) -> str:
        """Who enforces it, in Chinese."""
        return WHO[self.enforced][1]

    @property
    def text(self) -> str:
        """What the clause means, in the language asked for."""
        return self.text_zh if self.language == "zh" else self.text_en

    @property
    def who(self) -> str:
        """Who enforces the clause, in the language asked for."""
        return self.who_zh if self.language == "zh" else self.who_en


def clauses(policy: Policy, *, language: Language = "en") -> tuple[Clause, ...]:
    """Every rule, constraint and duty of the policy, in its order; whatever would be refused is `UNKNOWN`."""
    refused = tuple(problem.path for problem in unsupported(policy))
    return tuple(
        Clause(path, Enforcement.UNKNOWN if _within(path, refused) else enforced, en, zh, language)
        for kind, rules in policy.rules()
        for at, rule in enumerate(rules)
        for path, enforced, en, zh in _rule(rule, kind, f"{kind}[{at}]")
    )


_Line = tuple[str, Enforcement, str, str]


def _within(path: str, refused: tuple[str, ...]) -> bool:
    """Whether a problem is of this very clause: at its path, or at one of its own members."""
    own = {path, f"{path}.action", f"{path}.leftOperand", f"{path}.rightOperand"}
    return not own.isdisjoint(refused)


def _rule(rule: Rule, kind: Kind, path: str) -> Iterator[_Line]:
    action = ACTIONS.get(rule.action)
    words = action.words.get(kind) if action else None
    if action and words:
        yield path, action.enforced, words.en, words.zh
    else:
        yield path, Enforcement.UNKNOWN, f"{kind}: {short(rule.action)}", f"{_KIND[kind]}：{short(rule.action)}"
    for at, term in enumerate(rule.constraints):
        yield from _term(term, f"{path}.constraint[{at}]")
    for at, duty in enumerate(rule.duties):
        yield from _rule(duty, Kind.DUTY, f"{path}.duty[{at}]")


def _term(term: Term, path: str) -> Iterator[_Line]:
    if isinstance(term, Logical):
        en, zh = _LOGICAL[term.kind]
        yield path, Enforcement.PROVIDER, en, zh
        for at, part in enumerate(term.parts):
            yield from _term(part, f"{path}.{term.kind}[{at}]")
    else:
        yield _constraint(term, path)


def _constraint(term: Constraint, path: str) -> _Line:
    operand = OPERANDS.get(term.left)
    words = operand.words.get(term.operator) if operand else None
    if operand is None or words is None:
        raw = f"{short(term.left)} {say(term.operator, 'en')} {say(term.right, 'en')}"
        return path, Enforcement.UNKNOWN, raw, raw
    en, zh = fill(words.en, "en", right=term.right), fill(words.zh, "zh", right=term.right)
    return path, operand.enforced, en, zh


_KIND: Final = {
    Kind.PERMISSION: "允许",
    Kind.PROHIBITION: "禁止",
    Kind.OBLIGATION: "义务",
    Kind.DUTY: "前置义务",
}
_LOGICAL: Final = {
    "and": ("all of the following", "同时满足以下各项"),
    "or": ("at least one of the following", "至少满足以下一项"),
    "xone": ("exactly one of the following", "恰好满足以下一项"),
    "andSequence": ("all of the following, in this order", "依次满足以下各项"),
}
