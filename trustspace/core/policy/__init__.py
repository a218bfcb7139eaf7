"""Usage policies (使用策略): ODRL rules as values, what they mean, who enforces them, and the decision of one use."""

from __future__ import annotations

from trustspace.core.policy.building import CHINA, instant, offer, use
from trustspace.core.policy.changes import Change, changes
from trustspace.core.policy.checks import Problem, check_enforceable, problems
from trustspace.core.policy.clauses import Clause, clauses
from trustspace.core.policy.decision import Decision, DecisionValue, decide, replay
from trustspace.core.policy.duties import DueDuty, due
from trustspace.core.policy.lapse import CLOSE, lapsed
from trustspace.core.policy.model import Constraint, Kind, Logical, Policy, Rule, policy_digest, to_odrl
from trustspace.core.policy.reading import from_odrl
from trustspace.core.policy.request import Request
from trustspace.core.policy.vocabulary import Enforcement, parse_duration, parse_instant
from trustspace.core.policy.words import Language

__all__ = [
    "CHINA",
    "CLOSE",
    "Change",
    "Clause",
    "Constraint",
    "Decision",
    "DecisionValue",
    "DueDuty",
    "Enforcement",
    "Kind",
    "Language",
    "Logical",
    "Policy",
    "Problem",
    "Request",
    "Rule",
    "changes",
    "check_enforceable",
    "clauses",
    "decide",
    "due",
    "from_odrl",
    "instant",
    "lapsed",
    "offer",
    "parse_duration",
    "parse_instant",
    "policy_digest",
    "problems",
    "replay",
    "to_odrl",
    "use",
]
