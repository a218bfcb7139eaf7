"""did:web documents over a peer transport: https, no redirects, 64 KiB, five seconds, one fetch at a time per DID."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from trustspace.adapters.http.addresses import PlainHttp
from trustspace.core.errors import NotFound, TrustspaceError, Unavailable
from trustspace.core.origins import parse_origin
from trustspace.ports import Peer

LIMIT: Final = 1 << 16
TIMEOUT: Final = 5.0
_GONE: Final = (404, 410)


class UrlFromDid(Protocol):
    """How a did:web becomes the URL of its document: `trustspace.core.identity.did.url_from_did`."""

    def __call__(self, did: str, *, plain: bool = False) -> str:
        """The URL; `plain` gives http. Raises `InvalidInput`."""


@dataclass(frozen=True, slots=True)
class _Kept:
    found: bytes | TrustspaceError
    until: float


class DidWebResolver:
    """`ports.Resolver` for did:web with a bounded cache.

    Documents are kept `ttl` seconds, failures `retry` seconds (so that a dead host is not asked for each message), at
    most `size` of both. Where the space runs on plain HTTP, `plain` is the rule that says for whom.
    """

    def __init__(
        self,
        peer: Peer,
        url_from_did: UrlFromDid,
        *,
        plain: PlainHttp | None = None,
        ttl: float = 300.0,
        retry: float = 1.0,
        size: int = 1024,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._peer, self._url_from_did, self._plain = peer, url_from_did, plain
        self._ttl, self._retry, self._size, self._monotonic = ttl, retry, size, monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._running: dict[str, asyncio.Task[bytes]] = {}

    async def resolve(self, did: str, *, fresh: bool = False) -> bytes:
        """The document's bytes; `InvalidInput` (not a did:web), `NotFound`, `Unavailable`, `Forbidden`.

        `fresh` asks again; callers at the same moment share one fetch, and one that is cancelled does not end it.
        """
        kept = self._kept.get(did)
        if kept is not None and not fresh and kept.until > self._monotonic():
            return _given(kept.found)
        url = self._url(did)
        task = self._running.get(did)
        if task is None:
            task = self._running[did] = asyncio.create_task(self._fetch(did, url))
            task.add_done_callback(lambda done: self._finished(did, done))
        return await asyncio.shield(task)

    def _url(self, did: str) -> str:
        if self._plain is not None:
            url = self._url_from_did(did, plain=True)
            if self._plain.permits(parse_origin(url, where=did)):
                return url
        return self._url_from_did(did)

    async def _fetch(self, did: str, url: str) -> bytes:
        try:
            document = await self._get(did, url)
        except TrustspaceError as error:
            self._keep(did, error, self._retry)
            raise
        self._keep(did, document, self._ttl)
        return document

    async def _get(self, did: str, url: str) -> bytes:
        headers = {"Accept": "application/did+json, application/json"}
        answer = await self._peer.request("GET", url, headers=headers, timeout=TIMEOUT, limit=LIMIT)
        if answer.status in _GONE:
            raise NotFound(f"there is no DID document at {url}", where=did, hint="has the participant moved?")
        if answer.status != 200:
            raise Unavailable(f"{url} answered {answer.status}", where=did, hint="redirects are not followed")
        return answer.body

    def _keep(self, did: str, found: bytes | TrustspaceError, seconds: float) -> None:
        self._kept[did] = _Kept(found, self._monotonic() + seconds)
        self._kept.move_to_end(did)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def _finished(self, did: str, done: asyncio.Task[bytes]) -> None:
        del self._running[did]
        if not done.cancelled():
            done.exception()  # looked at, so that a fetch whose callers have all left does not complain


def _given(found: bytes | TrustspaceError) -> bytes:
    if isinstance(found, bytes):
        return found
    raise type(found)(found.what, where=found.where, hint=found.hint)
