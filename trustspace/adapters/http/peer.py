"""The way to other nodes over aiohttp: one session, a pool of kept connections for each peer, every answer bounded."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from trustspace.adapters.http.addresses import AddressPolicy, Lookup, PlainHttp, system_lookup
from trustspace.adapters.http.failures import explained, too_large
from trustspace.core.errors import Forbidden
from trustspace.core.origins import Origin, parse_origin
from trustspace.ports import Answer, Stream

IDLE_SECONDS: Final = 60.0
"""How long an unused connection is kept; a TLS handshake costs as much as nine kept requests."""
_READ_BUFFER: Final = 1 << 18
"""aiohttp pauses the socket at twice this; measured fastest for bulk streams between 64 KiB and 1 MiB."""
MOST_KNOWN: Final = 1024
"""How many origins are remembered as allowed."""
_PATH: Final = re.compile('/[!"$-~]*')
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "trustspace"}


class GuardedResolver(AbstractResolver):
    """Resolves a name once, refuses it if one address is not allowed, and has aiohttp connect to what was checked."""

    def __init__(self, policy: AddressPolicy, lookup: Lookup) -> None:
        self._policy, self._lookup = policy, lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`; raises `Forbidden`, or OSError where there are none."""
        addresses = [
            text for text in await self._lookup(host, port) if _family(text) in (family, family or _family(text))
        ]
        if not addresses:
            raise OSError(f"{host} has no address")
        self._policy.check(host, addresses)
        if Origin("http", host, port).loopback:
            _check_localhost(host, addresses)
        return [_result(host, text, port) for text in addresses]

    async def close(self) -> None:
        """Nothing is held."""


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _check_localhost(host: str, addresses: list[str]) -> None:
    """`localhost` is let through in the clear, so that it must not be anything else (RFC 6761, 6.3)."""
    if not all(Origin("http", text, 80).loopback for text in addresses):
        raise Forbidden(f"{host} is not a loopback address here", where=host, hint="mend the host's name table")


def _result(host: str, address: str, port: int) -> ResolveResult:
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=_family(address), proto=0, flags=flags)


class AiohttpPeer:
    """`ports.Peer` over aiohttp.

    `tls` says whom we trust (see `tls.client_context`), `policy` where packets may go, `plain` who may be called
    without TLS. Redirects are answers like any other and are never followed; proxies and cookies are not used.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        *,
        policy: AddressPolicy | None = None,
        plain: PlainHttp | None = None,
        lookup: Lookup = system_lookup,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._tls, self._idle, self._lookup = tls, idle, lookup
        self._policy, self._plain = policy or AddressPolicy(), plain or PlainHttp()
        self._open: aiohttp.ClientSession | None = None
        self._known: dict[str, Origin] = {}

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
        """Send and read the whole answer of at most `limit` bytes within `timeout` seconds.

        Raises `Unavailable` naming the step that failed, `Forbidden` where this node may not call there, and
        `InvalidInput` where the URL is malformed; the latter two before anything is sent.
        """
        origin = self._allowed(url)
        limits = aiohttp.ClientTimeout(total=timeout)
        with explained(origin, timeout):
            async with self._send(method, url, body, headers, limits) as response:
                received = await _whole(response, origin, limit)
                return Answer(response.status, received, _lower(response))

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> AbstractAsyncContextManager[Stream]:
        """Send, and hand over the body as it comes; `timeout` bounds each silence. Raises as `request` does."""
        return self._stream(method, url, headers, timeout)

    @asynccontextmanager
    async def _stream(
        self, method: str, url: str, headers: Mapping[str, str] | None, timeout: float
    ) -> AsyncIterator[Stream]:
        origin = self._allowed(url)
        limits = aiohttp.ClientTimeout(total=None, connect=timeout, sock_read=timeout)
        sending = self._send(method, url, b"", headers, limits)
        with explained(origin, timeout):
            response = await sending.__aenter__()
        try:
            yield Stream(response.status, _lower(response), _chunks(response, origin, timeout))
        finally:
            response.close() if not response.content.at_eof() else response.release()

    async def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        session, self._open = self._open, None
        if session is not None:
            await session.close()

    def _allowed(self, url: str) -> Origin:
        """The origin of a URL that may be called; a name's addresses are checked when it is resolved.

        What stands before the path is judged once; the rest has nothing to say about where the request goes.
        """
        path = url.find("/", len("https://"))
        if path < 0 or not _PATH.fullmatch(url, path):
            return self._judged(url)
        known = self._known.get(url[:path])
        if known is None:
            known = self._judged(url[:path])
            if len(self._known) < MOST_KNOWN:
                self._known[url[:path]] = known
        return known

    def _judged(self, url: str) -> Origin:
        origin = parse_origin(url)
        self._plain.check(origin)
        if origin.address is not None:
            self._policy.check(origin.host, [origin.host])
        return origin

    def _send(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None,
        limits: aiohttp.ClientTimeout,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The URL goes out exactly as given: what the caller signed is what the peer sees."""
        target = URL(url, encoded=True)
        session = self._session()
        return session.request(
            method, target, data=body or None, headers=headers, timeout=limits, allow_redirects=False
        )

    def _session(self) -> aiohttp.ClientSession:
        """The session, made when it is first needed: it belongs to the running loop."""
        if self._open is None or self._open.closed:
            connector = aiohttp.TCPConnector(
                ssl=self._tls,
                resolver=GuardedResolver(self._policy, self._lookup),
                keepalive_timeout=self._idle,
                limit=0,
                limit_per_host=128,
            )
            self._open = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers=_HEADERS,
                read_bufsize=_READ_BUFFER,
                max_field_size=32_768,
            )
        return self._open


async def _whole(response: aiohttp.ClientResponse, origin: Origin, limit: int) -> bytes:
    """The body, if it is within the limit; read no further than that."""
    if (response.content_length or 0) > limit:
        raise too_large(origin, limit)
    if response.content_length is not None:
        return await response.read()
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > limit:
            raise too_large(origin, limit)
    return bytes(received)


async def _chunks(response: aiohttp.ClientResponse, origin: Origin, timeout: float) -> AsyncIterator[bytes]:
    with explained(origin, timeout):
        async for chunk in response.content.iter_any():
            yield chunk


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    """The headers with names in lower case; values of one name are joined as RFC 9110, 5.2 says."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    return headers
