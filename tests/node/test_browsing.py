"""Reading a peer's catalogue: page after page, and no further than is safe, whatever the peer does."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable

import anyio
import pytest

from trustspace.core.contract import Offer
from trustspace.core.errors import InvalidInput, Refused, TooLarge, TrustspaceError, Unavailable
from trustspace.core.policy import offer, use
from trustspace.node.browsing import BOUNDS, Bounds, browse
from trustspace.ports import Answer
from trustspace.protocols import dsp

FIRST = "https://peer.example/dsp/2025-1/catalog/request"
Ask = Callable[[str, int], Awaitable[Answer]]


def dataset(name: str) -> dsp.DatasetView:
    return dsp.DatasetView(name, (Offer(f"{name}-offer", name, offer(use())),), (dsp.Distribution("x", "urn:s"),), name)


def page(*names: str, link: str = "", packed: bool = False, **headers: str) -> Answer:
    body = dsp.encode_catalog(dsp.CatalogView("urn:c", "did:web:peer", tuple(map(dataset, names))))
    if packed:
        body, headers = gzip.compress(body), {"content-encoding": "gzip", **headers}
    return Answer(200, body, {**headers, **({"link": link} if link else {})})


def asks(pages: dict[str, Answer], asked: list[str] | None = None) -> Ask:
    async def ask(url: str, limit: int) -> Answer:
        if asked is not None:
            asked.append(url)
        assert 0 < limit <= BOUNDS.page
        return pages[url]

    return ask


def read(ask: Ask, bounds: Bounds = BOUNDS) -> list[str]:
    async def reading() -> list[str]:
        return [one.id for one in await browse(ask, FIRST, bounds)]

    return anyio.run(reading)


def test_pages_are_followed_to_the_last_packed_or_not_relative_or_not() -> None:
    asked: list[str] = []
    pages = {
        FIRST: page("a", "b", link='<?t=2>; rel="next"', packed=True),
        f"{FIRST}?t=2": page("c", "b", link=f'<{FIRST}>; rel="previous", <https://PEER.example:443/3#x>; rel="next"'),
        "https://PEER.example:443/3": page("d"),
    }
    assert read(asks(pages, asked)) == ["a", "b", "c", "d"]
    assert asked == list(pages)


@pytest.mark.parametrize(
    ("link", "kind", "says"),
    [
        ("https://evil.example/2", Refused, "elsewhere"),
        ("//evil.example/2", Refused, "elsewhere"),
        ("http://peer.example/2", Refused, "elsewhere"),
        ("https://peer.example:8443/2", Refused, "elsewhere"),
        ("https://user@peer.example/2", InvalidInput, "user information"),
        ("https://[peer.example/2", InvalidInput, "no address"),
        ("file:///etc/passwd", InvalidInput, "neither http"),
        ("/a b", InvalidInput, "printable"),
        (FIRST, InvalidInput, "circle"),
    ],
)
def test_a_link_elsewhere_or_back_ends_the_reading(link: str, kind: type[TrustspaceError], says: str) -> None:
    pages = {FIRST: page("a", link=f'<{link}>; rel="next"')}
    with pytest.raises(kind, match=says):
        read(asks(pages))


def test_a_longer_circle_is_seen_too() -> None:
    pages = {FIRST: page("a", link='<?t=2>; rel="next"'), f"{FIRST}?t=2": page("b", link='<?t=3>; rel="next"')}
    pages[f"{FIRST}?t=3"] = page("c", link='<?t=2>; rel="next"')
    with pytest.raises(InvalidInput, match="circle"):
        read(asks(pages))


def test_pages_without_end_are_read_up_to_the_bound() -> None:
    asked: list[str] = []

    async def ask(url: str, limit: int) -> Answer:
        asked.append(url)
        return page(f"d{len(asked)}", link=f'<?t={len(asked)}>; rel="next"')

    with pytest.raises(TooLarge, match="more than 5 pages"):
        read(ask, Bounds(pages=5))
    assert len(asked) == 5


def test_all_pages_together_are_bounded_unpacked() -> None:
    async def ask(url: str, limit: int) -> Answer:
        return page(*(f"{url[-3:]}-{n}" for n in range(100)), link=f'<{url}1>; rel="next"', packed=True)

    with pytest.raises(TooLarge):
        read(ask, Bounds(bytes=100_000))


def test_a_bomb_is_refused() -> None:
    bomb = Answer(200, gzip.compress(b" " * (1 << 24)), {"content-encoding": "gzip"})
    with pytest.raises(TooLarge, match="unpacked"):
        read(asks({FIRST: bomb}))


def test_a_peer_that_takes_for_ever_is_left() -> None:
    async def ask(url: str, limit: int) -> Answer:
        await anyio.sleep(0.02)
        return page(url, link=f'<{url}1>; rel="next"')

    with pytest.raises(Unavailable, match="not read after"):
        read(ask, Bounds(seconds=0.1))


def test_a_refusal_is_told_with_the_peers_reason() -> None:
    body = dsp.encode(dsp.CatalogRefusal("busy", ("come back later",)))
    with pytest.raises(Refused, match="come back later"):
        read(asks({FIRST: Answer(503, body)}))
    with pytest.raises(Refused, match="answered 500"):
        read(asks({FIRST: Answer(500, b"<html>")}))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"@type":"Catalog"}', b"\xff"])
def test_what_is_no_catalogue_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read(asks({FIRST: Answer(200, body)}))
