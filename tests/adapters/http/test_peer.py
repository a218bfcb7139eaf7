"""What a peer sees of us, and how each step that fails is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from tests.adapters.http.conftest import Authority
from trustspace.adapters.http import tls
from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.core.errors import Forbidden, InvalidInput, TrustspaceError, Unavailable
from trustspace.node.serving import Listener, serve

HOME = AddressPolicy(loopback=True)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the raw target, some headers and the body it got."""
    body = (await receive())["body"]
    sent = dict(scope["headers"])
    seen = b"|".join(sent.get(name, b"-") for name in (b"host", b"accept-encoding", b"cookie"))
    target = scope["raw_path"] + b"?" + scope["query_string"]
    headers = [(b"x-seen", seen), (b"x-target", target), (b"set-cookie", b"a=1"), (b"x-two", b"1"), (b"x-two", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for byte in body:
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def client(roots: bytes = b"", **options: object) -> AiohttpPeer:
    return AiohttpPeer(tls.client_context(roots), **{"policy": HOME, **options})  # type: ignore[arg-type] # test's short form


@asynccontextmanager
async def raw(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that says whatever `answer` writes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def failure(peer: AiohttpPeer, url: str, **options: float) -> TrustspaceError:
    with pytest.raises(TrustspaceError) as raised:
        await peer.request("GET", url, timeout=options.get("timeout", 2.0), limit=int(options.get("limit", 1000)))
    await peer.close()
    return raised.value


def test_the_peer_sees_the_url_and_body_exactly_as_given() -> None:
    async def go() -> None:
        async with serve([Listener(echo)]) as (bound,):
            peer = client()
            for _ in range(2):
                answer = await peer.request("POST", f"{bound.url}/a%E2%80%A2b/%2e/c?x=%7e&y=a+b", body=b"hello")
                assert answer.body == b"hello"
                assert answer.headers["x-target"] == "/a%E2%80%A2b/%2e/c?x=%7e&y=a+b"
                assert answer.headers["x-seen"] == f"127.0.0.1:{bound.port}|identity|-"
                assert answer.headers["x-two"] == "1, 2"
            await peer.close()

    asyncio.run(go())


def test_connections_are_kept_and_shared() -> None:
    ports: set[int] = set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ports.add(scope["client"][1])
        await echo(scope, receive, send)

    async def go() -> None:
        async with serve([Listener(app)]) as (bound,):
            peer = client()
            for _ in range(5):
                await peer.request("POST", bound.url + "/", body=b"x")
            await peer.close()

    asyncio.run(go())
    assert len(ports) == 1


def test_redirects_are_answers() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")

    async def go() -> None:
        async with raw(redirect) as url:
            peer = client()
            assert (await peer.request("GET", url)).status == 302
            await peer.close()

    asyncio.run(go())


def test_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        error = asyncio.run(_failed(url))
    assert isinstance(error, Unavailable)
    assert "connect" in error.what
    assert error.where == url
    assert "running" in error.hint


async def _failed(url: str) -> TrustspaceError:
    return await failure(client(), url)


def test_the_name_is_not_found() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("unknown")

    async def go() -> None:
        error = await failure(client(lookup=nowhere), "https://nobody.example")
        assert isinstance(error, Unavailable)
        assert error.what.startswith("name")

    asyncio.run(go())


ANSWERS = {
    "reset": b"",
    "answer": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "size": b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
    "size ": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
    "reset ": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "reset  ": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
}


@pytest.mark.parametrize(("step", "data"), ANSWERS.items(), ids=range(len(ANSWERS)))
def test_a_bad_answer_is_explained(step: str, data: bytes) -> None:
    async def bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    async def go() -> TrustspaceError:
        async with raw(bad) as url:
            return await failure(client(), url)

    error = asyncio.run(go())
    assert isinstance(error, Unavailable)
    assert error.what.startswith(step.strip())
    assert error.hint


def test_a_silent_peer_costs_no_more_than_the_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    async def go() -> TrustspaceError:
        async with raw(silent) as url:
            return await failure(client(), url, timeout=0.1)

    error = asyncio.run(go())
    assert isinstance(error, Unavailable)
    assert error.what == "time: no answer within 0.1 s"


def test_a_stream_that_falls_silent_or_breaks_says_so_after_what_came() -> None:
    async def go(rest: float) -> tuple[bytes, str]:
        async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            await writer.drain()
            await asyncio.sleep(rest)

        peer = client()
        async with raw(half) as url, peer.stream("GET", url, timeout=0.2) as answer:
            received = await anext(answer.chunks)
            with pytest.raises(Unavailable) as raised:
                await anext(answer.chunks)
        await peer.close()
        return received, raised.value.what

    assert asyncio.run(go(0)) == (b"half", "reset: the answer broke off before its end")
    assert asyncio.run(go(1)) == (b"half", "time: no answer within 0.2 s")


def test_tls_of_a_known_authority(authority: Authority) -> None:
    async def go() -> None:
        chain, key = authority.issue("good", "127.0.0.1")
        async with serve([Listener(echo, tls=tls.server_context(chain, key))]) as (bound,):
            assert bound.url.startswith("https://")
            peer = client(authority.pem)
            assert (await peer.request("POST", bound.url, body=b"x")).body == b"x"
            await peer.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("roots", "address", "days", "why"),
    [
        (False, "127.0.0.1", 1, "unable to get local issuer|self-signed"),
        (True, "127.0.0.2", 1, "IP address mismatch"),
        (True, "127.0.0.1", -1, "expired"),
    ],
)
def test_tls_is_not_verified_and_says_why(authority: Authority, roots: bool, address: str, days: int, why: str) -> None:
    async def go() -> TrustspaceError:
        chain, key = authority.issue(f"bad{days}", address, days=days)
        async with serve([Listener(echo, tls=tls.server_context(chain, key))]) as (bound,):
            return await failure(client(authority.pem if roots else b""), bound.url)

    error = asyncio.run(go())
    assert isinstance(error, Unavailable)
    assert error.what.startswith("TLS: its certificate is not trusted")
    assert any(word in error.what for word in why.split("|"))


def test_https_to_a_plain_listener_never_falls_back() -> None:
    async def go() -> TrustspaceError:
        async with serve([Listener(echo)]) as (bound,):
            return await failure(client(), bound.url.replace("http:", "https:"))

    assert "TLS" in asyncio.run(go()).what


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_tls_versions_are_spoken(authority: Authority, version: ssl.TLSVersion) -> None:
    async def go() -> None:
        chain, key = authority.issue("good", "127.0.0.1")
        async with serve([Listener(echo, tls=tls.server_context(chain, key))]) as (bound,):
            context = tls.client_context(authority.pem)
            context.maximum_version = version
            peer = AiohttpPeer(context, policy=HOME)
            assert (await peer.request("POST", bound.url, body=b"x")).status == 200
            await peer.close()

    asyncio.run(go())


class Watched:
    """A name that changes its mind: public when first asked, private afterwards."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_name_with_one_private_address_is_refused_before_any_connection() -> None:
    async def go() -> None:
        async with serve([Listener(echo)]) as (bound,):
            rule = PlainHttp.of([f"http://rebind.example:{bound.port}"])
            for addresses in (["127.0.0.1"], ["1.1.1.1", "169.254.169.254"], ["::ffff:127.0.0.1"]):
                peer = client(policy=AddressPolicy(), plain=rule, lookup=Watched(addresses))
                error = await failure(peer, f"http://rebind.example:{bound.port}/")
                assert isinstance(error, Forbidden)
                assert addresses[-1] in error.what

    asyncio.run(go())


def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    async def go() -> None:
        async with serve([Listener(echo)]) as (bound,):
            lookup = Watched(["127.0.0.1"], ["169.254.169.254"])
            peer = client(plain=PlainHttp.of([f"http://rebind.example:{bound.port}"]), lookup=lookup)
            answer = await peer.request("GET", f"http://rebind.example:{bound.port}/")
            assert answer.headers["x-seen"].startswith(f"rebind.example:{bound.port}|")
            assert lookup.asked == 1
            await peer.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    "url", ["http://peer.example/", "http://10.0.0.1/", "https://169.254.169.254/", "https://[::]/"]
)
def test_what_may_not_be_called_is_not_even_looked_up(url: str) -> None:
    async def go() -> None:
        lookup = Watched(["1.1.1.1"])
        assert isinstance(await failure(client(lookup=lookup), url), Forbidden)
        assert lookup.asked == 0

    asyncio.run(go())


def test_localhost_that_is_elsewhere_is_not_loopback() -> None:
    async def go() -> None:
        error = await failure(client(lookup=Watched(["1.1.1.1"])), "http://localhost:1/")
        assert isinstance(error, Forbidden)

    asyncio.run(go())


def test_a_malformed_url_is_the_callers_mistake() -> None:
    async def go() -> None:
        assert isinstance(await failure(client(), "https://a@b/"), InvalidInput)

    asyncio.run(go())
