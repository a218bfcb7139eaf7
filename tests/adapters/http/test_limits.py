"""A server behind limits: what is too much or too slow never reaches the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from trustspace.adapters.http.httpx_peer import HttpxPeer
from trustspace.adapters.http.limits import bounded
from trustspace.core.errors import Forbidden, Unavailable


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(await Request(scope, receive).body())(scope, receive, send)


async def dripping(pieces: int, pause: float) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        await asyncio.sleep(pause)
        yield b"x" * 10


async def post(content: bytes | AsyncIterator[bytes], *, seconds: float = 5.0) -> httpx.Response:
    transport = httpx.ASGITransport(bounded(echo, max_body=100, seconds=seconds))
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.post("http://localhost/", content=content)


def test_a_body_within_the_limits_arrives_whole() -> None:
    assert asyncio.run(post(b"x" * 100)).content == b"x" * 100
    assert asyncio.run(post(dripping(10, 0))).content == b"x" * 100
    assert asyncio.run(post(b"")).content == b""


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large_is_413_and_the_connection_ends(chunked: bool) -> None:
    answer = asyncio.run(post(dripping(11, 0) if chunked else b"x" * 101))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert answer.headers["connection"] == "close"


def test_too_slow_is_408() -> None:
    answer = asyncio.run(post(dripping(5, 0.05), seconds=0.12))
    assert (answer.status_code, answer.json()["code"]) == (408, "too-slow")


def test_a_caller_who_leaves_has_no_effect() -> None:
    async def go() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await bounded(echo)({"type": "http", "headers": [(b"content-length", b"5")]}, receive, send)
        return sent

    assert asyncio.run(go()) == []


def test_httpx_peer_keeps_the_same_rules() -> None:
    async def go() -> None:
        peer = HttpxPeer(httpx.ASGITransport(echo))
        answer = await peer.request("POST", "https://bus.example/x", body=b"hello", limit=5)
        assert (answer.status, answer.body) == (200, b"hello")
        with pytest.raises(Unavailable, match="size"):
            await peer.request("POST", "https://bus.example/x", body=b"hello!", limit=5)
        with pytest.raises(Forbidden):
            await peer.request("GET", "http://bus.example/x")
        async with peer.stream("GET", "https://bus.example/x") as answer_stream:
            assert [chunk async for chunk in answer_stream.chunks] in ([], [b""])
        await peer.close()

    async def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async def down() -> None:
        peer = HttpxPeer(httpx.MockTransport(refused))
        with pytest.raises(Unavailable, match="ConnectError: refused"):
            await peer.request("GET", "https://bus.example/x")
        await peer.close()

    asyncio.run(go())
    asyncio.run(down())
