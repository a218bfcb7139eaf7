"""A name that changes its address between the look and the call: what was checked is what is called."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.core.identity.world import ROOT, make_leaf
from tests.threats.forging import Watched, watched
from tests.threats.listening import listening
from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.adapters.http.tls import client_context, server_context
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.errors import Forbidden, Unavailable
from trustspace.core.identity.certificates import Profile
from trustspace.node.folder import to_pem

pytestmark = pytest.mark.anyio
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
INNER = "169.254.169.254"


@dataclass(slots=True)
class Rebinding:
    """A resolver whose every answer may be another one; it counts who asks."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, _: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@asynccontextmanager
async def calling(
    names: Rebinding, *, networks: Sequence[str] = (), tls: ssl.SSLContext | None = None, plain: Sequence[str] = ()
) -> AsyncIterator[AiohttpPeer]:
    policy, rule = AddressPolicy.of(networks), PlainHttp.of(plain)
    peer = AiohttpPeer(tls or ssl.create_default_context(), policy=policy, plain=rule, lookup=names)
    try:
        yield peer
    finally:
        await peer.close()


def connects(watch: Watched) -> list[str]:
    return [event for event in watch.events if event.startswith("socket.connect")]


async def test_one_call_is_one_look_and_goes_where_that_said() -> None:
    """The second answer would be another host: nobody asks for it, and a later call that does is refused."""
    async with listening(OK) as listener:
        names, url = Rebinding([["127.0.0.1"], [INNER]]), f"http://bus.example:{listener.port}/"
        async with calling(names, networks=["127.0.0.1/32"], plain=[url]) as peer:
            assert (await peer.request("GET", url)).status == 200, "the control"
            assert names.asked == ["bus.example"]
        async with calling(names, networks=["127.0.0.1/32"], plain=[url]) as peer:
            with watched() as seen, pytest.raises(Forbidden, match=INNER):
                await peer.request("GET", url)
        assert connects(seen) == []
        assert b"host: bus.example:" in listener.asked[0].lower()
        assert (names.asked, listener.calls) == (["bus.example"] * 2, 1)


@pytest.mark.parametrize(
    "answer", [[INNER, "1.1.1.1"], ["1.1.1.1", INNER], ["1.1.1.1", "::1"], ["::ffff:10.0.0.1"], []]
)
async def test_one_inner_address_among_others_refuses_the_name(answer: list[str]) -> None:
    names = Rebinding([answer])
    async with calling(names) as peer:
        with watched() as seen, pytest.raises((Forbidden, Unavailable)):
            await peer.request("GET", "https://bus.example/")
    assert connects(seen) == []
    assert set(names.asked) == {"bus.example"}


async def test_a_stream_is_looked_up_no_differently() -> None:
    async with calling(Rebinding([[INNER]])) as peer:
        with watched() as seen, pytest.raises(Forbidden, match=INNER):
            async with peer.stream("GET", "https://bus.example/"):
                pass
    assert connects(seen) == []


def contexts(place: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of that host, and a client's that trusts its root."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    day = timedelta(days=1)
    leaf = make_leaf(PrivateKey(key), Profile.TLS, hosts=[host], start=now - day, end=now + day)
    chain, private = place / "chain.pem", place / "key.pem"
    chain.write_bytes(to_pem(leaf))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return server_context(chain, private), client_context(to_pem(ROOT))


async def test_the_call_to_the_checked_address_keeps_the_name(tmp_path: Path) -> None:
    """The server is named in the handshake and in `Host`, and its certificate has to be that of the name."""
    server, client = contexts(tmp_path, "bus.example")
    async with listening(OK, tls=server) as listener:
        names = Rebinding([["127.0.0.1"]])
        async with calling(names, networks=["127.0.0.1/32"], tls=client) as peer:
            assert (await peer.request("GET", f"https://bus.example:{listener.port}/x")).status == 200, "the control"
            assert listener.names == ["bus.example"]
            assert f"host: bus.example:{listener.port}".encode() in listener.asked[0].lower()
            with pytest.raises(Unavailable, match="not trusted"):
                await peer.request("GET", f"https://evil.example:{listener.port}/x")
        assert listener.calls == 1
