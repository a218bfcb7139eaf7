"""What a server takes of a caller: a bounded body within a bounded time, read whole before the application runs."""

from __future__ import annotations

import asyncio
from typing import Final

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 1 << 20
SECONDS: Final = 10.0
_TOO_LARGE: Final = (413, "too-large", "the body is over {max_body} bytes")
_TOO_SLOW: Final = (408, "too-slow", "the body did not arrive within {seconds:g} s")


class _TooLargeError(Exception):
    pass


class _GoneError(Exception):
    pass


def bounded(app: ASGIApp, *, max_body: int = MAX_BODY, seconds: float = SECONDS) -> ASGIApp:
    """`app` behind limits: a body over `max_body` bytes is answered 413, one slower than `seconds` 408.

    The application then finds the whole body in its first `http.request`. Requests without one pass straight through.
    """

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            return await app(scope, receive, send)
        try:
            async with asyncio.timeout(seconds):
                body = await _whole(scope, receive, max_body)
        except _TooLargeError:
            return await _refuse(send, *_TOO_LARGE, max_body=max_body)
        except TimeoutError:
            return await _refuse(send, *_TOO_SLOW, seconds=seconds)
        except _GoneError:
            return None
        return await app(scope, _replay(body, receive), send)

    return limited


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


async def _whole(scope: Scope, receive: Receive, max_body: int) -> bytes:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced[:20]) > max_body:
        raise _TooLargeError
    received = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        received += message.get("body", b"")
        if len(received) > max_body:
            raise _TooLargeError
        if not message.get("more_body", False):
            return bytes(received)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever the server has to say (a disconnect)."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


async def _refuse(send: Send, status: int, code: str, text: str, **values: float) -> None:
    """Answer and hang up: the rest of that body is not read."""
    body = orjson.dumps({"code": code, "message": text.format(**values)})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
