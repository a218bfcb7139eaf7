"""Pulling content from a provider: resumed where it broke off, verified, and never half under its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from trustspace.adapters.dataplane.ranges import etag
from trustspace.core import canon
from trustspace.core.errors import InvalidInput, NotVerified, Refused, StorageFull, Unavailable
from trustspace.ports import Content, Peer, Sink, Stream

RETRIES: Final = 6
_REASON_BYTES: Final = 1 << 16
_LATER: Final = (408, 425, 429)
_WORDS: Final = ("reason", "message", "what", "detail", "title")
_LONGEST_PAUSE: Final = 10.0


async def pull(
    peer: Peer,
    url: str,
    content: Content,
    sink: Sink,
    *,
    headers: Callable[[], Mapping[str, str]] = dict,
    retries: int = RETRIES,
    timeout: float = 30.0,
    progress: Callable[[int], None] | None = None,
    check: Callable[[Stream], None] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Path:
    """Bring `content` from `url` into the sink; returns where it lies.

    `headers()` is asked for each attempt (fresh tokens), `check(answer)` sees each accepted answer before its first
    byte is written, `progress(n)` is told the bytes that are here. `retries` counts attempts in a row without a new
    byte. Raises `Refused` with the provider's reason, `NotVerified`, `StorageFull`, and `Unavailable` in the end.
    """
    failed, reached = 0, await sink.offset(content)
    while True:
        try:
            await _attempt(peer, url, content, sink, headers=headers(), timeout=timeout, progress=progress, check=check)
            return await sink.finish(content)
        except StorageFull:
            raise
        except Unavailable:
            here = await sink.offset(content)
            failed = 1 if here > reached else failed + 1
            reached = max(reached, here)
            if failed > retries:
                raise
        await sleep(min(0.1 * 2**failed, _LONGEST_PAUSE))


async def _attempt(
    peer: Peer,
    url: str,
    content: Content,
    sink: Sink,
    *,
    headers: Mapping[str, str],
    timeout: float,
    progress: Callable[[int], None] | None,
    check: Callable[[Stream], None] | None,
) -> None:
    start = await sink.offset(content)
    if start == content.size > 0:
        return
    wanted = {"range": f"bytes={start}-", "if-range": etag(content)} if start else {}
    async with peer.stream("GET", url, headers={**headers, **wanted}, timeout=timeout) as answer:
        start = await _accepted(answer, content, start, url)
        if check is not None:
            check(answer)
        await sink.write(content, start, _told(answer.chunks, start, progress))


async def _accepted(answer: Stream, content: Content, start: int, url: str) -> int:
    """Where the answer's bytes begin; raises unless they are bytes of this content."""
    if answer.status in (200, 206):
        if answer.headers.get("etag", etag(content)) != etag(content):
            raise NotVerified("the provider offers other content there by now", where=url, hint="ask for the use again")
        if answer.status == 200:
            return 0
        if answer.headers.get("content-range") == f"bytes {start}-{content.size - 1}/{content.size}":
            return start
        raise NotVerified("the provider sent another part than was asked for", where=url)
    reason = await _reason(answer)
    if answer.status in _LATER or answer.status >= 500:
        raise Unavailable(f"answered {answer.status}: {reason}", where=url, hint="trying again later may help")
    if answer.status == 416:
        raise NotVerified("the content there is shorter than was announced", where=url)
    raise Refused(reason, where=url)


async def _reason(answer: Stream) -> str:
    """The reason in the provider's own words, of a JSON body; else its status."""
    received = bytearray()
    async for chunk in answer.chunks:
        received += chunk
        if len(received) > _REASON_BYTES:
            break
    try:
        body = canon.loads_object(bytes(received), limit=_REASON_BYTES)
    except InvalidInput:
        return f"the provider answered {answer.status}"
    given = next((body[word] for word in _WORDS if body.get(word)), f"the provider answered {answer.status}")
    return "; ".join(map(str, given)) if isinstance(given, list) else str(given)


async def _told(
    chunks: AsyncIterator[bytes], start: int, progress: Callable[[int], None] | None
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
        start += len(chunk)
        if progress is not None:
            progress(start)
