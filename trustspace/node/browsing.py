"""Reading a peer's whole catalogue: from page to page as it links them, within bounds, and at its own origin only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urldefrag, urljoin

import anyio

from trustspace.adapters.http.compression import decoded
from trustspace.core.errors import InvalidInput, Refused, TooLarge, Unavailable
from trustspace.core.origins import parse_origin
from trustspace.ports import Answer
from trustspace.protocols import dsp

Ask = Callable[[str, int], Awaitable[Answer]]
"""Asks for the catalogue at a URL; the answer is of at most so many bytes as they come."""
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a peer's catalogue is read: pages, bytes of one and of all of them unpacked, seconds."""

    pages: int = 1000
    page: int = 8 << 20
    bytes: int = 64 << 20
    seconds: float = 120.0


BOUNDS: Final = Bounds()


@dataclass(slots=True)
class _Reading:
    """What was read so far; of a dataset that stands on two pages the first counts."""

    left: int
    visited: set[str] = field(default_factory=set)
    datasets: dict[str, dsp.DatasetView] = field(default_factory=dict)


async def browse(ask: Ask, url: str, bounds: Bounds = BOUNDS) -> tuple[dsp.DatasetView, ...]:
    """All datasets of the catalogue whose first page is at `url`, in its order.

    Raises `Refused` where the peer does not give it or links elsewhere, `InvalidInput` where its pages go round in a
    circle or are not a catalogue, `TooLarge` and `Unavailable` beyond the bounds.
    """
    reading = _Reading(bounds.bytes)
    try:
        with anyio.fail_after(bounds.seconds):
            while url:
                url = await _read_page(ask, url, reading, bounds)
    except TimeoutError as error:
        raise Unavailable(f"its catalogue is not read after {bounds.seconds:g} s", where=url) from error
    return tuple(reading.datasets.values())


async def _read_page(ask: Ask, url: str, reading: _Reading, bounds: Bounds) -> str:
    """Read one page; the URL of the next one, "" after the last."""
    if url in reading.visited:
        raise InvalidInput("the pages of this catalogue go round in a circle", where=url)
    if len(reading.visited) == bounds.pages:
        raise TooLarge(f"this catalogue has more than {bounds.pages} pages", where=url)
    reading.visited.add(url)
    limit = min(bounds.page, reading.left)
    answer = await ask(url, limit)
    body = decoded(answer.body, answer.headers.get("content-encoding", ""), limit)
    if answer.status != OK:
        reason = dsp.read_reason(body) or f"it answered {answer.status}"
        raise Refused(f"the provider gives no catalogue: {reason}", where=url)
    reading.left -= len(body)
    catalog = await anyio.to_thread.run_sync(lambda: dsp.decode_catalog(body, limit=limit))
    for dataset in catalog.datasets:
        reading.datasets.setdefault(dataset.id, dataset)
    return _next(answer.headers.get("link", ""), url)


def _next(header: str, url: str) -> str:
    """Where the next page is, which has to be where this one was."""
    target = dsp.read_links(header).get("next", "")
    if not target:
        return ""
    try:
        found = urldefrag(urljoin(url, target)).url
    except ValueError as error:
        raise InvalidInput(f"the next page has no address: {error}", where="Link") from error
    if parse_origin(found) != parse_origin(url):
        raise Refused(f"the next page is said to be elsewhere, at {parse_origin(found)}", where="Link")
    return found
