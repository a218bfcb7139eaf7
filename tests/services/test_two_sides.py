"""Both sides of a process, driven by a machine of rules against the one table: whatever is lost, doubled or late."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.services.two_sides import STRANGER, Back, Pair, Wire, forgetful, negotiation, transfer
from trustspace.core.contract import Role
from trustspace.core.errors import Conflict, IllegalTransition

ROLES = st.sampled_from(Role)
EXAMPLES = int(os.environ.get("TRUSTSPACE_EXAMPLES", "80"))
"""Runs of each machine, 40 steps each."""


class TwoSides(RuleBasedStateMachine):
    """The model: the table says what may be said, and a state is left only by its rows."""

    pair: Pair
    make: ClassVar[Callable[[], Pair]]
    verbs: ClassVar[tuple[str, ...]]

    @initialize()
    def begin(self) -> None:
        self.pair = type(self).make()
        self.pair.begin()
        self.moves = self.pair.machinery.rules.machine.moves
        self.ended: dict[Role, bytes] = {}
        self.looked = dict.fromkeys(Role, 0)

    @rule(role=ROLES, data=st.data())
    def say(self, role: Role, data: st.DataObject) -> None:
        """Say anything: the table decides, and what may not be said changes nothing."""
        side = self.pair.sides[role]
        if side.record is None:
            return
        record, verb, rows = side.record, data.draw(st.sampled_from(self.verbs)), side.rows()
        legal = (record.state, role, verb) in self.moves
        try:
            self.pair.act(role, verb)
        except Conflict:
            assert record.pending is not None
        except IllegalTransition:
            assert not legal
        else:
            assert legal
            assert record.pending is None
            return
        assert side.rows() == rows

    def _wire(self, data: st.DataObject, wires: list[Wire]) -> Wire:
        return wires[data.draw(st.integers(0, len(wires) - 1))]

    @precondition(lambda self: self.pair.wires())
    @rule(data=st.data(), lost=st.booleans())
    def arrive(self, data: st.DataObject, lost: bool) -> None:
        """A message arrives; its answer may be lost."""
        wire = self._wire(data, self.pair.wires())
        self._answered(wire, lost=lost)

    @precondition(lambda self: self.pair.old)
    @rule(data=st.data())
    def arrive_again(self, data: st.DataObject) -> None:
        """A message that was taken arrives once more, however late: it has no effect, and the same answer."""
        wire = self._wire(data, self.pair.old)
        receiver = self.pair.sides[wire.sender.other]
        rows = receiver.rows()
        assert self.pair.deliver(wire).status < 300
        assert receiver.rows() == rows

    def _answered(self, wire: Wire, *, lost: bool) -> None:
        receiver = self.pair.sides[wire.sender.other]
        rows = receiver.rows()
        answer = self.pair.deliver(wire)
        if answer.status >= 400:
            assert receiver.rows() == rows, "an error changes nothing"
        else:
            self.pair.old.append(wire)
        if not lost:
            self.pair.back.append(Back(wire, answer))

    @precondition(lambda self: self.pair.back)
    @rule(data=st.data())
    def answer_arrives(self, data: st.DataObject) -> None:
        """One of the answers on their way arrives, in any order."""
        self.pair.settle(self.pair.back.pop(data.draw(st.integers(0, len(self.pair.back) - 1))))

    @precondition(lambda self: self.pair.wires())
    @rule(data=st.data())
    def a_stranger_sends_it(self, data: st.DataObject) -> None:
        """The very bytes from somebody else: there is nothing of his here, and not a byte changes."""
        aimed = [wire for wire in [*self.pair.wires(), *self.pair.old] if not wire.begins]
        if not aimed:
            return
        wire = self._wire(data, aimed)
        receiver = self.pair.sides[wire.sender.other]
        rows = receiver.rows()
        assert self.pair.deliver(wire, caller=STRANGER).status == 404
        assert receiver.rows() == rows

    @invariant()
    def every_state_follows_by_a_row_and_the_last_ones_stay(self) -> None:
        for role, side in self.pair.sides.items():
            new = side.seen[self.looked[role] :]
            before = side.seen[self.looked[role] - 1].state if self.looked[role] else None
            for record in new:
                assert record.state == before or record.state in self._after(before, steps=2), (before, record.state)
                before = record.state
            self.looked[role] = len(side.seen)

    def _after(self, state: object, *, steps: int) -> set[object]:
        """Where so many rows lead: a message that overtakes an answer is two of them."""
        found = {then for (was, _, _), then in self.moves.items() if was == state}
        return found | {one for via in found for one in self._after(via, steps=steps - 1)} if steps > 1 else found

    def teardown(self) -> None:
        """Once nothing is lost any more, both sides have the same story."""
        if not hasattr(self, "pair"):
            return
        self.pair.drain()
        self.every_state_follows_by_a_row_and_the_last_ones_stay()
        consumer, provider = (self.pair.sides[role].record for role in (Role.CONSUMER, Role.PROVIDER))
        assert provider is not None
        assert (consumer.state, consumer.pending) == (provider.state, provider.pending)
        assert (consumer.key, consumer.peer_pid) == (provider.peer_pid, provider.key)
        told = [(one.reasons, one.ended_by) for one in (consumer, provider)]
        assert told[0] == told[1] or consumer.refusal or provider.refusal
        if consumer.state == "FINALIZED":
            assert consumer.agreement == provider.agreement != ""


class Negotiations(TwoSides):
    make = negotiation
    verbs = ("request", "offer", "accept", "agree", "verify", "finalize", "terminate")


class Transfers(TwoSides):
    make = transfer
    verbs = ("start", "suspend", "complete", "terminate")


SIZE = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
TestNegotiations = Negotiations.TestCase
TestTransfers = Transfers.TestCase
TestNegotiations.settings = TestTransfers.settings = SIZE


class WithoutStoredAnswers(Negotiations):
    make = forgetful


def test_it_finds_out_a_side_that_does_not_remember_its_answers() -> None:
    quick = settings(SIZE, max_examples=80, phases=[Phase.generate], database=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(WithoutStoredAnswers, settings=quick)
