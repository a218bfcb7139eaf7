"""The peer transport over any httpx transport: for small in-process calls (`httpx.ASGITransport`) and for tests.

Between nodes use `AiohttpPeer`: httpx slows down with concurrency, and `ASGITransport` gathers whole bodies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import httpx

from trustspace.adapters.http.addresses import PlainHttp
from trustspace.adapters.http.failures import too_large
from trustspace.core.errors import Unavailable
from trustspace.core.origins import Origin, parse_origin
from trustspace.ports import Answer, Stream


class HttpxPeer:
    """`ports.Peer` over an httpx transport, under the same rules for URLs, redirects and sizes."""

    def __init__(self, transport: httpx.AsyncBaseTransport, *, plain: PlainHttp | None = None) -> None:
        self._plain = plain or PlainHttp()
        self._client = httpx.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, headers={"accept-encoding": "identity"}
        )

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
        """As `AiohttpPeer.request`."""
        origin = self._allowed(url)
        with _explained(origin):
            async with self._client.stream(method, url, content=body, headers=headers, timeout=timeout) as response:
                received = bytearray()
                async for chunk in response.aiter_raw():
                    received += chunk
                    if len(received) > limit:
                        raise too_large(origin, limit)
                return Answer(response.status_code, bytes(received), dict(response.headers))

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> AbstractAsyncContextManager[Stream]:
        """As `AiohttpPeer.stream`."""
        return self._stream(method, url, headers, timeout)

    @asynccontextmanager
    async def _stream(
        self, method: str, url: str, headers: Mapping[str, str] | None, timeout: float
    ) -> AsyncIterator[Stream]:
        origin = self._allowed(url)
        with _explained(origin):
            async with self._client.stream(method, url, headers=headers, timeout=timeout) as response:
                yield Stream(response.status_code, dict(response.headers), response.aiter_raw())

    async def close(self) -> None:
        """Close the client and its transport."""
        await self._client.aclose()

    def _allowed(self, url: str) -> Origin:
        origin = parse_origin(url)
        self._plain.check(origin)
        return origin


@contextmanager
def _explained(origin: Origin) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        text = f"{type(error).__name__}: {error}".rstrip(": ")
        raise Unavailable(text, where=str(origin), hint="is the node running?") from error
