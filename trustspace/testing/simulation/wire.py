"""The network of a simulation: every request has its fate, and nothing goes anywhere else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.types import Message

from trustspace.core.canon import canonical
from trustspace.core.errors import TrustspaceError, Unavailable
from trustspace.ports import Answer, Stream
from trustspace.testing.network import scope_of
from trustspace.testing.simulation.faults import REFUSED, Fate
from trustspace.testing.simulation.trace import short
from trustspace.testing.world import NODE

if TYPE_CHECKING:
    from trustspace.testing.simulation.nodes import Life, Node
    from trustspace.testing.simulation.space import Space

PROTOCOL: Final = re.compile(r"/dsp/2025-1/(negotiations|transfers)/")
LAGGING: Final = canonical({"code": "illegal-transition", "reason": ["this is not the state here"]})
"""What an instance of a peer says that does not know yet what another one has taken."""
CHUNK: Final = 64
"""Bytes of an answer that come at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was sent: by whom (the name of a node), and what."""

    number: int
    sender: str
    method: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of the URL."""
        return urlsplit(self.url).path

    @property
    def origin(self) -> str:
        """Scheme and authority of the URL."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it comes: `broken` after that much of its body, noticed."""

    answer: Answer
    broken: bool = False


class Wire:
    """Carries requests and answers between nodes; each may be lost, late, doubled, cut or replaced."""

    def __init__(self, space: Space) -> None:
        self._space, self.sent = space, 0
        self.flying = 0
        """Copies of requests on their way."""

    def peer(self, life: Life) -> WirePeer:
        """The way out for one life of a node."""
        return WirePeer(self, life)

    async def carry(self, life: Life, request: Request, timeout: float) -> Heard:
        """The answer to a request; `Unavailable` as its fate has it."""
        space, fate = self._space, self._space.plan.fate()
        space.watch.sent(request)
        answered: asyncio.Future[Heard] = space.loop.create_future()
        for number, delay in enumerate(fate.arrives):
            space.spawn(self._travel(request, delay, answered if number == 0 else None, fate))
        if not fate.arrives or fate.lost:
            space.spawn(self._alone(request, fate, answered))
        try:
            async with asyncio.timeout(timeout):
                heard = await answered
        except TimeoutError as error:
            raise Unavailable(f"time: no answer within {timeout:g} s", where=request.url) from error
        space.trace.event(f"{life.node.name} hears {heard.answer.status} to {request.number}")
        space.watch.heard(life.node, request, heard.answer)
        return heard

    def request(self, life: Life, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Request:
        """The next request of a node, counted."""
        self.sent += 1
        sent = Request(self.sent, life.node.name, method, url, body, dict(headers))
        self._space.trace.event(f"{life.node.name} sends {self.sent}: {method} {url} {short(body)}")
        return sent

    async def _alone(self, request: Request, fate: Fate, answered: asyncio.Future[Heard]) -> None:
        """What the sender hears without the peer: a reset, something in between, or nothing."""
        await asyncio.sleep(fate.back)
        if answered.done():
            return
        if fate.status is not None:
            answered.set_result(Heard(Answer(fate.status, b"<html></html>")))
        elif fate.reset:
            answered.set_exception(Unavailable("reset: the connection broke before an answer came", where=request.url))

    async def _travel(self, request: Request, delay: float, answered: asyncio.Future[Heard] | None, fate: Fate) -> None:
        """One copy of a request, there and back."""
        self.flying += 1
        try:
            await asyncio.sleep(delay)
            answer: Heard | TrustspaceError = _changed(request, await self._arrive(request), fate)
        except Unavailable as error:
            answer = error
        finally:
            self.flying -= 1
        if answered is None or fate.lost:
            return
        await asyncio.sleep(fate.back)
        if answered.done():
            return
        if isinstance(answer, Heard):
            answered.set_result(answer)
        else:
            answered.set_exception(answer)

    async def _arrive(self, request: Request) -> Answer:
        space = self._space
        if request.origin == NODE:
            space.trace.event(f"functional node gets {request.number}")
            return await space.functional(request)
        node = space.nodes.get(request.origin)
        life = node.life if node else None
        if node is None or life is None or not life.up:
            space.trace.event(f"nobody gets {request.number}")
            raise Unavailable("connect: nobody listens there", where=request.origin)
        space.trace.event(f"{node.name} gets {request.number}")
        space.watch.arrived(node, request)
        answer = await self._served(node, life, request)
        space.trace.event(f"{node.name} answers {answer.status} to {request.number} {short(answer.body)}")
        return answer

    async def _served(self, node: Node, life: Life, request: Request) -> Answer:
        """What the node's application says; `Unavailable` where it dies over it."""
        answered: asyncio.Future[Answer] = self._space.loop.create_future()
        life.spawn(self._serve(node, life, request, answered))
        return await answered

    async def _serve(self, node: Node, life: Life, request: Request, answered: asyncio.Future[Answer]) -> None:
        conversation = _Conversation(self._space, node, life, request, answered)
        try:
            await life.app(scope_of(request.method, request.url, request.body, request.headers), *conversation.ends)
        finally:
            if not answered.done():
                answered.set_exception(Unavailable("reset: the connection broke before an answer came"))


class _Conversation:
    """One request at an application: the ASGI side of it."""

    def __init__(
        self, space: Space, node: Node, life: Life, request: Request, answered: asyncio.Future[Answer]
    ) -> None:
        self._space, self._node, self._life, self._request, self._answered = space, node, life, request, answered
        self._body, self._status, self._read = bytearray(), 0, False
        self._headers: dict[str, str] = {}
        self.ends = (self._receive, self._send)

    async def _receive(self) -> Message:
        if self._read:
            await self._space.loop.create_future()  # nobody hangs up before the end
        self._read = True
        return {"type": "http.request", "body": self._request.body, "more_body": False}

    async def _send(self, message: Message) -> None:
        await self._life.step()
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False) and not self._answered.done():
            answer = Answer(self._status, bytes(self._body), self._headers)
            self._space.watch.answering(self._node, self._request, answer)
            self._answered.set_result(answer)


def _changed(request: Request, answer: Answer, fate: Fate) -> Heard:
    """The answer as something in between lets it through."""
    if fate.status == REFUSED:
        lags = request.method == "POST" and answer.status < REFUSED and PROTOCOL.search(request.path)
        return Heard(Answer(REFUSED, LAGGING) if lags else answer)
    if fate.status is not None:
        return Heard(Answer(fate.status, b"<html></html>"))
    if fate.cut is None:
        return Heard(answer)
    part = answer.body[: int(len(answer.body) * fate.cut)]
    return Heard(Answer(answer.status, part, answer.headers), broken=fate.broken)


class WirePeer:
    """`ports.Peer` for one life of a node."""

    def __init__(self, wire: Wire, life: Life) -> None:
        self._wire, self._life = wire, life

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
        """See `Peer.request`."""
        heard = await self._heard(method, url, body, headers or {}, timeout)
        if heard.broken:
            raise Unavailable("reset: the answer broke off before its end", where=url)
        if len(heard.answer.body) > limit:
            raise Unavailable(f"size: the answer is over {limit} bytes", where=url)
        return heard.answer

    async def _heard(self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Heard:
        await self._life.step()
        heard = await self._wire.carry(self._life, self._wire.request(self._life, method, url, body, headers), timeout)
        await self._life.step()
        return heard

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> AbstractAsyncContextManager[Stream]:
        """See `Peer.stream`."""
        return self._stream(method, url, headers or {}, timeout)

    @asynccontextmanager
    async def _stream(self, method: str, url: str, headers: Mapping[str, str], timeout: float) -> AsyncIterator[Stream]:
        heard = await self._heard(method, url, b"", headers, timeout)
        yield Stream(heard.answer.status, heard.answer.headers, _chunks(heard, url))

    async def close(self) -> None:
        """Nothing is held."""


async def _chunks(heard: Heard, url: str) -> AsyncIterator[bytes]:
    body = heard.answer.body
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]
    if heard.broken:
        raise Unavailable("reset: the answer broke off before its end", where=url)
