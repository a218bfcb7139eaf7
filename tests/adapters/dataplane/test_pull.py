"""Pulling over a network that breaks, from providers that say no, and from some that lie."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import uvloop
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from trustspace.adapters.dataplane.files import FileSource
from trustspace.adapters.dataplane.pull import pull
from trustspace.adapters.dataplane.ranges import respond
from trustspace.adapters.dataplane.sink import FileSink
from trustspace.adapters.http import tls
from trustspace.adapters.http.addresses import AddressPolicy
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.core.errors import NotVerified, Refused, StorageFull, Unavailable
from trustspace.node.serving import Listener, serve
from trustspace.ports import Content, Stream
from trustspace.testing.network import LOST, Fault, Network

URL = "https://bus.example/data/1"
DATA = os.urandom(300_000)
CONTENT = Content(hashlib.sha256(DATA).hexdigest(), len(DATA), "application/zip", "feed.zip")


class Provider:
    """Serves DATA with ranges, 10,000 bytes a chunk; remembers what was asked."""

    def __init__(self, content: Content = CONTENT, data: bytes = DATA) -> None:
        self.content, self.data = content, data
        self.asked: list[Mapping[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        self.asked.append(dict(request.headers))
        part = respond(self.content, request.headers.get("range"), request.headers.get("if-range"))

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(part.start, part.stop, 10_000):
                yield self.data[start : min(start + 10_000, part.stop)]

        await StreamingResponse(chunks(), part.status, part.headers)(scope, receive, send)


async def no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def pulled(
    app: ASGIApp, target: Path, *faults: Fault | None, retries: int = 3, content: Content = CONTENT
) -> list[int]:
    seen: list[int] = []

    async def go() -> None:
        network = Network(faults=lambda number, *_: faults[number - 1] if number <= len(faults) else None)
        network.attach("https://bus.example", app)
        sink = FileSink(target)
        path = await pull(network.peer(), URL, content, sink, retries=retries, progress=seen.append, sleep=no_sleep)
        assert path == target

    asyncio.run(go())
    return seen


def test_the_whole_at_once(tmp_path: Path) -> None:
    seen = pulled(Provider(), tmp_path / "feed.zip")
    assert (tmp_path / "feed.zip").read_bytes() == DATA
    assert seen == sorted(seen)
    assert seen[-1] == len(DATA)


def test_empty_content(tmp_path: Path) -> None:
    empty = Content(hashlib.sha256().hexdigest(), 0, "text/plain", "x")
    pulled(Provider(empty, b""), tmp_path / "x", content=empty)
    assert (tmp_path / "x").read_bytes() == b""


def test_it_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    provider = Provider()
    broken = [Fault(truncate=size) for size in (0, 1, 9_999, 10_000, 77_777)]
    pulled(provider, tmp_path / "feed.zip", LOST, *broken, Fault(status=503))
    assert (tmp_path / "feed.zip").read_bytes() == DATA
    begun = 1 + 9_999 + 10_000 + 77_777
    assert provider.asked[-1]["range"] == f"bytes={begun}-"
    assert provider.asked[-1]["if-range"] == f'"{CONTENT.digest}"'


def test_it_gives_up_after_so_many_attempts_without_a_byte(tmp_path: Path) -> None:
    provider = Provider()
    with pytest.raises(Unavailable):
        pulled(provider, tmp_path / "x", Fault(truncate=5), *[Fault(truncate=0)] * 3, retries=2)
    assert len(provider.asked) == 3
    assert pulled(provider, tmp_path / "x")[0] > 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"reason": "已用完 10 次"}, "已用完 10 次"),
        ({"code": "x", "reason": ["count", "purpose"]}, "count; purpose"),
        ({"message": "expired"}, "expired"),
        ({}, "the provider answered"),
    ],
)
def test_a_refusal_is_final_and_in_the_providers_words(
    tmp_path: Path, status: int, body: dict[str, object], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        pulled(JSONResponse(body, status), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_that_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="answered 403"):
        pulled(Response(b"<html>" * 50_000, 403), tmp_path / "x")


def test_a_provider_that_changed_the_content(tmp_path: Path) -> None:
    other = Content("ff" * 32, len(DATA), "application/zip", "feed.zip")
    with pytest.raises(NotVerified, match="other content"):
        pulled(Provider(other), tmp_path / "x")


def test_a_provider_that_lies_about_the_content(tmp_path: Path) -> None:
    with pytest.raises(NotVerified, match="SHA-256"):
        pulled(Provider(data=bytes(len(DATA))), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_provider_that_sends_another_part(tmp_path: Path) -> None:
    async def wrong(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"content-range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}"}
        status = 206 if b"range" in dict(scope["headers"]) else 200
        await Response(DATA, status, headers)(scope, receive, send)

    with pytest.raises(NotVerified, match="another part"):
        pulled(wrong, tmp_path / "x", Fault(truncate=5))


def test_a_provider_without_ranges_starts_again(tmp_path: Path) -> None:
    pulled(Response(DATA), tmp_path / "x", Fault(truncate=5))
    assert (tmp_path / "x").read_bytes() == DATA


def test_each_attempt_has_fresh_headers_and_each_answer_is_checked(tmp_path: Path) -> None:
    provider, tokens, statuses = Provider(), iter("abc"), list[int]()

    def fresh() -> Mapping[str, str]:
        return {"authorization": next(tokens)}

    def check(answer: Stream) -> None:
        statuses.append(answer.status)

    async def go() -> None:
        network = Network(faults=lambda number, *_: Fault(truncate=5) if number == 1 else None)
        network.attach("https://bus.example", provider)
        sink = FileSink(tmp_path / "x")
        await pull(network.peer(), URL, CONTENT, sink, headers=fresh, check=check, sleep=no_sleep)

    asyncio.run(go())
    assert [asked["authorization"] for asked in provider.asked] == ["a", "b"]
    assert statuses == [200, 206]


def test_a_full_disk_is_not_tried_again(tmp_path: Path) -> None:
    class Full(FileSink):
        async def write(self, content: Content, start: int, chunks: AsyncIterator[bytes]) -> None:
            raise StorageFull("the disk has no room", where=f"{content.name} at {start} of {chunks}")

    async def go() -> None:
        network, provider = Network(), Provider()
        network.attach("https://bus.example", provider)
        with pytest.raises(StorageFull):
            await pull(network.peer(), URL, CONTENT, Full(tmp_path / "x"))
        assert len(provider.asked) == 1

    asyncio.run(go())


def test_over_real_sockets_a_stream_that_is_cut_goes_on(tmp_path: Path) -> None:
    data = os.urandom(9 << 20)
    (tmp_path / "feed.zip").write_bytes(data)
    source, cuts = FileSource(tmp_path), [3, 5]

    async def cutting(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = cuts.pop() if cuts else 100
        async for chunk in chunks:
            if left == 0:
                raise ConnectionAbortedError("cut")
            left -= 1
            yield chunk

    async def go() -> None:
        content = await source.describe("feed.zip")

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            headers = Request(scope).headers
            part = respond(content, headers.get("range"), headers.get("if-range"))
            chunks = cutting(source.read("feed.zip", content, start=part.start, stop=part.stop))
            try:
                await StreamingResponse(chunks, part.status, part.headers)(scope, receive, send)
            except ConnectionAbortedError:
                return

        async with serve([Listener(app)], grace=1) as (bound,):
            peer = AiohttpPeer(tls.client_context(b""), policy=AddressPolicy(loopback=True))
            path = await pull(peer, bound.url + "/x", content, FileSink(tmp_path / "copy"), sleep=no_sleep)
            assert path.read_bytes() == data
            await peer.close()
        assert cuts == []

    uvloop.run(go())
