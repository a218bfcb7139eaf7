"""A network in one process: ASGI applications under origins, and a peer transport that streams and can be made to fail.

    network = Network(faults=lambda number, method, url: LOST if number == 3 else None)
    network.attach("https://bus.example", app)
    peer = network.peer()

Requests are numbered from 1 in the order in which they are sent, so that a run can be repeated exactly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Scope

from trustspace.core.errors import Unavailable
from trustspace.core.origins import parse_origin
from trustspace.ports import Answer, Clock, Stream


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request on its way: whether it arrives and is answered, how often, how late, how whole."""

    reaches: bool = True
    """The request arrives (False: it is lost, and has no effect)."""
    answered: bool = True
    """The answer comes back (False: it is lost, and the effect stays)."""
    times: int = 1
    """How often the request arrives; the last answer counts."""
    delay: float = 0.0
    """Seconds before it arrives; at least the caller's timeout: the caller gives up, and it arrives all the same."""
    truncate: int | None = None
    """The connection breaks after so many bytes of the answer's body."""
    status: int | None = None
    """Something between answers with this status in the peer's place,"""
    body: bytes = b""
    """and with this body."""


LOST: Final = Fault(reaches=False)
UNACKNOWLEDGED: Final = Fault(answered=False)
DOUBLED: Final = Fault(times=2)
_NONE: Final = Fault()

Faults = Callable[[int, str, str], Fault | None]


class Network:
    """Who answers under which origin. `sleep` serves delays, so that a fake clock can."""

    def __init__(
        self, *, faults: Faults | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.faults, self.sleep = faults, sleep
        self._apps: dict[str, ASGIApp] = {}
        self._clocks: dict[str, Clock] = {}
        self._late: set[asyncio.Task[None]] = set()
        self.crashes: list[Exception] = []
        """What the applications raised; their callers see a broken connection, as over a real one."""
        self.sent = 0

    def attach(self, origin: str, app: ASGIApp, clock: Clock | None = None) -> None:
        """Let `app` answer under this origin, in place of any before; its answers are dated by its clock, if any."""
        name = str(parse_origin(origin))
        self._apps[name] = app
        if clock is not None:
            self._clocks[name] = clock

    def detach(self, origin: str) -> None:
        """Nobody answers there any more: connections are refused."""
        self._apps.pop(str(parse_origin(origin)), None)

    def peer(self) -> NetworkPeer:
        """A `ports.Peer` onto this network."""
        return NetworkPeer(self)

    async def settle(self) -> None:
        """Wait until every late request has arrived."""
        while self._late:
            await asyncio.gather(*self._late)

    def fault(self, method: str, url: str) -> Fault:
        """What happens to the request that is being sent; counts it."""
        self.sent += 1
        return (self.faults and self.faults(self.sent, method, url)) or _NONE

    def app(self, url: str) -> ASGIApp:
        """Who answers there; `Unavailable` where nobody does."""
        origin = str(parse_origin(url))
        if origin not in self._apps:
            raise Unavailable("connect: nobody listens there", where=origin)
        return self._apps[origin]

    def date(self, url: str) -> dict[str, str]:
        """The `Date` header of an answer from there."""
        clock = self._clocks.get(str(parse_origin(url)))
        return {"date": format_datetime(clock.now(), usegmt=True)} if clock else {}

    def deliver_late(self, exchange: Callable[[], Awaitable[None]], delay: float) -> None:
        """Deliver after `delay` seconds, with nobody waiting for the answer."""

        async def later() -> None:
            await self.sleep(delay)
            with suppress(Unavailable):
                await exchange()

        self.leave_running(asyncio.create_task(later()))

    def leave_running(self, task: asyncio.Task[None]) -> None:
        """Let it run on its own until it is done; `settle` waits for it."""
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class NetworkPeer:
    """`ports.Peer` over a `Network`."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        limit: int = 1 << 20,
    ) -> Answer:
        """Send and gather the answer; `Unavailable` as the faults have it."""
        received = bytearray()
        async with self._stream(method, url, body, headers or {}, timeout) as answer:
            async for chunk in answer.chunks:
                received += chunk
                if len(received) > limit:
                    raise Unavailable(f"size: the answer is over {limit} bytes", where=url)
        return Answer(answer.status, bytes(received), answer.headers)

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> AbstractAsyncContextManager[Stream]:
        """Send and hand over the body as the application sends it, a chunk at a time."""
        return self._stream(method, url, b"", headers or {}, timeout)

    async def close(self) -> None:
        """Nothing is held."""

    @asynccontextmanager
    async def _stream(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> AsyncIterator[Stream]:
        scope = scope_of(method, url, body, headers)
        fault = self._network.fault(method, url)

        async def swallowed() -> None:
            await _swallow(self._network, url, scope, body)

        if fault.delay >= timeout:
            self._network.deliver_late(swallowed, fault.delay)
            await self._network.sleep(timeout)
            raise Unavailable(f"time: no answer within {timeout:g} s", where=url)
        if fault.delay:
            await self._network.sleep(fault.delay)
        if fault.reaches:
            for _ in range(fault.times - 1 if fault.answered and fault.status is None else fault.times):
                await swallowed()
        if fault.status is not None:
            yield Stream(fault.status, {}, _only(fault.body))
            return
        if not fault.reaches or not fault.answered:
            raise Unavailable("reset: the connection broke before an answer came", where=url)
        exchange = _Exchange(self._network, url, scope, body)
        try:
            yield await exchange.answer(timeout, fault.truncate)
        finally:
            await exchange.hang_up()


class _Exchange:
    """One request at an application: it runs as a task, one message ahead of its reader."""

    def __init__(self, network: Network, url: str, scope: Scope, body: bytes) -> None:
        self._url, self._network = url, network
        self._begun, self._answered = False, False
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue(1)
        self._gone = asyncio.Event()
        self._request: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._task = asyncio.create_task(self._run(network.app(url), dict(scope)))

    async def answer(self, timeout: float, truncate: int | None) -> Stream:
        """Status and headers, and the body to come."""
        head = await self._next(timeout)
        if head is None:
            raise Unavailable("reset: the peer closed the connection without an answer", where=self._url)
        headers = self._network.date(self._url)
        headers |= {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head["headers"]}
        return Stream(head["status"], headers, self._body(timeout, truncate))

    async def hang_up(self) -> None:
        """The reader leaves; an application that is still sending is stopped, what it does before or after goes on."""
        self._gone.set()
        while not self._messages.empty():  # whoever waits to send its last message goes on
            self._messages.get_nowait()
        if self._answered or not self._begun:
            self._network.leave_running(self._task)
            return
        if not self._task.done():
            self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:  # an application's bug is not the network's: it is kept for whoever looks
            self._network.crashes.append(error)
        finally:
            if not self._gone.is_set():
                await self._messages.put(None)

    async def _send(self, message: Message) -> None:
        self._begun = True
        if self._gone.is_set():
            return
        self._answered = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._messages.put(message)

    async def _receive(self) -> Message:
        if self._request:
            return self._request.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _next(self, timeout: float) -> Message | None:
        try:
            async with asyncio.timeout(timeout):
                return await self._messages.get()
        except TimeoutError as error:
            raise Unavailable(f"time: no answer within {timeout:g} s", where=self._url) from error

    async def _body(self, timeout: float, truncate: int | None) -> AsyncIterator[bytes]:
        left = truncate
        while message := await self._next(timeout):
            chunk: bytes = message.get("body", b"")[:left]
            left = None if left is None else left - len(chunk)
            if chunk:
                yield chunk
            if left == 0:
                raise Unavailable("reset: the answer broke off before its end", where=self._url)
            if not message.get("more_body", False):
                return
        raise Unavailable("reset: the answer broke off before its end", where=self._url)


async def _swallow(network: Network, url: str, scope: Scope, body: bytes) -> None:
    """Let the request have its whole effect, and lose the answer."""
    exchange = _Exchange(network, url, scope, body)
    try:
        answer = await exchange.answer(60.0, None)
        async for _ in answer.chunks:
            pass
    finally:
        await exchange.hang_up()


async def _only(body: bytes) -> AsyncIterator[bytes]:
    yield body


def scope_of(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Scope:
    """A request as an ASGI application sees it."""
    origin, parts = parse_origin(url), urlsplit(url)
    path = parts.path or "/"
    sent = {"host": parts.netloc, **({"content-length": str(len(body))} if body else {})}
    sent |= {name.lower(): value for name, value in headers.items()}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": origin.scheme,
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
        "client": ("in-process", 0),
        "server": (origin.host, origin.port),
    }
