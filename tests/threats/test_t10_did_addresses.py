"""A did:web is fetched over https from a public address, whole, small, soon, and from nowhere it points on to."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Sequence

import anyio
import pytest

from tests.threats.forging import watched
from tests.threats.listening import listening
from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.adapters.http.did_web import LIMIT, DidWebResolver
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.core.errors import Forbidden, InvalidInput, TrustspaceError, Unavailable
from trustspace.core.identity.did import url_from_did

pytestmark = pytest.mark.anyio
INSIDE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1", "192.168.255.255", "169.254.169.254", "169.254.170.2", "169.254.0.1", "100.64.0.1",
    "100.100.100.200",
    "100.127.255.254", "192.0.0.1", "192.0.0.8", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1",
    "198.19.255.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "168.63.129.16",
]  # fmt: skip
SIXES = [
    "::", "::1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fd20:ce::254",
    "ff02::1",
    "ff0e::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "64:ff9b:1::1", "4000::1", "::ffff:0:127.0.0.1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "223.5.5.5", "2606:4700::1111", "2400:3200::1", "64:ff9b::8.8.8.8", "2002:808:808::1"]
SPELLINGS = [
    "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001",
    "127.0.0.01", "0",
    "0x0",
    "127.0.0.1.", "1.2.3.4.5", "127.0.0.256", "127..0.1", "%31%32%37.0.0.1", "127.0.0.1%00", "127。0。0。1",
    "①②⑦.0.0.1",
    "169.254.43518", "0251.0376.0251.0376", "0xa9fea9fe", "2852039166", "0xa9.0xfe.0xa9.0xfe",
    "169.16689662", "10.1",
    "[::1]", "%5B%3A%3A1%5D", "::1", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "0:0:0:0:0:0:0:1",
    "[64:ff9b::7f00:1]",
    "user@127.0.0.1", "user:pw@bus.example", "bus.example@127.0.0.1", "bus.example%40127.0.0.1",
    "bus.example#@127.0.0.1",
    "bus.example%23", "bus.example%2F", "bus.example/..", "bus.example\\@127.0.0.1", "bus.example?x",
    "bus.example%3F",
    "bus.example.", "bus.example..", ".bus.example", "bus.example%2e", "BUS.example", "bus.example%20",
    " bus.example",
    "bus.example%0d%0aHost: x", "bus.example%09", "公交.example", "bus.exаmple", "ｂus.example", "bus.example%3A0",
    "bus.example%3A65536", "bus.example%3A443", "bus.example%3a8443", "bus.example%3A-1", "bus.example%3A",
    "%3A443",
    "bus.example%3A22%3A443", "bus.example%3A0x50", "bus.example%3A080", "bus.example:..:admin",
    "bus.example:.env",
    "bus.example:%2e%2e", "bus.example:a%2fb", "bus.example::x", "bus.example:a b", "", ":",
    "-bus.example", "a" * 64,
]  # fmt: skip


def disguises(address: str) -> Iterator[str]:
    """An IPv4 address, and what carries it: mapped, compatible, translated, tunnelled."""
    number = ipaddress.IPv4Address(address)
    high, low = int(number) >> 16, int(number) & 0xFFFF
    yield address
    yield f"::ffff:{address}"
    yield f"64:ff9b::{address}"
    yield f"2002:{high:x}:{low:x}::1"
    yield f"::{address}"


CORPUS = [one for address in INSIDE for one in disguises(address)] + SIXES


async def resolve(did: str, found: Sequence[str] = (), *, near: bool = False) -> bytes:
    """The document of a name that has these addresses; `near`: as a node on loopback, in the clear."""

    async def lookup(_: str, __: int) -> Sequence[str]:
        return found

    policy, plain = AddressPolicy(loopback=near), PlainHttp() if near else None
    peer = AiohttpPeer(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), policy=policy, plain=plain, lookup=lookup)
    try:
        return await DidWebResolver(peer, url_from_did, plain=plain).resolve(did)
    finally:
        await peer.close()


def connects(events: list[str]) -> list[str]:
    return [event for event in events if event.startswith(("socket.connect", "socket.sendto", "socket.getaddrinfo"))]


def test_the_corpus_is_large() -> None:
    assert len(set(CORPUS)) + len(set(SPELLINGS)) >= 200
    assert all(AddressPolicy().permits(ipaddress.ip_address(one)) for one in PUBLIC), "the control"


@pytest.mark.parametrize("address", CORPUS)
async def test_a_name_of_an_inner_address_is_not_called(address: str) -> None:
    with watched() as seen:
        for found in ([address], [*PUBLIC, address], [address, *PUBLIC]):
            with pytest.raises(Forbidden, match="not a public address"):
                await resolve("did:web:bus.example", found)
    assert connects(seen.events) == []


@pytest.mark.parametrize("address", INSIDE)
async def test_an_inner_address_itself_is_not_called(address: str) -> None:
    with watched() as seen, pytest.raises(Forbidden, match="not a public address"):
        await resolve(f"did:web:{address}")
    assert connects(seen.events) == []


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_second_spelling_is_no_name(spelling: str) -> None:
    with watched() as seen, pytest.raises(InvalidInput):
        await resolve(f"did:web:{spelling}", ["127.0.0.1"])
    assert connects(seen.events) == []


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "LOCALHOST.localhost"])
async def test_localhost_is_not_called_from_outside(name: str) -> None:
    with watched() as seen, pytest.raises(TrustspaceError):
        await resolve(f"did:web:{name}", ["127.0.0.1"])
    assert connects(seen.events) == []


async def test_nothing_is_asked_in_the_clear() -> None:
    with watched() as seen:
        for url in ("http://bus.example/did.json", "http://1.1.1.1/did.json"):
            with pytest.raises(Forbidden, match="plain http"):
                await AiohttpPeer(ssl.create_default_context(), lookup=_never).request("GET", url)
    assert connects(seen.events) == []


async def _never(_: str, __: int) -> Sequence[str]:
    raise AssertionError("a name was asked for")


async def test_a_document_is_brought() -> None:
    async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as listener:
        assert await resolve(f"did:web:127.0.0.1%3A{listener.port}", near=True) == b"{}", "the control"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 305])
async def test_it_is_not_followed_elsewhere(status: int) -> None:
    async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as secret:
        head = f"HTTP/1.1 {status} Over There\r\nLocation: http://127.0.0.1:{secret.port}/\r\nContent-Length: 0\r\n\r\n"
        async with listening(head.encode()) as listener:
            with pytest.raises(Unavailable, match="redirects are not followed"):
                await resolve(f"did:web:127.0.0.1%3A{listener.port}", near=True)
            assert (listener.calls, secret.calls) == (1, 0)


HUGE = {
    "said": b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n",
    "not said": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LIMIT + 1),
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n%b\r\n" % bytes(0x1000) * 17,
    "packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b" + bytes(LIMIT),
}


@pytest.mark.parametrize("how", HUGE)
async def test_it_is_small(how: str) -> None:
    async with listening(HUGE[how]) as listener:
        with anyio.fail_after(4), pytest.raises(Unavailable, match="size: the answer is over 65536 bytes"):
            await resolve(f"did:web:127.0.0.1%3A{listener.port}", near=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "says",
    [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nName: ", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"],
    ids=["status", "header", "body"],
)
async def test_it_comes_soon_or_not_at_all(says: bytes) -> None:
    """Five seconds for the whole, however steadily it drips, and whatever it is that drips."""
    async with listening(says, drip=b"a", pause=0.2) as listener:
        begun = anyio.current_time()
        with pytest.raises(Unavailable):
            await resolve(f"did:web:127.0.0.1%3A{listener.port}", near=True)
        assert 4.5 < anyio.current_time() - begun < 7
