"""Two sides, messages that wait, cross and overtake, in every order: in the end both know the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.core.contract.exchange import Exchange, Role, Rules
from trustspace.core.contract.negotiation import _RULES as NEGOTIATION
from trustspace.core.contract.negotiation import Negotiation
from trustspace.core.errors import Conflict, IllegalTransition
from trustspace.core.transfer.process import _RULES as TRANSFER
from trustspace.core.transfer.process import Transfer

NOW = datetime(2027, 3, 1, tzinfo=UTC)
Record = Exchange[Any, Any]


@dataclass
class Side:
    """One party: its copy, the message it has on its way, and the answer that comes back."""

    copy: Record
    serial: int = 0
    outgoing: tuple[int, StrEnum, str] | None = None
    answer: tuple[int, bool] | None = None


class Pair:
    """Both parties of one process, and a line each way that holds one message."""

    def __init__(self, rules: Rules[Any, Any], kind: type[Any], state: Any = None) -> None:
        self.rules = rules
        ends = {Role.CONSUMER: ("c", "p"), Role.PROVIDER: ("p", "c")}
        self.sides = {
            role: Side(kind(key=own, peer="x", peer_pid=pid, role=role, state=state, created=NOW, changed=NOW))
            for role, (own, pid) in ends.items()
        }

    def say(self, role: Role, verb: StrEnum) -> None:
        side = self.sides[role]
        reason = f"{role} {side.serial}"
        try:
            side.copy = self.rules.sent(side.copy, verb, now=NOW, code="", reasons=(reason,))
        except (IllegalTransition, Conflict):
            return
        side.serial += 1
        side.outgoing, side.answer = (side.serial, verb, reason), None

    def arrive(self, role: Role) -> None:
        """What `role` has on its way arrives at the other side, which answers."""
        side, other = self.sides[role], self.sides[role.other]
        if side.outgoing is None or side.answer is not None:
            return
        serial, verb, reason = side.outgoing
        try:
            other.copy = self.rules.received(other.copy, verb, now=NOW, reasons=(reason,))
        except Conflict:  # it is sent again
            pass
        except IllegalTransition:
            side.answer = serial, False
        else:
            side.answer = serial, True

    def answered(self, role: Role) -> None:
        """The answer comes back; where a later message went out meanwhile it says nothing any more."""
        side = self.sides[role]
        if side.answer is None or side.outgoing is None:
            return
        good = side.answer[1]
        side.outgoing, side.answer = None, None
        side.copy = self.rules.acknowledged(side.copy, now=NOW) if good else self.rules.failed(side.copy, "no", now=NOW)

    def settle(self) -> None:
        for _, role in product(range(4), Role):
            self.arrive(role)
            self.answered(role)


ACTIONS: dict[str, Callable[[Pair, Role], None]] = {"arrive": Pair.arrive, "answered": Pair.answered}


def check(pair: Pair) -> None:
    pair.settle()
    one, two = (side.copy for side in pair.sides.values())
    assert one.state == two.state
    assert (one.ended_by, one.reasons) == (two.ended_by, two.reasons)
    assert one.pending is two.pending is None


def steps(rules: Rules[Any, Any]) -> st.SearchStrategy[list[tuple[Role, str]]]:
    verbs = [str(verb) for verb in rules.rank]
    return st.lists(st.tuples(st.sampled_from(Role), st.sampled_from([*ACTIONS, *ACTIONS, *verbs])), max_size=40)


def play(pair: Pair, moves: list[tuple[Role, str]]) -> None:
    words = {str(verb): verb for verb in pair.rules.rank}
    for role, what in moves:
        if what in words:
            pair.say(role, words[what])
        else:
            ACTIONS[what](pair, role)


@settings(max_examples=300)
@given(steps(NEGOTIATION))
def test_a_negotiation_ends_the_same_on_both_sides(moves: list[tuple[Role, str]]) -> None:
    pair = Pair(NEGOTIATION, Negotiation)
    play(pair, [(Role.CONSUMER, "request"), (Role.CONSUMER, "arrive"), *moves])
    check(pair)


@settings(max_examples=500)
@given(steps(TRANSFER))
def test_a_transfer_ends_the_same_on_both_sides(moves: list[tuple[Role, str]]) -> None:
    pair = Pair(TRANSFER, Transfer, TRANSFER.machine.moves[None, Role.CONSUMER, TRANSFER.rank[0]])
    play(pair, [(Role.PROVIDER, "start"), (Role.PROVIDER, "arrive"), (Role.PROVIDER, "answered"), *moves])
    check(pair)


CROSSINGS = [
    (rules, kind, state, ours, theirs)
    for rules, kind in ((NEGOTIATION, Negotiation), (TRANSFER, Transfer))
    for state in dict.fromkeys(was for was, _, _ in rules.machine.moves if was is not None)
    for ours, theirs in product(rules.rank, rules.rank)
    if (state, Role.CONSUMER, ours) in rules.machine.moves and (state, Role.PROVIDER, theirs) in rules.machine.moves
]


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize(("rules", "kind", "state", "ours", "theirs"), CROSSINGS)
def test_every_crossing_has_one_winner(
    rules: Rules[Any, Any], kind: type[Any], state: Any, ours: Any, theirs: Any, order: int
) -> None:
    """All pairs that are legal at once: whichever arrives first, both sides come to the same state."""
    pair = Pair(rules, kind, state)
    pair.say(Role.CONSUMER, ours)
    pair.say(Role.PROVIDER, theirs)
    first, second = (Role.CONSUMER, Role.PROVIDER) if order % 2 else (Role.PROVIDER, Role.CONSUMER)
    pair.arrive(first)
    if order > 1:
        pair.answered(first)
    pair.arrive(second)
    check(pair)
    assert pair.sides[Role.CONSUMER].copy.state != state


def test_a_message_that_may_be_an_old_one_is_taken_once_ours_is_answered() -> None:
    """Both suspend at once, and the provider starts again before the consumer's suspension has come."""
    pair = Pair(TRANSFER, Transfer, TRANSFER.machine.moves[None, Role.CONSUMER, TRANSFER.rank[0]])
    play(pair, [(Role.PROVIDER, "start"), (Role.PROVIDER, "arrive"), (Role.PROVIDER, "answered")])
    play(pair, [(Role.CONSUMER, "suspend"), (Role.PROVIDER, "suspend"), (Role.PROVIDER, "arrive")])
    play(pair, [(Role.PROVIDER, "answered"), (Role.PROVIDER, "start")])
    with pytest.raises(Conflict, match="before or after our start"):
        TRANSFER.received(pair.sides[Role.PROVIDER].copy, TRANSFER.rank[2], now=NOW)
    check(pair)
    assert {str(side.copy.state) for side in pair.sides.values()} == {"SUSPENDED"}


def test_whoever_loses_the_crossing_is_told_which_message_goes_first() -> None:
    pair = Pair(TRANSFER, Transfer, TRANSFER.machine.moves[None, Role.CONSUMER, TRANSFER.rank[0]])
    play(pair, [(Role.PROVIDER, "start"), (Role.PROVIDER, "arrive"), (Role.PROVIDER, "answered")])
    play(pair, [(Role.CONSUMER, "complete"), (Role.PROVIDER, "suspend")])
    with pytest.raises(IllegalTransition, match="suspend crossed our complete"):
        TRANSFER.received(pair.sides[Role.CONSUMER].copy, TRANSFER.rank[2], now=NOW)
    check(pair)
    assert str(pair.sides[Role.PROVIDER].copy.state) == "COMPLETED"
