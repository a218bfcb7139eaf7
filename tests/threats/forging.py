"""Tokens made by hand, rightly signed or not, for every endpoint that reads one; and a watch on what is touched."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.services.spaces import Space, bearer
from trustspace.core.canon import Json, encode64
from trustspace.core.identity.keys import to_x5t
from trustspace.core.identity.tokens import TokenKind, request_digest
from trustspace.ports import Answer
from trustspace.protocols import dsp
from trustspace.services.ending import ENDINGS
from trustspace.services.usage import DELIVERIES, DENIALS
from trustspace.testing.world import NODE

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """An endpoint of the bus company that asks who is calling, and what a right answer to an authentic call is."""

    method: str
    path: str
    body: bytes
    good: int

    def url(self, s: Space) -> str:
        return s.bus.settings.public_url + self.path


async def entries(s: Space) -> list[Entry]:
    """One of every kind; the control of each is its status with a right token."""
    mine, theirs = await s.both(await s.negotiation("entries", wait=0.0))
    asked = dsp.encode(dsp.CatalogRequest())
    root = s.bus.engine.base.removeprefix(s.bus.settings.public_url)
    statements = [Entry("POST", path, b'{"statement":"x"}', 400) for path in (DENIALS, DELIVERIES, ENDINGS)]
    assert mine.peer_pid == theirs.key
    return [
        Entry("POST", f"{root}/catalog/request", asked, 200),
        Entry("GET", f"{root}/catalog/datasets/{s.product.product}", b"", 200),
        Entry("GET", f"{root}/negotiations/{theirs.key}", b"", 200),
        Entry("POST", f"{root}/negotiations/request", b"{}", 400),
        Entry("POST", f"{root}/transfers/request", b"{}", 400),
        Entry("GET", "/trustspace/v1/log/growth", b"", 200),
        *statements,
    ]


def by_hand(
    s: Space,
    entry: Entry,
    *,
    head: Mapping[str, Json] | None = None,
    change: Mapping[str, Json] | None = None,
    header: bytes | None = None,
    payload: bytes | None = None,
    sign: Sign | None = None,
) -> str:
    """A token of the planner for this call with members of its header or claims set, or all of either replaced."""
    seal, now = s.planner.engine.seal, int(s.world.clock.now().timestamp())
    top = {"alg": "ES256", "typ": str(TokenKind.REQUEST), "x5t#S256": to_x5t(seal.thumbprint), **(head or {})}
    said: dict[str, Any] = {"iss": seal.me, "sub": seal.me, "aud": s.bus.did, "iat": now, "exp": now + 60}
    said |= {"jti": seal.ids.token(), "digest": request_digest(entry.method, entry.path, entry.body), **(change or {})}
    parts = [header or json.dumps(top).encode(), payload or json.dumps(said).encode()]
    text = ".".join(map(encode64, parts))
    return f"{text}.{encode64((sign or seal.key.sign)(text.encode()))}"


async def call(s: Space, entry: Entry, token: str) -> Answer:
    """The entry called with that token."""
    peer = s.world.network.peer()
    return await peer.request(entry.method, entry.url(s), body=entry.body, headers=bearer(token))


async def controlled(s: Space) -> list[Entry]:
    """The entries, each of which answers a right token made by the same hand."""
    found = await entries(s)
    for entry in found:
        assert (await call(s, entry, by_hand(s, entry))).status == entry.good, ("the control", entry.path)
    return found


@dataclass(slots=True)
class Watched:
    """What was touched while one looked: audit events of the interpreter, as `event first-argument`."""

    events: list[str] = field(default_factory=list)


WATCHED: Final = ("open", "socket.", "sqlite3.", "subprocess.", "os.listdir", "os.system", "urllib.", "import")
_watching: list[Watched] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event.startswith(WATCHED):
        _watching[-1].events.append(f"{event} {arguments[:2]!r:.200}")


sys.addaudithook(_hook)  # it can never be taken off, so there is one, and it sleeps


@contextmanager
def watched() -> Iterator[Watched]:
    """Look at what is opened, connected and loaded meanwhile."""
    watch = Watched()
    _watching.append(watch)
    try:
        yield watch
    finally:
        _watching.remove(watch)


@contextmanager
def asked(s: Space) -> Iterator[list[str]]:
    """The URLs outside of the space that anybody asks for meanwhile."""
    urls: list[str] = []
    known = {NODE, *(node.settings.public_url for node in s.world.nodes.values())}

    def note(_: int, __: str, url: str) -> None:
        if not any(url.startswith(f"{one}/") for one in known):
            urls.append(url)

    s.world.network.faults = note
    try:
        yield urls
    finally:
        s.world.network.faults = None
