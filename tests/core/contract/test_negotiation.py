"""The negotiation against the protocol's figure: every state, actor and verb; pids, contents, ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.contract import (
    MACHINE,
    Agreement,
    ContractAgreement,
    ContractEvent,
    ContractOffer,
    ContractRequest,
    ContractTermination,
    ContractVerification,
    Event,
    Message,
    Negotiation,
    Offer,
    Role,
    State,
    Verb,
    acknowledged,
    failed,
    receive,
    send,
)
from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput, NotFound
from trustspace.core.policy import Policy, Rule

FIGURE = """
- C request REQUESTED
- P offer OFFERED
REQUESTED P offer OFFERED
REQUESTED P agree AGREED
REQUESTED C terminate TERMINATED
REQUESTED P terminate TERMINATED
OFFERED C request REQUESTED
OFFERED C accept ACCEPTED
OFFERED C terminate TERMINATED
OFFERED P terminate TERMINATED
ACCEPTED P agree AGREED
ACCEPTED P terminate TERMINATED
AGREED C verify VERIFIED
AGREED C terminate TERMINATED
VERIFIED P finalize FINALIZED
VERIFIED P terminate TERMINATED
"""
ROLES = {"C": Role.CONSUMER, "P": Role.PROVIDER}
ALLOWED = {
    (None if was == "-" else State(was), ROLES[who], Verb(what)): State(then)
    for was, who, what, then in map(str.split, FIGURE.strip().splitlines())
}
T0 = datetime(2027, 3, 1, 8, tzinfo=UTC)
T1 = T0 + timedelta(seconds=1)
TERMS = Offer("urn:offer:1", "urn:product:1", Policy((Rule("use"),)))
AGREED = Agreement("urn:agreement:1", "urn:product:1", "did:p", "did:c", "2027-03-01T08:00:00Z", TERMS.policy)

MAKE: dict[Verb, Callable[[str, str], Message]] = {
    Verb.REQUEST: lambda c, p: ContractRequest(c, p, TERMS),
    Verb.OFFER: lambda c, p: ContractOffer(c, p, TERMS),
    Verb.ACCEPT: lambda c, p: ContractEvent(c, p, Event.ACCEPTED),
    Verb.AGREE: lambda c, p: ContractAgreement.of(c, p, AGREED, b"p7s"),
    Verb.VERIFY: lambda c, p: ContractVerification(c, p, b"p7s too"),
    Verb.FINALIZE: lambda c, p: ContractEvent(c, p, Event.FINALIZED),
    Verb.TERMINATE: lambda c, p: ContractTermination(c, p, "no", ("because",)),
}


def copy(role: Role, state: State | None, pending: Verb | None = None) -> Negotiation:
    own, theirs = ("c", "p") if role is Role.CONSUMER else ("p", "c")
    return Negotiation(
        key=own, role=role, peer="did:peer", peer_pid=theirs, state=state, pending=pending, created=T0, changed=T0
    )


EVERY = list(product((None, *State), Role, Verb))


def test_the_table_is_the_figure() -> None:
    assert dict(MACHINE.moves) == ALLOWED


@pytest.mark.parametrize(("state", "actor", "verb"), EVERY)
def test_the_peer_moves_as_the_figure_allows(state: State | None, actor: Role, verb: Verb) -> None:
    mine = copy(actor.other, state)
    message = MAKE[verb]("c", "p")
    if then := ALLOWED.get((state, actor, verb)):
        after = receive(mine, message, now=T1)
        assert (after.state, after.pending, after.changed) == (then, None, T1)
    else:
        with pytest.raises(IllegalTransition) as caught:
            receive(mine, message, now=T1)
        assert str(state or "START") in str(caught.value)


@pytest.mark.parametrize(("state", "actor", "verb"), EVERY)
def test_our_move_counts_once_it_is_acknowledged(state: State | None, actor: Role, verb: Verb) -> None:
    mine = copy(actor, state)
    if then := ALLOWED.get((state, actor, verb)):
        sent = send(mine, MAKE[verb]("c", "p"), now=T1)
        assert (sent.state, sent.pending, sent.todo) == (state, verb, "")
        assert acknowledged(sent, now=T1).state == then
    else:
        with pytest.raises(IllegalTransition):
            send(mine, MAKE[verb]("c", "p"), now=T1)


def ended(negotiation: Negotiation) -> tuple[State | None, str, tuple[str, ...], Role | None]:
    return negotiation.state, negotiation.code, negotiation.reasons, negotiation.ended_by


@pytest.mark.parametrize(("state", "actor", "verb"), sorted(ALLOWED, key=str))
def test_a_refused_message_ends_the_negotiation(state: State | None, actor: Role, verb: Verb) -> None:
    sent = send(copy(actor, state), MAKE[verb]("c", "p"), now=T1)
    after = failed(sent, "not with you", code="refused", now=T1)
    if verb is Verb.TERMINATE:
        assert ended(after) == (State.TERMINATED, "no", ("because",), actor)
    else:
        assert ended(after) == (State.TERMINATED, "refused", ("not with you",), actor.other)
        assert after.refusal == "not with you"
    assert after.pending is None
    assert after.ended


TODO = {
    (State.REQUESTED, Role.PROVIDER): "decide",
    (State.OFFERED, Role.CONSUMER): "decide",
    (State.ACCEPTED, Role.PROVIDER): "agree",
    (State.AGREED, Role.CONSUMER): "verify",
    (State.VERIFIED, Role.PROVIDER): "finalize",
}


@pytest.mark.parametrize(("state", "actor", "verb"), sorted(ALLOWED, key=str))
def test_who_has_to_act_next_is_known_on_both_sides(state: State | None, actor: Role, verb: Verb) -> None:
    then = ALLOWED[state, actor, verb]
    sent = send(copy(actor, state), MAKE[verb]("c", "p"), now=T1)
    assert acknowledged(sent, now=T1).todo == TODO.get((then, actor), "")
    assert receive(copy(actor.other, state), MAKE[verb]("c", "p"), now=T1).todo == TODO.get((then, actor.other), "")


def test_a_whole_negotiation_leaves_the_same_on_both_sides() -> None:
    """Both sides from nothing to FINALIZED, each pid learnt from the first message and answer."""
    mine = Negotiation(key="c", role=Role.CONSUMER, peer="did:p", callback="https://p", created=T0, changed=T0)
    theirs = Negotiation(key="p", role=Role.PROVIDER, peer="did:c", created=T0, changed=T0)
    asked = ContractRequest("c", None, TERMS, "https://c", signs="CMS")
    mine, theirs = send(mine, asked, now=T1), receive(theirs, asked, now=T1)
    assert (theirs.callback, theirs.peer_pid, theirs.peer_signs) == ("https://c", "c", True)
    assert (mine.consumer_pid, mine.provider_pid) == ("c", "")
    mine = acknowledged(mine, now=T1, peer_pid="p")
    assert (mine.consumer_pid, mine.provider_pid, theirs.consumer_pid, theirs.provider_pid) == ("c", "p", "c", "p")
    for actor, verb in [("P", Verb.AGREE), ("C", Verb.VERIFY), ("P", Verb.FINALIZE)]:
        message = MAKE[verb]("c", "p")
        if actor == "P":
            theirs, mine = acknowledged(send(theirs, message, now=T1), now=T1), receive(mine, message, now=T1)
        else:
            mine, theirs = acknowledged(send(mine, message, now=T1), now=T1), receive(theirs, message, now=T1)
    for side in (mine, theirs):
        assert side.state is State.FINALIZED
        assert side.ended
        assert side.offer == TERMS
        assert side.offered_by is Role.CONSUMER
        assert side.agreed == AGREED
        assert (side.provider_signature, side.consumer_signature) == ("cDdz", "cDdzIHRvbw")


def test_a_negotiation_without_terms_has_no_offer_and_no_agreement() -> None:
    fresh = copy(Role.CONSUMER, None)
    assert (fresh.offer, fresh.agreed, fresh.ended) == (None, None, False)


def test_a_provider_may_begin_with_an_offer() -> None:
    theirs = Negotiation(key="c", role=Role.CONSUMER, peer="did:p", created=T0, changed=T0)
    after = receive(theirs, ContractOffer(None, "p", TERMS, "https://p/back"), now=T1)
    assert (after.state, after.offered_by, after.callback) == (State.OFFERED, Role.PROVIDER, "https://p/back")
    assert after.todo == "decide"
    assert not after.peer_signs


def test_a_counter_offer_replaces_the_terms_and_keeps_the_address() -> None:
    other = replace(TERMS, policy=Policy((Rule("use"), Rule("urn:x:print"))))
    mine = replace(copy(Role.PROVIDER, State.OFFERED), callback="https://c", offered_by=Role.PROVIDER)
    after = receive(mine, ContractRequest("c", "p", other), now=T1)
    assert (after.offer, after.offered_by, after.callback) == (other, Role.CONSUMER, "https://c")


def test_a_counter_offer_that_names_no_target_is_about_the_same() -> None:
    bare = replace(TERMS, target="", id="urn:offer:2")
    begun = replace(copy(Role.PROVIDER, State.OFFERED), terms="")
    asked = receive(begun, ContractRequest("c", "p", TERMS), now=T1)
    offered = acknowledged(send(asked, ContractOffer("c", "p", TERMS), now=T1), now=T1)
    again = receive(offered, ContractRequest("c", "p", bare), now=T1)
    assert again.offer == replace(TERMS, id="urn:offer:2")
    assert receive(begun, ContractRequest("c", "p", bare), now=T1).offer == bare


def test_a_callback_address_may_end_in_a_slash() -> None:
    begun = Negotiation(key="p", role=Role.PROVIDER, peer="x", created=T0, changed=T0)
    asked = receive(begun, ContractRequest("c", None, TERMS, "https://c/dsp/"), now=T1)
    assert asked.callback == "https://c/dsp"


def test_a_peer_that_does_not_sign_leaves_its_agreement_without_signature() -> None:
    after = receive(copy(Role.CONSUMER, State.REQUESTED), ContractAgreement.of("c", "p", AGREED), now=T1)
    assert (after.agreed, after.provider_signature) == (AGREED, "")
    verified = receive(copy(Role.PROVIDER, State.AGREED), ContractVerification("c", "p"), now=T1)
    assert verified.consumer_signature == ""


def test_the_next_message_may_overtake_the_answer_and_brings_the_pid() -> None:
    mine = Negotiation(key="c", role=Role.CONSUMER, peer="did:p", created=T0, changed=T0)
    sent = send(mine, ContractRequest("c", None, TERMS, "https://c"), now=T1)
    after = receive(sent, ContractOffer("c", "p", TERMS), now=T1)
    assert (after.state, after.pending, after.peer_pid) == (State.OFFERED, None, "p")
    assert acknowledged(after, now=T1, peer_pid="p") == after
    assert failed(after, "late", now=T1) == after


def test_pids_of_another_negotiation_are_not_found() -> None:
    mine = copy(Role.CONSUMER, State.REQUESTED)
    for message in (MAKE[Verb.OFFER]("x", "p"), MAKE[Verb.OFFER]("c", "x"), ContractOffer(None, "p", TERMS, "u")):
        with pytest.raises(NotFound):
            receive(mine, message, now=T1)
    with pytest.raises(NotFound):
        acknowledged(mine, now=T1, peer_pid="x")


def test_an_answer_has_to_name_the_pid_that_nobody_knows_yet() -> None:
    mine = Negotiation(key="c", role=Role.CONSUMER, peer="did:p", created=T0, changed=T0)
    sent = send(mine, ContractRequest("c", None, TERMS, "https://c"), now=T1)
    with pytest.raises(InvalidInput, match="pid"):
        acknowledged(sent, now=T1)


def test_one_message_is_on_its_way_at_a_time() -> None:
    sent = send(copy(Role.CONSUMER, State.OFFERED), MAKE[Verb.ACCEPT]("c", "p"), now=T1)
    with pytest.raises(Conflict, match="accept is on its way"):
        send(sent, MAKE[Verb.TERMINATE]("c", "p"), now=T1)


def test_a_termination_crosses_an_acceptance_and_stands() -> None:
    mine = send(copy(Role.CONSUMER, State.OFFERED), MAKE[Verb.ACCEPT]("c", "p"), now=T1)
    theirs = send(copy(Role.PROVIDER, State.OFFERED), MAKE[Verb.TERMINATE]("c", "p"), now=T1)
    mine, theirs = (
        receive(mine, MAKE[Verb.TERMINATE]("c", "p"), now=T1),
        receive(theirs, MAKE[Verb.ACCEPT]("c", "p"), now=T1),
    )
    assert (theirs.state, theirs.pending) == (State.ACCEPTED, Verb.TERMINATE)
    mine, theirs = acknowledged(mine, now=T1), acknowledged(theirs, now=T1)
    assert ended(mine) == ended(theirs) == (State.TERMINATED, "no", ("because",), Role.PROVIDER)


def test_of_two_terminations_the_one_that_the_provider_took_first_stands() -> None:
    def start(role: Role, reason: str) -> tuple[Negotiation, Message]:
        message = ContractTermination("c", "p", "", (reason,))
        return send(copy(role, State.OFFERED), message, now=T1), message

    mine, from_me = start(Role.CONSUMER, "mine")
    theirs, from_them = start(Role.PROVIDER, "theirs")
    mine, theirs = receive(mine, from_them, now=T1), receive(theirs, from_me, now=T1)
    mine, theirs = acknowledged(mine, now=T1), acknowledged(theirs, now=T1)
    assert ended(mine) == ended(theirs) == (State.TERMINATED, "", ("mine",), Role.CONSUMER)


def test_a_refusal_that_comes_after_the_end_changes_nothing_but_the_note() -> None:
    sent = send(copy(Role.PROVIDER, State.REQUESTED), MAKE[Verb.TERMINATE]("c", "p"), now=T1)
    after = receive(sent, ContractTermination("c", "p", "", ("mine",)), now=T1)
    assert ended(failed(after, "it ended", now=T1)) == (State.TERMINATED, "", ("mine",), Role.CONSUMER)


@given(st.lists(st.tuples(st.sampled_from(Role), st.sampled_from(Verb)), max_size=12))
def test_no_sequence_of_messages_leaves_the_table(steps: list[tuple[Role, Verb]]) -> None:
    """Whatever comes, from either side: the state is one the figure leads to, and an end is an end."""
    mine = copy(Role.CONSUMER, None)
    for actor, verb in steps:
        message, before = MAKE[verb]("c", "p"), mine
        try:
            moved = send(mine, message, now=T1) if actor is Role.CONSUMER else receive(mine, message, now=T1)
            mine = acknowledged(moved, now=T1)
        except IllegalTransition:
            assert (before.state, actor, verb) not in ALLOWED
            assert mine == before
        else:
            assert mine.state == ALLOWED[before.state, actor, verb]
            assert not before.ended
