"""What a server takes of a caller: a bounded body within a bounded time, read whole before the application runs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trustspace.core.errors import Busy, Crowded, TooLarge, TooSlow, TrustspaceError

MAX_BODY: Final = 1 << 20
SECONDS: Final = 10.0
MOST: Final = 4096
MEMORY: Final = 64 << 20
CROWDED_SECONDS: Final = 2.0
"""After how many seconds one who was refused at the door may come again."""
Refuse = Callable[[Scope, TrustspaceError], bytes]
"""The body of a refusal in the form of the path that was called."""


class _GoneError(Exception):
    pass


def plain(_: Scope, error: TrustspaceError) -> bytes:
    """The body of a refusal where no protocol prescribes one."""
    return orjson.dumps({"code": error.code, "message": error.what})


@dataclass(slots=True)
class _Door:
    """How many requests are inside, and how many bytes of bodies wait for their end."""

    inside: int = 0
    waiting: int = 0


def bounded(
    app: ASGIApp,
    *,
    max_body: int = MAX_BODY,
    seconds: float = SECONDS,
    most: int = MOST,
    memory: int = MEMORY,
    refusal: Refuse = plain,
) -> ASGIApp:
    """`app` behind limits: a body over `max_body` bytes is answered 413, one slower than `seconds` 408.

    Beyond `most` requests at a time, or `memory` bytes of bodies that are not whole yet, it is 503 with `Retry-After`.
    `refusal` writes the bodies of these answers. The application finds the whole body in its first `http.request`.
    """
    door = _Door()

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        door.inside += 1
        try:
            if door.inside > most:
                raise crowded()
            if _has_body(scope):
                async with asyncio.timeout(seconds):
                    body = await _whole(scope, receive, max_body, door, memory)
                receive = _replay(body, receive)
        except (TooLarge, Busy) as error:
            return await refuse(send, error, refusal(scope, error))
        except TimeoutError:
            slow = TooSlow(f"the body did not arrive within {seconds:g} s", where="body")
            return await refuse(send, slow, refusal(scope, slow))
        except _GoneError:
            return None
        else:
            return await app(scope, receive, send)
        finally:
            door.inside -= 1

    return limited


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


async def _whole(scope: Scope, receive: Receive, max_body: int, door: _Door, memory: int) -> bytes:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced[:20]) > max_body:
        raise _too_large(max_body)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):  # nearly every body: no counting
        body: bytes = message.get("body", b"")
        _short(body, max_body)
        return body
    return await _pieces(message, receive, max_body, door, memory)


async def _pieces(message: Message, receive: Receive, max_body: int, door: _Door, memory: int) -> bytes:
    """A body that comes in pieces; what is held of it meanwhile counts."""
    received = bytearray()
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise _GoneError
            piece = message.get("body", b"")
            received += piece
            door.waiting += len(piece)
            _short(received, max_body)
            if not message.get("more_body", False):
                return bytes(received)
            if door.waiting > memory:
                raise crowded()
            message = await receive()
    finally:
        door.waiting -= len(received)


def _short(body: bytes | bytearray, max_body: int) -> None:
    if len(body) > max_body:
        raise _too_large(max_body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever the server has to say (a disconnect)."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _too_large(max_body: int) -> TooLarge:
    return TooLarge(f"the body is over {max_body} bytes", where="body")


def crowded() -> Crowded:
    """Too many are inside; not the fault of the one who is refused."""
    return Crowded("this node has too much to do just now", retry_after=CROWDED_SECONDS, hint="come again in a moment")


async def refuse(send: Send, error: TrustspaceError, body: bytes) -> None:
    """Answer and hang up: the rest of that request is not read."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.encode(), text.encode()) for name, text in retry_after(error).items()),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def retry_after(error: TrustspaceError) -> dict[str, str]:
    """The header that says when to come again (RFC 9110, 10.2.3), where the error knows it."""
    return {"retry-after": str(math.ceil(error.retry_after))} if isinstance(error, Busy) else {}
