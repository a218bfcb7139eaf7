"""The same said again in a later round is another message, though its words are the same."""

from __future__ import annotations

import pytest

from tests.services.two_sides import Back, Pair, negotiation, transfer
from trustspace.core.canon import canonical, loads_object
from trustspace.core.contract import Role


def arrive(pair: Pair) -> None:
    """What is on its way arrives and is answered."""
    for wire in pair.wires():
        pair.settle(Back(wire, pair.deliver(wire)))


def states(pair: Pair) -> list[str]:
    return [str(pair.sides[role].record.state) for role in Role]


def test_a_transfer_may_be_suspended_and_resumed_again_and_again() -> None:
    pair = transfer()
    pair.begin()
    arrive(pair)
    pair.act(Role.PROVIDER, "start")
    arrive(pair)
    sent: list[bytes] = []
    for _ in range(3):
        for role, verb, state in ((Role.CONSUMER, "suspend", "SUSPENDED"), (Role.PROVIDER, "start", "STARTED")):
            pair.act(role, verb)
            sent.append(pair.wires()[0].outgoing.body)
            arrive(pair)
            assert states(pair) == [state, state]
    assert len(set(sent)) == len(sent)


def test_the_same_offer_once_more_is_an_offer() -> None:
    pair = negotiation()
    pair.begin()
    arrive(pair)
    for _ in range(3):
        pair.act(Role.PROVIDER, "offer")
        arrive(pair)
        assert states(pair) == ["OFFERED", "OFFERED"]
        pair.act(Role.CONSUMER, "request")
        arrive(pair)
        assert states(pair) == ["REQUESTED", "REQUESTED"]


@pytest.mark.parametrize("signs", [False, True])
def test_a_peer_that_numbers_no_rounds_is_understood_and_one_that_does_is_not_second_guessed(signs: bool) -> None:
    """A suspension in the very same bytes, after a resumption: from a peer of another kind it is a second one."""
    pair = transfer()
    pair.begin()
    arrive(pair)
    pair.act(Role.PROVIDER, "start")
    arrive(pair)
    pair.act(Role.CONSUMER, "suspend")
    (first,) = pair.wires()
    assert "urn:trustspace:v1:round" not in loads_object(first.outgoing.body)
    assert canonical(loads_object(first.outgoing.body)) == first.outgoing.body
    arrive(pair)
    pair.act(Role.PROVIDER, "start")
    arrive(pair)
    assert pair.deliver(first, signs=signs).status == 200
    assert str(pair.sides[Role.PROVIDER].record.state) == ("STARTED" if signs else "SUSPENDED")
    assert pair.deliver(first, signs=signs).status == 200
