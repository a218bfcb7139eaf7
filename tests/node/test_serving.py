"""Listeners in somebody's loop: started whole or not at all, gone within seconds, and hard to hold up."""

from __future__ import annotations

import asyncio
import signal
import socket
import time

import pytest
import uvloop
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trustspace.adapters.http.peer import IDLE_SECONDS
from trustspace.core.errors import MisusedError, Unavailable
from trustspace.node import serving
from trustspace.node.serving import Bound, Listener, serve

HELLO = Response("hello")


async def said(bound: Bound, *pieces: bytes, pause: float = 0.0) -> bytes:
    """All that the server says to these bytes, until it hangs up."""
    reader, writer = await asyncio.open_connection(bound.host, bound.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_two_listeners_in_a_running_loop_and_no_signal_handler_touched() -> None:
    async def go() -> None:
        async with serve([Listener(HELLO), Listener(Response("admin"))]) as (public, management):
            assert public.port != management.port
            assert signal.getsignal(signal.SIGTERM) == before
            answer = await said(public, GET)
            assert answer.endswith(b"hello")
            assert b"date:" in answer.lower()
            assert b"server:" not in answer.lower()
            assert (await said(management, GET)).endswith(b"admin")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(public.host, public.port)

    before = signal.getsignal(signal.SIGTERM)
    asyncio.run(go())
    uvloop.run(go())


def test_many_nodes_in_one_process() -> None:
    async def go() -> None:
        async with serve([Listener(Response(str(number))) for number in range(12)]) as many:
            answers = await asyncio.gather(*(said(bound, GET) for bound in many))
            assert [int(answer.rsplit(b"\n", 1)[1]) for answer in answers] == list(range(12))

    asyncio.run(go())


def test_a_port_in_use_is_named_and_nothing_is_left_bound() -> None:
    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port, other = taken.getsockname()[1], free.getsockname()[1]
            free.close()
            with pytest.raises(Unavailable) as raised:
                async with serve([Listener(HELLO, port=other), Listener(HELLO, port=port)]):
                    raise AssertionError
            assert str(raised.value).startswith(f"127.0.0.1:{port}: the port is in use (stop the program")
            socket.create_server(("127.0.0.1", other)).close()

    asyncio.run(go())


def test_two_servers_never_share_a_port() -> None:
    async def go() -> None:
        async with serve([Listener(HELLO)]) as (bound,):
            with pytest.raises(Unavailable):
                async with serve([Listener(HELLO, port=bound.port)]):
                    raise AssertionError

    asyncio.run(go())


@pytest.mark.parametrize(("host", "port"), [("no such host", 0), ("203.0.113.1", 0), ("127.0.0.1", 70_000)])
def test_an_address_that_is_not_ours(host: str, port: int) -> None:
    async def go() -> None:
        async with serve([Listener(HELLO, host=host, port=port)]):
            raise AssertionError

    with pytest.raises(MisusedError, match=host):
        asyncio.run(go())


def test_ipv6_addresses_have_brackets_in_urls() -> None:
    assert Bound("::1", 8443, "https").url == "https://[::1]:8443"


class Slow:
    """Streams a byte now and then, until told to end."""

    def __init__(self, pieces: int) -> None:
        self.pieces, self.running, self.cut = pieces, asyncio.Event(), False

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            for _ in range(self.pieces):
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                self.running.set()
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.cut = True
            raise
        await send({"type": "http.response.body", "body": b"end"})


@pytest.mark.parametrize(("pieces", "whole"), [(10, True), (100_000, False)])
def test_running_answers_are_given_their_seconds_and_no_more(pieces: int, whole: bool) -> None:
    async def go() -> None:
        app = Slow(pieces)
        async with serve([Listener(app)], grace=1) as (bound,):
            answer = asyncio.create_task(said(bound, GET))
            idle = await asyncio.open_connection(bound.host, bound.port)
            await app.running.wait()
            begun = time.monotonic()
        assert time.monotonic() - begun < 2.5
        assert (b"end" in await answer) is whole
        assert app.cut is not whole
        idle[1].close()

    asyncio.run(go())


def test_an_error_in_the_block_passes_through_and_the_port_is_freed() -> None:
    async def go() -> None:
        port = 0
        try:
            async with serve([Listener(HELLO)]) as (bound,):
                port = bound.port
                raise KeyError
        except KeyError:
            assert port
        socket.create_server(("127.0.0.1", port)).close()

    asyncio.run(go())


def test_cancelled_from_outside_it_still_closes_in_order() -> None:
    async def go() -> None:
        ready: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()

        async def node() -> None:
            async with serve([Listener(HELLO)]) as (bound,):
                ready.set_result(bound)
                await asyncio.sleep(60)

        task = asyncio.create_task(node())
        bound = await ready
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        socket.create_server((bound.host, bound.port)).close()

    asyncio.run(go())


def test_a_head_without_end_is_cut_by_size() -> None:
    async def go() -> None:
        async with serve([Listener(HELLO)]) as (bound,):
            flood = [b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"x" * 4000 + b"\r\n"] * 20]
            assert await said(bound, *flood, pause=0.001) == b""
            assert (await said(bound, GET)).endswith(b"hello")

    asyncio.run(go())


def test_over_the_limit_the_connection_that_was_quiet_longest_makes_room() -> None:
    async def go() -> None:
        async with serve([Listener(HELLO, limit=3)]) as (bound,):
            held = [await asyncio.open_connection(bound.host, bound.port) for _ in range(3)]
            assert (await said(bound, GET)).endswith(b"hello")
            assert await asyncio.wait_for(held[0][0].read(), 2.0) == b""
            for _, writer in held:
                writer.close()

    asyncio.run(go())


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX-A: 1\r\n"])
def test_a_caller_who_says_nothing_or_half_a_head_is_dropped(start: bytes) -> None:
    async def go() -> None:
        async with serve([Listener(HELLO, head_seconds=0.1)]) as (bound,):
            begun = time.monotonic()
            assert await said(bound, start) == b""
            assert 0.05 < time.monotonic() - begun < 1.0
            keep = GET.replace(b"close", b"keep-alive")
            assert (await said(bound, keep, start or b"GET", pause=0.05)).endswith(b"hello")

    asyncio.run(go())


def test_the_server_outlasts_a_kept_connection_of_its_peer() -> None:
    assert serving.KEEP_ALIVE > IDLE_SECONDS
