"""ASGI applications on listeners, inside whatever loop is running: a server process, a library call, a test.

uvicorn does the HTTP (httptools; uvloop where the caller's loop is one). It installs no signal handlers here, and an
application's lifespan is not run: what a node needs is opened before it listens and closed after.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import anyio
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trustspace.core.errors import MisusedError, Unavailable

KEEP_ALIVE: Final = 75
"""Seconds an idle connection is kept: longer than a peer keeps it, so that no request crosses with our closing."""
HEADER_SECONDS: Final = 10.0
HEADER_BYTES: Final = 1 << 16
STALL_SECONDS: Final = 60.0
SPARE: Final = 256
"""File descriptors that are left for everything but connections."""
LOOK: Final = 256
"""Among how many of the quietest connections an idle one is looked for."""
GRACE: Final = 5
"""Seconds that running answers are given when the server stops."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An application and where it is heard; port 0 takes any free one.

    At most `limit` connections at a time: beyond, the one that has been idle longest makes room. A caller has
    `head_seconds` to say what it wants, and is cut off where it takes nothing of its answer for `stall_seconds`.
    """

    app: ASGIApp
    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    limit: int = 4096
    head_seconds: float = HEADER_SECONDS
    stall_seconds: float = STALL_SECONDS


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a listener is really heard."""

    host: str
    port: int
    scheme: str

    @property
    def url(self) -> str:
        """The address as an origin, `https://127.0.0.1:8443`."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@asynccontextmanager
async def serve(listeners: Sequence[Listener], *, grace: int = GRACE) -> AsyncIterator[tuple[Bound, ...]]:
    """Serve until the block is left; gives the bound addresses, in the order of the listeners.

    All ports are bound before anything is served. On leaving, idle connections are closed at once and running answers
    have `grace` seconds. Raises `Unavailable` where an address is taken, `MisusedError` where it cannot be ours.
    """
    room = _make_room(sum(listener.limit for listener in listeners))
    listeners = [replace(listener, limit=max(1, int(listener.limit * room))) for listener in listeners]
    sockets = _bind_all(listeners)
    servers = [_Server(listener, grace) for listener in listeners]
    tasks = [asyncio.create_task(server.serve([sock])) for server, sock in zip(servers, sockets, strict=True)]
    try:
        await _all_started(servers, tasks)
        yield tuple(_bound(listener, sock) for listener, sock in zip(listeners, sockets, strict=True))
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.gather(*(server.stop(task) for server, task in zip(servers, tasks, strict=True)))


def _make_room(wanted: int) -> float:
    """Raise the process's limit of open files as far as the system lets us; which part of what is wanted there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE
    if soft < needed:
        soft = min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(1.0, max(0.0, (soft - SPARE) / wanted))


async def _all_started(servers: Sequence[_Server], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until every server accepts; one that fails to start is raised here."""
    for server, task in zip(servers, tasks, strict=True):
        waiting = asyncio.ensure_future(server.accepting.wait())
        await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()


def _bind_all(listeners: Sequence[Listener]) -> list[socket.socket]:
    """A bound socket for each, or none at all."""
    sockets: list[socket.socket] = []
    try:
        sockets.extend(_bind(listener.host, listener.port) for listener in listeners)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:  # the resolver would take it modulo 65,536
        raise MisusedError("a port is a number up to 65535", where=f"{host}:{port}")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
    except OSError as error:
        raise MisusedError(f"not an address to listen on: {error}", where=f"{host}:{port}") from error
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)  # here and not later: two sockets may share a port until one of them listens
    except OSError as error:
        sock.close()
        raise _not_bound(error, f"{host}:{port}") from error
    return sock


def _not_bound(error: OSError, where: str) -> Unavailable | MisusedError:
    if error.errno == errno.EADDRINUSE:
        hint = "stop the program that listens there (`ss -ltnp`), or set another port"
        return Unavailable("the port is in use", where=where, hint=hint)
    hint = "choose a port from 1024 up" if error.errno == errno.EACCES else "choose an address of this machine"
    return MisusedError(f"cannot listen there: {error.strerror}", where=where, hint=hint)


def _bound(listener: Listener, sock: socket.socket) -> Bound:
    host, port = sock.getsockname()[:2]
    return Bound(host, port, "https" if listener.tls is not None else "http")


class _Server(uvicorn.Server):
    """uvicorn inside somebody's loop: leaves signals alone, and waits for its end instead of polling for it."""

    def __init__(self, listener: Listener, grace: int) -> None:
        super().__init__(_config(listener, grace))
        self.accepting, self._stopping = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    async def main_loop(self) -> None:
        """Renew the date header each second until told to stop."""
        while not await self.on_tick(0):
            try:
                async with asyncio.timeout(1.0):
                    await self._stopping.wait()
            except TimeoutError:
                continue
            self.should_exit = True

    async def stop(self, task: asyncio.Task[None]) -> None:
        self._stopping.set()
        await asyncio.wait((task,))
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # answers that outlived the grace; uvicorn cancels their tasks only
        if not task.cancelled():
            task.result()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _config(listener: Listener, grace: int) -> uvicorn.Config:
    config = uvicorn.Config(
        listener.app,
        loop="none",  # the running one
        http=_protocol(listener),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # what a caller says about its address is not believed
        server_header=False,
        date_header=True,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=grace,
    )
    config.load()
    config.ssl = listener.tls
    return config


class _Protocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with a deadline and a size limit for the request's head, which it does not have itself."""

    head_seconds, stall_seconds = HEADER_SECONDS, STALL_SECONDS
    crowd: _Crowd
    _stall_timer: asyncio.TimerHandle | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True  # a new connection owes us a head

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch_head(0)
        self.crowd.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_head = False
        self._watch_head(0)
        self.resume_writing()
        self.crowd.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head(len(data))

    def pause_writing(self) -> None:
        """The caller takes nothing for now."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    @property
    def idle(self) -> bool:
        """Whether no answer is under way."""
        return self.cycle is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head, self._head_bytes = False, 0
        self.crowd.touch(self)

    def _watch_head(self, received: int) -> None:
        """Run the timer while a head is incomplete; nearly every head is complete in one piece and needs none."""
        if self._in_head:
            self._head_bytes += received
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(self.head_seconds, self.transport.abort)
            if self._head_bytes > HEADER_BYTES:
                self.transport.abort()
        elif self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _Crowd:
    """The connections of a listener, the one that was quiet longest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._order: OrderedDict[_Protocol, None] = OrderedDict()

    def enter(self, one: _Protocol) -> None:
        """One more; beyond the limit an idle one makes room, and the new one itself where nobody is idle."""
        self._order[one] = None
        if len(self._order) > self._limit:
            oldest = next((other for other in islice(self._order, LOOK) if other.idle), one)
            self._order.pop(oldest)
            oldest.transport.abort()

    def leave(self, one: _Protocol) -> None:
        """It is gone."""
        self._order.pop(one, None)

    def touch(self, one: _Protocol) -> None:
        """It has asked for something just now."""
        if one in self._order:
            self._order.move_to_end(one)


def _protocol(listener: Listener) -> type[_Protocol]:
    """uvicorn takes a class and makes its objects itself, so that what they share are attributes of the class."""
    shared = {
        "head_seconds": listener.head_seconds,
        "stall_seconds": listener.stall_seconds,
        "crowd": _Crowd(listener.limit),
    }
    return type("Protocol", (_Protocol,), shared)
