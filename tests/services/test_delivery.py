from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import anyio
import pytest

from tests.services.spaces import count, log_kinds, space
from trustspace.adapters.storage.memory import MemoryStore
from trustspace.core.contract import Contract, Negotiation, Offer, State
from trustspace.core.errors import Conflict, StorageFull, Unavailable
from trustspace.ports import Answer, Outgoing
from trustspace.services.delivery import Courtesy, Delivery, pause, queue_age
from trustspace.testing.network import LOST, UNACKNOWLEDGED, Fault
from trustspace.testing.registry import START, SteppedClock

pytestmark = pytest.mark.anyio
REFUSAL = b'{"@type":"ContractNegotiationError","code":"illegal-transition","reason":["not now"]}'
Says = Callable[[Outgoing, int], Answer]


@dataclass(slots=True)
class Post:
    """A delivery whose peer says what a test wants, and whose pauses move the clock."""

    says: Says
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: SteppedClock = field(default_factory=SteppedClock)
    tries: list[Outgoing] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    settled: list[tuple[str, Answer]] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)

    async def send(self, message: Outgoing) -> Answer:
        self.tries.append(message)
        await anyio.lowlevel.checkpoint()
        return self.says(message, len(self.tries))

    async def settle(self, message: Outgoing, answer: Answer) -> None:
        if self.trouble:
            raise self.trouble.pop()
        await self.store.run(lambda tx: tx.sent(message.id))
        self.settled.append((message.id, answer))

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds=seconds)
        await anyio.lowlevel.checkpoint()

    async def queue(self, *names: str, process: str = "p") -> list[Outgoing]:
        messages = [message(name, process) for name in names]
        for one in messages:
            await self.store.run(lambda tx, one=one: tx.outbox(one))  # type: ignore[misc]  # bound early
        return messages

    async def empty(self) -> None:
        """Wait until nothing is queued any more."""
        if await self.store.read(lambda tx: tx.queued()):
            await anyio.sleep(0.001)
            await self.empty()

    @asynccontextmanager
    async def running(self, courtesy: Courtesy | None = None) -> AsyncIterator[Delivery]:
        delivery = Delivery(self.store, self.clock, self.send, {"kind": self.settle}, courtesy, sleep=self.sleep)
        async with anyio.create_task_group() as group:
            await group.start(delivery.run)
            yield delivery
            with anyio.fail_after(2):
                await self.empty()
            group.cancel_scope.cancel()


def message(name: str, process: str = "p") -> Outgoing:
    return Outgoing(name, process, "kind", "verb", "did:web:peer", "https://peer/x", name.encode(), START)


def answers(*statuses: int) -> Says:
    """These, one after the other, and then 200."""
    return lambda _, number: Answer(statuses[number - 1] if number <= len(statuses) else 200, b"because")


async def test_a_message_leaves_once_and_is_settled() -> None:
    post = Post(answers())
    async with post.running() as delivery:
        delivery.kick(await post.queue("a"))
    assert [one.id for one in post.tries] == ["a"]
    assert [(name, answer.status) for name, answer in post.settled] == [("a", 200)]


@pytest.mark.parametrize("status", [500, 503, 429, 408, 425])
async def test_what_may_pass_is_tried_again_with_the_same_bytes(status: int) -> None:
    post = Post(answers(status, status))
    async with post.running() as delivery:
        delivery.kick(await post.queue("a"))
    assert [one.body for one in post.tries] == [b"a"] * 3
    assert post.pauses == [pause(1), pause(2)]


async def test_pauses_grow_to_half_a_minute() -> None:
    assert [pause(attempts) for attempts in (1, 2, 3, 9, 10, 1000)] == [0.1, 0.2, 0.4, 25.6, 30.0, 30.0]


async def test_no_answer_at_all_is_tried_again() -> None:
    def says(_: Outgoing, number: int) -> Answer:
        if number == 1:
            raise Unavailable("connect: nobody there")
        return Answer(200)

    post = Post(says)
    async with post.running() as delivery:
        delivery.kick(await post.queue("a"))
    assert len(post.tries) == 2
    assert "nobody there" in post.tries[1].error


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (403, 1), (401, 4), (404, 4), (409, 5)])
async def test_a_refusal_is_final_at_once_or_after_some_patience(status: int, tries: int) -> None:
    post = Post(answers(*[status] * 10))
    async with post.running() as delivery:
        delivery.kick(await post.queue("a"))
    assert len(post.tries) == tries
    assert post.settled[0][1].status == status


async def test_it_is_given_up_after_its_time() -> None:
    post = Post(answers(*[503] * 100))
    async with post.running(Courtesy(give_up=timedelta(minutes=5))) as delivery:
        delivery.kick(await post.queue("a"))
    assert post.clock.now() - START > timedelta(minutes=5)
    assert post.settled[0][1].status == 410
    assert b"no answer within" in post.settled[0][1].body


async def test_messages_of_a_process_keep_their_order_and_others_do_not_wait() -> None:
    post = Post(lambda one, number: Answer(503 if one.id == "a" and number < 6 else 200))
    async with post.running() as delivery:
        first, second = await post.queue("a", "b")
        (other,) = await post.queue("c", process="q")
        delivery.kick([first, second, other])
        delivery.kick([first, second])  # again: they are on their way already
    assert [name for name, _ in post.settled] == ["c", "a", "b"]


async def test_what_an_earlier_life_left_is_sent_first() -> None:
    post = Post(answers())
    await post.queue("a", "b")
    await post.store.run(lambda tx: tx.postpone("a", attempts=3, due=START + timedelta(seconds=7), error="before"))
    async with post.running():
        pass
    assert [one.id for one in post.tries] == ["a", "b"]
    assert post.pauses == [7.0]
    assert post.tries[0].attempts == 3


async def test_while_nothing_runs_messages_wait() -> None:
    post = Post(answers())
    Delivery(post.store, post.clock, post.send, {}).kick(await post.queue("a"))
    assert post.tries == []


@pytest.mark.parametrize("trouble", [StorageFull("no room"), Conflict("moved on")])
async def test_an_answer_that_cannot_be_written_down_is_asked_for_again(trouble: Exception) -> None:
    post = Post(answers(), trouble=[trouble])
    async with post.running() as delivery:
        delivery.kick(await post.queue("a"))
    assert len(post.tries) == 2
    assert len(post.settled) == 1


async def test_the_age_of_the_queue() -> None:
    assert queue_age([], START) == 0
    assert queue_age([message("a")], START + timedelta(seconds=9)) == 9


# --- between two nodes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [LOST, UNACKNOWLEDGED, Fault(times=3), Fault(status=502), Fault(truncate=3)])
async def test_each_message_that_the_network_spoils_still_has_one_effect(fault: Fault) -> None:
    spoilt: set[str] = set()

    def faults(_: int, method: str, url: str) -> Fault | None:
        if method != "POST" or "/dsp/" not in url or url in spoilt:
            return None
        spoilt.add(url)
        return fault

    async with space() as s:
        s.world.network.faults = faults
        mine, theirs = await s.both(await s.negotiation())
        assert mine.state is theirs.state is State.FINALIZED
        assert len(spoilt) == 4, "request, agreement, verification, finalisation"
        assert await count(s.planner, Contract) == await count(s.bus, Contract) == 1
        assert (await log_kinds(s.bus, theirs.key)).count("message-received") == 2
        assert (await log_kinds(s.planner, mine.key)).count("message-received") == 2


async def test_answers_lost_for_longer_than_patience_end_with_the_peers_state() -> None:
    """The consumer's verification arrives, its answer never: the provider's next message says so in its place."""
    async with space() as s:
        s.world.network.faults = lambda _, __, url: UNACKNOWLEDGED if url.endswith("/verification") else None
        pid = await s.negotiation()
        mine = await s.planner.engine.negotiations.get(pid)
        assert mine.state is State.FINALIZED
        s.world.network.faults = None
        await s.both(pid)


async def test_a_peer_that_stands_where_we_wanted_it_has_taken_the_message() -> None:
    """The first answer is lost, and the second one is a refusal of what was done already."""
    seen: list[str] = []

    def faults(_: int, __: str, url: str) -> Fault | None:
        if url.endswith("/verification"):
            seen.append(url)
            return UNACKNOWLEDGED if len(seen) == 1 else Fault(status=400, body=REFUSAL, reaches=False)
        if url.endswith("/events"):
            return LOST
        return None

    async with space() as s:
        s.world.network.faults = faults
        pid = await s.negotiation(wait=0.3)
        mine = await s.planner.engine.negotiations.get(pid)
        assert mine.state is State.VERIFIED
        s.world.network.faults = None
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED


async def test_a_peers_answer_about_another_process_ends_ours_and_not_the_node() -> None:
    async with space() as s:
        pid = await s.negotiation()
        await s.both(pid)
        engine = s.planner.engine
        started = await engine.negotiations.get(pid)
        begun = await engine.negotiations.request(_offered(started), s.bus.did, s.bus.engine.base, key="next")
        body = b'{"@context":[],"@type":"ContractNegotiation","consumerPid":"c","state":"REQUESTED"}'
        (queued,) = await s.planner.store.read(lambda tx: tx.queued(process=begun.key))
        await engine.negotiations.settle(queued, Answer(201, body))
        ended = await engine.negotiations.get(begun.key)
        assert ended.state is State.TERMINATED
        assert "does not hold" in ended.reasons[0]
        await engine.negotiations.settle(queued, Answer(201, body))  # again: it is settled
        await s.world.network.settle()


def _offered(negotiation: Negotiation) -> Offer:
    assert negotiation.offer is not None
    return negotiation.offer
