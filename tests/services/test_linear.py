"""Simultaneous messages for one process, over a real store: one history, in which everybody finds his answer."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import anyio
import pytest

from tests.services.spaces import Space, count, space
from tests.threats.attacks import send
from trustspace.core.canon import JsonObject, canonical, digest, loads_object
from trustspace.core.contract import Contract, Role
from trustspace.core.contract import State as Negotiated
from trustspace.core.errors import TrustspaceError
from trustspace.core.policy import offer, use
from trustspace.core.transfer import MACHINE, State, Transfer
from trustspace.core.transfer.messages import Verb
from trustspace.protocols import dsp

pytestmark = pytest.mark.anyio
KINDS = {
    Verb.SUSPEND: ("TransferSuspensionMessage", "suspension"),
    Verb.START: ("TransferStartMessage", "start"),
    Verb.COMPLETE: ("TransferCompletionMessage", "completion"),
    Verb.TERMINATE: ("TransferTerminationMessage", "termination"),
}
ROUNDS = int(os.environ.get("TRUSTSPACE_ROUNDS", "3"))
OFTEN = [Verb.SUSPEND] * 31 + [Verb.START] * 30 + [Verb.COMPLETE] * 2 + [Verb.TERMINATE]


@dataclass(frozen=True, slots=True)
class Call:
    """One message: when it was sent and when its answer was here, in steps of one counter, and what was answered."""

    verb: Verb
    body: str
    sent: int
    answered: int
    state: str


def linear(calls: Sequence[Call], log: Sequence[tuple[str, str]], begin: State) -> list[str]:
    """What is wrong with a history: `log` are the digests of what was taken, in order, with the state of each."""
    taken = {call.body: call for call in calls if call.state}
    if sorted(taken) != sorted(body for body, _ in log):
        return ["what was answered with yes is not what was taken"]
    order, states, wrong = [taken[body] for body, _ in log], [begin], list[str]()
    for call, (_, state) in zip(order, log, strict=True):
        if MACHINE.moves.get((states[-1], Role.CONSUMER, call.verb)) != state or call.state != state:
            wrong.append(f"{call.verb} in {states[-1]} leads to {state}, and was answered {call.state}")
        states.append(State(state))
    for earlier, later in [(a, b) for at, b in enumerate(order) for a in order[at + 1 :]]:
        if earlier.answered < later.sent:
            wrong.append(f"{earlier.verb} was answered before {later.verb} was sent, and comes after it")
    for call in (one for one in calls if not one.state):
        first = sum(one.answered < call.sent for one in order)
        last = sum(one.sent < call.answered for one in order)
        if all((state, Role.CONSUMER, call.verb) in MACHINE.moves for state in states[first : last + 1]):
            wrong.append(f"{call.verb} was refused though it might come all the time")
    return wrong


async def history(s: Space, transfer: Transfer, seed: int) -> list[Call]:
    """Sixty-four messages at once, each with a pause of its own before it."""
    rng, calls, now = random.Random(seed), list[Call](), 0

    async def one(number: int, verb: Verb, pause: float) -> None:
        nonlocal now
        kind, path = KINDS[verb]
        pids = {"consumerPid": transfer.key, "providerPid": transfer.peer_pid}
        body = canonical(
            {"@context": [dsp.terms.CONTEXT], "@type": kind, **pids, f"{dsp.terms.OURS}round": f"{number}"}
        )
        await anyio.sleep(pause)
        now += 1
        sent = now
        answer = await send(s, f"{s.bus.engine.base}/transfers/{transfer.peer_pid}/{path}", body)
        now += 1
        assert answer.status in {200, 400}, answer
        _, state = dsp.read_state(answer.body, Role.CONSUMER) if answer.status == 200 else ("", "")
        calls.append(Call(verb, digest(body), sent, now, state))

    async with anyio.create_task_group() as group:
        for number, verb in enumerate(rng.sample(OFTEN, len(OFTEN))):
            group.start_soon(one, number, verb, rng.choice([0.0, 0.0, rng.random() / 5]))
    return calls


async def received(s: Space, pid: str) -> list[tuple[str, str]]:
    """What the provider's log says it took from the peer about a process, in its order."""
    leaves: list[JsonObject] = [
        loads_object(entry.body) for entry in await s.bus.store.read(lambda tx: tx.entries(pid))
    ]
    taken = [leaf["data"] for leaf in leaves if leaf["kind"] == "message-received"]
    return [(str(one.get("exact", one["digest"])), str(one["state"])) for one in taken[1:]]


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_sixty_four_messages_at_once_have_one_linear_history(seed: int) -> None:
    async with space(storage="sqlite") as s:
        transfer = await s.transfer(await s.contract())
        calls = await history(s, transfer, seed)
        log = await received(s, transfer.peer_pid)
        assert len(calls) == len(OFTEN)
        assert linear(calls, log, State.STARTED) == []
        end = await s.bus.engine.transfers.get(transfer.peer_pid)
        assert str(end.state) == log[-1][1]
        assert len([state for _, state in log if state in {"COMPLETED", "TERMINATED"}]) <= 1, "one winner"
        for broken in (log[:-1], [*log, log[-1]], [log[-1], *log[:-1]] if len(log) > 1 else []):
            assert linear(calls, broken, State.STARTED) != [], "the check can fail"
        always = replace(calls[0], verb=Verb.TERMINATE, state="", body="x", sent=0, answered=0)
        assert linear([always, *calls], log, State.STARTED) != []


async def test_of_accepting_and_ending_at_once_one_wins_on_both_sides() -> None:
    async with space(storage="sqlite", approval="manual") as s:
        ends: list[Negotiated] = []
        for number in range(4 * ROUNDS):
            pid = await s.negotiation(f"{number}", wait=0.0)
            _, theirs = await s.both(pid)
            await s.bus.engine.negotiations.counter(theirs.key, offer(use(purpose="trip-planning", count=9)))
            await s.both(pid)
            acts: list[Callable[[], Awaitable[object]]] = [
                partial(s.planner.engine.negotiations.approve, pid),
                partial(s.bus.engine.negotiations.refuse, theirs.key, "no longer"),
            ]
            async with anyio.create_task_group() as group:
                for act in acts[:: 1 if number % 2 else -1]:
                    group.start_soon(attempt, act)
            mine, theirs = await s.both(pid)
            assert mine.ended
            assert (mine.state, mine.reasons, mine.agreement) == (theirs.state, theirs.reasons, theirs.agreement)
            ends.append(Negotiated(str(mine.state)))
        assert await count(s.bus, Contract) == await count(s.planner, Contract) == ends.count(Negotiated.FINALIZED)


async def attempt(act: Callable[[], Awaitable[object]]) -> None:
    """Who comes too late is told so."""
    with suppress(TrustspaceError):
        await act()
