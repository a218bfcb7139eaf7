"""The network in one process: it streams, and it fails exactly as it is told."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from trustspace.core.errors import Unavailable
from trustspace.testing.network import DOUBLED, LOST, UNACKNOWLEDGED, Fault, Network

URL = "https://bus.example/dsp/a%E2%80%A2b?x=1"


class Counter:
    """Counts what arrives, and says so."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.target = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.target = f"{scope['raw_path'].decode()} {scope['path']} {request.headers['host']}"
        self.bodies.append(await request.body())
        await PlainTextResponse(f"arrived {len(self.bodies)}")(scope, receive, send)


def sent(fault: Fault | None, *, timeout: float = 10.0) -> tuple[str, int]:
    """What the caller saw and how often the application was reached."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    async def go() -> tuple[str, int]:
        app, network = Counter(), Network(faults=lambda *_: fault, sleep=sleep)
        network.attach("https://bus.example", app)
        try:
            answer = await network.peer().request("POST", URL, body=b"hi", timeout=timeout)
            seen = f"{answer.status} {answer.body.decode()}"
        except Unavailable as error:
            seen = error.what.split(":")[0]
        await network.settle()
        assert set(app.bodies) <= {b"hi"}
        return seen, len(app.bodies)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("fault", "seen", "arrived"),
    [
        (None, "200 arrived 1", 1),
        (LOST, "reset", 0),
        (UNACKNOWLEDGED, "reset", 1),
        (DOUBLED, "200 arrived 2", 2),
        (Fault(times=3, answered=False), "reset", 3),
        (Fault(delay=1.0), "200 arrived 1", 1),
        (Fault(delay=10.0), "time", 1),
        (Fault(truncate=3), "reset", 1),
        (Fault(status=503), "503 ", 1),
        (Fault(status=503, reaches=False), "503 ", 0),
    ],
)
def test_each_fault_has_its_effect_and_its_look(fault: Fault | None, seen: str, arrived: int) -> None:
    assert sent(fault) == (seen, arrived)


def test_requests_are_numbered_and_targets_are_exact() -> None:
    async def go() -> None:
        asked: list[tuple[int, str, str]] = []
        app = Counter()
        network = Network(faults=lambda *request: asked.append(request))
        network.attach("https://BUS.example:443/", app)
        peer = network.peer()
        await peer.request("GET", URL)
        await peer.request("POST", URL, body=b"x")
        assert asked == [(1, "GET", URL), (2, "POST", URL)]
        assert app.target == "/dsp/a%E2%80%A2b /dsp/a•b bus.example"

    asyncio.run(go())


def test_nobody_listens_or_no_longer() -> None:
    async def go() -> None:
        network = Network()
        network.attach("https://bus.example", Counter())
        network.detach("https://bus.example")
        with pytest.raises(Unavailable, match="nobody listens"):
            await network.peer().request("GET", URL)

    asyncio.run(go())


def test_bodies_stream_a_chunk_at_a_time_and_a_reader_may_leave() -> None:
    made: list[int] = []

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            made.append(1)
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})

    async def go() -> None:
        network = Network()
        network.attach("https://bus.example", endless)
        async with network.peer().stream("GET", URL) as answer:
            for _ in range(3):
                await anext(answer.chunks)
        assert len(made) < 8
        with pytest.raises(Unavailable, match="size"):
            await network.peer().request("GET", URL, limit=5000)

    asyncio.run(go())


def test_a_crash_of_the_application_looks_like_a_broken_connection_and_is_kept() -> None:
    async def crash(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("bug")

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    async def go() -> None:
        network = Network()
        network.attach("https://bus.example", crash)
        with pytest.raises(Unavailable, match="reset"):
            await network.peer().request("GET", URL)
        assert [type(error) for error in network.crashes] == [KeyError]
        network.attach("https://bus.example", silent)
        with pytest.raises(Unavailable, match="time"):
            await network.peer().request("GET", URL, timeout=0.05)

    asyncio.run(go())
