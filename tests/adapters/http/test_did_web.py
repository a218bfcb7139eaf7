"""Finding DID documents: bounded, cached, asked once."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trustspace.adapters.http.addresses import PlainHttp
from trustspace.adapters.http.did_web import DidWebResolver
from trustspace.core.errors import InvalidInput, NotFound, Unavailable
from trustspace.testing.network import Network

DID = "did:web:bus.example"


def url_from_did(did: str, *, plain: bool = False) -> str:
    if not did.startswith("did:web:"):
        raise InvalidInput("not a did:web", where=did)
    return f"{'http' if plain else 'https'}://{did[8:].replace('%3A', ':')}/.well-known/did.json"


class Counted:
    """A host that counts who asks, slowly."""

    def __init__(self, body: bytes = b"{}", status: int = 200) -> None:
        self.body, self.status, self.asked = body, status, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        headers = {"location": "https://evil.example/"} if self.status == 302 else {}
        await Response(self.body, self.status, headers)(scope, receive, send)


def resolver(app: ASGIApp, now: list[float], size: int = 1024) -> DidWebResolver:
    network = Network()
    network.attach("https://bus.example", app)
    return DidWebResolver(network.peer(), url_from_did, monotonic=lambda: now[0], size=size)


def test_a_document_is_kept_for_its_time_and_asked_again_when_fresh() -> None:
    async def go() -> None:
        app, now = Counted(b'{"id":1}'), [0.0]
        found = resolver(app, now)
        assert await found.resolve(DID) == await found.resolve(DID) == b'{"id":1}'
        assert app.asked == 1
        app.body = b'{"id":2}'
        now[0] = 299.0
        assert await found.resolve(DID) == b'{"id":1}'
        assert await found.resolve(DID, fresh=True) == await found.resolve(DID) == b'{"id":2}'
        now[0] = 600.0
        await found.resolve(DID)
        assert app.asked == 3

    asyncio.run(go())


def test_callers_at_the_same_moment_share_one_fetch_and_one_may_leave() -> None:
    async def go() -> None:
        app = Counted(b"x")
        found = resolver(app, [0.0])
        first, *others = [asyncio.create_task(found.resolve(DID)) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [b"x"] * 19
        assert app.asked == 1

    asyncio.run(go())


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (410, NotFound), (302, Unavailable), (500, Unavailable)])
def test_a_failure_is_remembered_shortly(status: int, kind: type[Exception]) -> None:
    async def go() -> None:
        app, now = Counted(status=status), [0.0]
        found = resolver(app, now)
        for _ in range(3):
            with pytest.raises(kind, match=DID):
                await found.resolve(DID)
        assert app.asked == 1
        app.status, now[0] = 200, 6.0
        assert await found.resolve(DID) == b"{}"

    asyncio.run(go())


def test_no_more_than_64_kib() -> None:
    async def go() -> None:
        await resolver(Counted(b"x" * 65_536), [0.0]).resolve(DID)
        with pytest.raises(Unavailable, match="65536"):
            await resolver(Counted(b"x" * 65_537), [0.0]).resolve(DID)

    asyncio.run(go())


def test_the_cache_is_bounded() -> None:
    async def go() -> None:
        app = Counted()
        found = resolver(app, [0.0], size=2)
        for name in ("a", "b", "c"):
            with pytest.raises(Unavailable):
                await found.resolve(f"did:web:{name}.example")
        await found.resolve(DID)
        assert len(found._kept) == 2

    asyncio.run(go())


def test_not_a_did_web() -> None:
    with pytest.raises(InvalidInput):
        asyncio.run(resolver(Counted(), [0.0]).resolve("did:key:z6Mk"))


def test_http_only_where_the_rule_says_so() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(str(Request(scope).url))(scope, receive, send)

    async def go() -> None:
        network = Network()
        for origin in ("http://127.0.0.1:8080", "https://127.0.0.1:8080", "https://bus.example"):
            network.attach(origin, app)
        plain = DidWebResolver(network.peer(), url_from_did, plain=PlainHttp())
        strict = DidWebResolver(network.peer(), url_from_did)
        here = "did:web:127.0.0.1%3A8080"
        assert (await plain.resolve(here)).startswith(b"http://127.0.0.1:8080/")
        assert (await strict.resolve(here)).startswith(b"https://127.0.0.1:8080/")
        assert (await plain.resolve(DID)).startswith(b"https://bus.example/")

    asyncio.run(go())
