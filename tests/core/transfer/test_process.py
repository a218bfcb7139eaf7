"""The transfer process against the protocol's figure: every state, actor and verb; addresses, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import IllegalTransition, NotFound
from trustspace.core.transfer import (
    MACHINE,
    DataAddress,
    Message,
    Role,
    State,
    Transfer,
    TransferCompletion,
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferTermination,
    Verb,
    acknowledged,
    failed,
    receive,
    send,
)

FIGURE = """
- C request REQUESTED
REQUESTED P start STARTED
REQUESTED C terminate TERMINATED
REQUESTED P terminate TERMINATED
STARTED C suspend SUSPENDED
STARTED P suspend SUSPENDED
STARTED C complete COMPLETED
STARTED P complete COMPLETED
STARTED C terminate TERMINATED
STARTED P terminate TERMINATED
SUSPENDED C start STARTED
SUSPENDED P start STARTED
SUSPENDED C terminate TERMINATED
SUSPENDED P terminate TERMINATED
"""
ROLES = {"C": Role.CONSUMER, "P": Role.PROVIDER}
ALLOWED = {
    (None if was == "-" else State(was), ROLES[who], Verb(what)): State(then)
    for was, who, what, then in map(str.split, FIGURE.strip().splitlines())
}
T0 = datetime(2027, 3, 1, 8, tzinfo=UTC)
T1 = T0 + timedelta(seconds=1)
ADDRESS = DataAddress("https://w3id.org/idsa/v4.1/HTTP", "https://p/data/1", (("authorization", "Bearer x"),))
MAKE: dict[Verb, Callable[[], Message]] = {
    Verb.REQUEST: lambda: TransferRequest("c", "urn:agreement:1", "HttpData-PULL", "https://c"),
    Verb.START: lambda: TransferStart("c", "p", ADDRESS),
    Verb.SUSPEND: lambda: TransferSuspension("c", "p", "busy", ("later",)),
    Verb.COMPLETE: lambda: TransferCompletion("c", "p"),
    Verb.TERMINATE: lambda: TransferTermination("c", "p", "no", ("because",)),
}
EVERY = list(product((None, *State), Role, Verb))


def copy(role: Role, state: State | None) -> Transfer:
    own, theirs = ("c", "p") if role is Role.CONSUMER else ("p", "c")
    pid = "" if state is None else theirs
    return Transfer(key=own, role=role, peer="did:peer", peer_pid=pid, state=state, created=T0, changed=T0)


def test_the_table_is_the_figure() -> None:
    assert dict(MACHINE.moves) == ALLOWED


@pytest.mark.parametrize(("state", "actor", "verb"), EVERY)
def test_each_move_is_allowed_or_changes_nothing(state: State | None, actor: Role, verb: Verb) -> None:
    mine, theirs, message = copy(actor, state), copy(actor.other, state), MAKE[verb]()
    if then := ALLOWED.get((state, actor, verb)):
        sent = send(mine, message, now=T1)
        assert (sent.state, sent.pending) == (state, verb)
        assert acknowledged(sent, now=T1, peer_pid="p" if actor is Role.CONSUMER else "c").state == then
        assert receive(theirs, message, now=T1).state == then
        return
    with pytest.raises((IllegalTransition, NotFound)):
        send(mine, message, now=T1)
    with pytest.raises((IllegalTransition, NotFound)):
        receive(theirs, message, now=T1)


def test_a_request_brings_agreement_format_and_address_to_call_back() -> None:
    got = receive(copy(Role.PROVIDER, None), MAKE[Verb.REQUEST](), now=T1)
    assert (got.agreement, got.format, got.callback, got.peer_pid) == (
        "urn:agreement:1",
        "HttpData-PULL",
        "https://c",
        "c",
    )
    assert (got.todo, got.address, got.ended) == ("start", None, False)


def test_a_start_brings_the_address_and_a_restart_may_leave_it() -> None:
    started = receive(copy(Role.CONSUMER, State.REQUESTED), MAKE[Verb.START](), now=T1)
    assert started.address == ADDRESS
    assert (ADDRESS.get("authorization"), ADDRESS.get("nothing", "-")) == ("Bearer x", "-")
    paused = receive(started, MAKE[Verb.SUSPEND](), now=T1)
    again = receive(paused, TransferStart("c", "p"), now=T1)
    assert (again.state, again.address) == (State.STARTED, ADDRESS)


@pytest.mark.parametrize("by", Role)
def test_an_end_says_who_and_why(by: Role) -> None:
    got = receive(copy(by.other, State.STARTED), MAKE[Verb.TERMINATE](), now=T1)
    assert (got.ended, got.ended_by, got.code, got.reasons) == (True, by, "no", ("because",))


@pytest.mark.parametrize(("state", "actor", "verb"), sorted(ALLOWED, key=str))
def test_a_refused_message_ends_only_what_has_not_started(state: State | None, actor: Role, verb: Verb) -> None:
    after = failed(send(copy(actor, state), MAKE[verb](), now=T1), "not now", now=T1)
    runs = state in {State.STARTED, State.SUSPENDED} and verb is not Verb.TERMINATE
    assert after.state is (state if runs else State.TERMINATED)
    assert after.pending is None
    assert after.refusal == ("" if verb is Verb.TERMINATE else "not now")


def test_a_start_may_overtake_the_answer_to_the_request() -> None:
    mine = send(copy(Role.CONSUMER, None), MAKE[Verb.REQUEST](), now=T1)
    after = receive(mine, MAKE[Verb.START](), now=T1)
    assert (after.state, after.pending, after.peer_pid) == (State.STARTED, None, "p")


def test_a_transfer_of_another_is_not_found() -> None:
    with pytest.raises(NotFound):
        receive(replace(copy(Role.CONSUMER, State.STARTED), key="other"), MAKE[Verb.COMPLETE](), now=T1)


@given(st.lists(st.tuples(st.sampled_from(Role), st.sampled_from(Verb)), max_size=12))
def test_no_sequence_of_messages_leaves_the_table(steps: list[tuple[Role, Verb]]) -> None:
    mine = copy(Role.CONSUMER, State.REQUESTED)
    for actor, verb in steps:
        before = mine
        try:
            moved = send if actor is Role.CONSUMER else receive
            mine = acknowledged(moved(mine, MAKE[verb](), now=T1), now=T1)
        except (IllegalTransition, NotFound):
            assert (before.state, actor, verb) not in ALLOWED
            assert mine == before
        else:
            assert mine.state == ALLOWED[before.state, actor, verb]
            assert not before.ended
