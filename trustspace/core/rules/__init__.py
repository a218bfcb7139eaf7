"""Rules (规则): what a node does by itself at an event of a negotiation or transfer, and how they are read."""

from __future__ import annotations

from trustspace.core.rules.reading import read_rule, read_rules
from trustspace.core.rules.rule import MOST_ROUNDS, POSSIBLE, Action, Event, Facts, Rule, Terms, first, table

__all__ = [
    "MOST_ROUNDS",
    "POSSIBLE",
    "Action",
    "Event",
    "Facts",
    "Rule",
    "Terms",
    "first",
    "read_rule",
    "read_rules",
    "table",
]
