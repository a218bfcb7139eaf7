"""Too much of everything: slow bodies, idle connections, floods of one peer; the others are served all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.services.spaces import count, said, space
from tests.threats.attacks import first_request, send
from trustspace.adapters.http.limits import bounded
from trustspace.core.contract import Negotiation, State
from trustspace.core.errors import Busy
from trustspace.node.public import public_app
from trustspace.node.quotas import Quotas
from trustspace.node.serving import Bound, Listener, serve
from trustspace.node.settings import Quota
from trustspace.ports import Answer, Outgoing
from trustspace.services.delivery import LONGEST_WISH, Delivery
from trustspace.testing.network import Fault
from trustspace.testing.registry import START, SteppedClock

pytestmark = pytest.mark.anyio
IDLE = 300


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(body or b"hello")(scope, receive, send)


async def ask(bound: Bound) -> tuple[float, int]:
    """How long an honest caller waits, and what it is told."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(bound.host, bound.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
    answer = await reader.read()
    writer.close()
    return time.monotonic() - began, int(answer.split(b" ")[1])


@asynccontextmanager
async def opened(bound: Bound, number: int, first: bytes = b"") -> AsyncIterator[list[Any]]:
    """So many connections, that say this and no more."""
    held = [await asyncio.open_connection(bound.host, bound.port) for _ in range(number)]
    for _, writer in held:
        writer.write(first)
    try:
        yield held
    finally:
        for _, writer in held:
            writer.close()


async def test_slow_bodies_are_cut_and_others_are_served() -> None:
    app = bounded(hello, seconds=0.5)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx"
    async with serve([Listener(app)]) as (bound,):
        alone = sorted([(await ask(bound))[0] for _ in range(20)])
        async with opened(bound, 50, head) as slow:
            beside = [await ask(bound) for _ in range(20)]
            assert {status for _, status in beside} == {200}
            assert sorted(seconds for seconds, _ in beside)[10] < max(0.05, 4 * alone[10])
            answers = [await reader.read() for reader, _ in slow]
    assert all(b" 408 " in answer and b'"too-slow"' in answer for answer in answers)


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["nothing said", "kept alive"])
async def test_idle_connections_make_room_for_those_who_ask(first: bytes) -> None:
    async with serve([Listener(bounded(hello), limit=100)]) as (bound,), opened(bound, IDLE, first) as held:
        await asyncio.sleep(0.1)
        answers = [await ask(bound) for _ in range(20)]
        assert {status for _, status in answers} == {200}
        gone = 0
        for reader, _ in held[:100]:
            with suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 1.0)
            gone += 1
        assert gone == 100, "the oldest were cut off"


async def test_who_takes_nothing_of_an_answer_is_cut_off() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            ended.set()

    get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    async with (
        serve([Listener(StreamingResponse(endless()), stall_seconds=0.2)], grace=1) as (bound,),
        opened(bound, 1, get),
    ):
        await asyncio.wait_for(ended.wait(), 5.0)  # the caller's buffers fill, and nobody reads them


async def test_more_at_a_time_than_a_node_takes_is_503_with_the_time_to_come_again() -> None:
    inside, go = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        inside.set()
        await go.wait()
        await hello(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(bounded(slow, most=1))) as client:
        first = asyncio.create_task(client.get("http://localhost/"))
        await inside.wait()
        second = await client.get("http://localhost/")
        go.set()
        assert (second.status_code, second.json()["code"], second.headers["retry-after"]) == (503, "crowded", "2")
        assert (await first).status_code == 200
        assert (await client.get("http://localhost/")).status_code == 200


async def test_bodies_that_are_not_whole_yet_share_a_bounded_memory() -> None:
    async def pieces(pause: float) -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 100
            await asyncio.sleep(pause)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(bounded(hello, memory=250))) as client:
        refused = await client.post("http://localhost/", content=pieces(0.0))
        assert (refused.status_code, refused.json()["code"]) == (503, "crowded")
        small = [client.post("http://localhost/", content=b"x" * 240) for _ in range(10)]
        assert {one.status_code for one in await asyncio.gather(*small)} == {200}, "whole at once: none of it waits"


async def test_refusals_of_unread_bodies_are_typed_where_the_protocol_types_them() -> None:
    async with space(approval="manual") as s:
        app = public_app(s.bus.engine, [])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            for path, kind in (
                ("/catalog/request", "CatalogError"),
                ("/negotiations/urn:uuid:x/events", "ContractNegotiationError"),
                ("/transfers/request", "TransferError"),
            ):
                url = s.bus.engine.base + path
                answer = await client.post(url, content=b"x" * ((1 << 20) + 1))
                assert (answer.status_code, answer.json()["@type"], answer.json()["code"]) == (413, kind, "too-large")
            other = await client.post(f"{s.bus.settings.public_url}/trustspace/v1/denials", content=b"x" * (2 << 20))
            assert (other.status_code, other.json()["code"]) == (413, "too-large")
            assert "@type" not in other.json()


async def test_open_negotiations_of_one_peer_are_limited_and_another_is_served() -> None:
    async with space(approval="manual") as s:
        await s.bus.stop()
        object.__setattr__(s.bus, "settings", s.bus.settings.model_copy(update={"quota": Quota(negotiations=3)}))
        await s.bus.start()
        pids = [await s.negotiation(f"{number}", wait=0.0) for number in range(3)]
        await s.world.quiet()
        url, body, _ = await first_request(s)
        answer = await send(s, url, body)
        assert (answer.status, answer.headers["retry-after"]) == (429, "30")
        assert (said(answer)["@type"], said(answer)["code"]) == ("ContractNegotiationError", "too-many")
        assert await count(s.bus, Negotiation) == 3
        stranger = await s.world.connector("stranger")
        theirs = body.replace(s.planner.engine.base.encode(), stranger.engine.base.encode())
        assert (await send(s, url, theirs, stranger.engine.seal)).status == 201, "the control: another peer"
        await s.planner.engine.negotiations.refuse(pids[0], "no longer")
        await s.world.quiet()
        assert (await send(s, url, body)).status == 201, "one has ended"
        await s.bus.stop()
        await s.bus.start()
        assert (await send(s, url, body.replace(b"made-up", b"made-ut"))).status == 429, "counted after a restart too"


async def test_a_peer_that_is_told_to_wait_waits_and_its_negotiation_goes_on() -> None:
    async with space(approval="manual") as s:
        await s.bus.stop()
        object.__setattr__(s.bus, "settings", s.bus.settings.model_copy(update={"quota": Quota(negotiations=1)}))
        await s.bus.start()
        first = await s.negotiation("first", wait=0.0)
        _, theirs = await s.both(first)
        second = await s.negotiation("second", wait=0.0)
        await anyio.sleep(0.1)
        assert (await s.planner.engine.negotiations.get(second)).state is None
        assert "429" in str((await s.planner.status()).stuck)
        await s.bus.call("approve", theirs.key)
        await s.world.quiet()
        assert (await s.planner.engine.negotiations.get(second)).state is State.REQUESTED


class Ticking:
    """Seconds that are moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_requests_a_second_and_at_a_time_are_limited_for_each_peer() -> None:
    ticking = Ticking()
    quotas = Quotas(Quota(requests=3, rate=10, burst=5), monotonic=ticking)
    for _ in range(3):
        quotas.enter("greedy")
    with pytest.raises(Busy, match="3 requests"):
        quotas.enter("greedy")
    quotas.enter("modest")
    for _ in range(3):
        quotas.leave("greedy")
    for _ in range(2):
        quotas.enter("greedy")
        quotas.leave("greedy")
    with pytest.raises(Busy, match="10 requests a second") as busy:
        quotas.enter("greedy")
    assert busy.value.retry_after >= 1
    ticking.now = 0.1
    quotas.enter("greedy")


def test_what_honest_peers_do_is_far_below_the_limits() -> None:
    quota = Quota()
    assert min(quota.negotiations, quota.transfers) >= 10_000
    assert min(quota.requests, quota.rate) >= 1000


@pytest.mark.parametrize(
    ("asked", "waited"), [("7", 7.0), ("0", 0.1), ("", 0.1), ("-5", 0.1), ("soon", 0.1), ("9" * 30, LONGEST_WISH)]
)
async def test_our_client_comes_again_when_it_was_told_to_and_bears_no_nonsense(asked: str, waited: float) -> None:
    answers, pauses, done = [Answer(429, b"{}", {"retry-after": asked}), Answer(200)], list[float](), anyio.Event()
    async with space() as s:

        async def post(_: Outgoing) -> Answer:
            return answers.pop(0)

        async def settle(message: Outgoing, answer: Answer) -> None:
            assert answer.status == 200
            await s.bus.store.run(lambda tx: tx.sent(message.id))
            done.set()

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        message = Outgoing("one", "p", "test", "do", "did:web:x.example", "https://x.example", b"{}", START)
        delivery = Delivery(s.bus.store, SteppedClock(), post, {"test": settle}, sleep=pause)
        async with anyio.create_task_group() as group:
            await group.start(delivery.run)
            delivery.kick([message])
            await done.wait()
            group.cancel_scope.cancel()
    assert pauses == [waited]


async def test_a_node_in_trouble_is_not_hammered() -> None:
    async with space() as s:
        s.world.network.faults = lambda _, __, url: Fault(status=429) if "/negotiations/" in url else None
        await s.negotiation(wait=0.0)
        await anyio.sleep(0.3)
        sent = s.world.network.sent
        await anyio.sleep(0.1)
        assert s.world.network.sent - sent < 30, "at a five-hundredth of the time: pauses grow"
        s.world.network.faults = None
        await s.world.quiet(10)
