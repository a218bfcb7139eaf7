"""Certificates: days left, the warning, renewal by hand and by itself, and what a crash in the middle leaves."""

from __future__ import annotations

import asyncio
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.node.spaces import make_node, space, urls
from trustspace.adapters.keys.file import FileKey
from trustspace.adapters.system import SystemIds
from trustspace.core.errors import TrustspaceError, Unavailable
from trustspace.core.identity.certificates import Profile, issue, public_key_of
from trustspace.core.identity.keys import thumbprint
from trustspace.node.connector import Connector
from trustspace.node.folder import Folder
from trustspace.node.renewing import DAY, HOUR, keep_renewed
from trustspace.services.authority import serial

PURPOSES = {"tls": Profile.TLS, "signing": Profile.SIGNING}


def aged(folder: Folder, authority: Folder, purpose: str, *, left: timedelta) -> None:
    """Put a certificate in the folder that was for 180 days and has so much left."""
    now = datetime.now(UTC)
    held = folder.facts(purpose, now)
    assert held is not None
    der = issue(
        authority.load_key("root"),
        authority.roots()[0],
        held.public_der,
        profile=PURPOSES[purpose],
        common_name=held.common_name,
        unit=held.identifier,
        hosts=held.hosts,
        serial=serial(SystemIds()),
        not_before=now + left - timedelta(days=180),
        not_after=now + left,
    )
    folder.write_certificate(purpose, der)


async def connect(url: str, root: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """A TLS connection and the thumbprint of the certificate that was presented."""
    context = ssl.create_default_context(cafile=str(root))
    host, port = url.removeprefix("https://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    presented: bytes = writer.get_extra_info("ssl_object").getpeercert(True)
    return reader, writer, thumbprint(presented)


async def asks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET /.well-known/dspace-version HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(size)
    return head.split(b"\r\n")[0]


def test_renewal_without_downtime(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path, "https") as s:
            root = tmp_path / "node" / "certificates" / "root.pem"
            entry = await s.product()
            await s.trip.negotiate(entry)
            before = {one.purpose: one.thumbprint for one in (await s.bus.status()).certificates}
            reader, writer, seen = await connect(s.urls["bus"], root)
            assert seen == before["tls"]
            status = await s.bus.call("renew")
            after = {one.purpose: one.thumbprint for one in status.certificates}
            assert not set(before.values()) & set(after.values())
            assert await asks(reader, writer) == b"HTTP/1.1 200 OK"  # the connection from before goes on
            writer.close()
            _, fresh, seen = await connect(s.urls["bus"], root)
            fresh.close()
            assert seen == after["tls"]
            contract = await s.trip.negotiate(entry)  # the peer takes the new signing certificate at once
            [provider] = [one for one in contract.signatures if one.role == "provider"]
            assert provider.thumbprint == after["signing"]
            async with s.trip.use(contract, purpose="trip-planning") as data:
                assert await data.read()

    asyncio.run(go())


def test_few_days_left_are_a_warning_and_reason_to_renew(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            aged(Folder(tmp_path / "bus"), Folder(tmp_path / "node"), "tls", left=timedelta(days=30, hours=1))
            assert "the tls certificate ends in 30 days: trustspace renew" in (await s.bus.status()).warnings
            await s.stop("bus")
            bus = await s.start("bus")  # it is looked at when the node starts
            end = asyncio.get_running_loop().time() + 5
            while any("certificate" in one for one in (await bus.status()).warnings):
                assert asyncio.get_running_loop().time() < end
                await asyncio.sleep(0.02)

    asyncio.run(go())


def test_a_node_renews_its_own_certificates_when_it_starts(tmp_path: Path) -> None:
    async def go() -> None:
        await make_node(tmp_path / "node", urls("https")["node"])
        folder = Folder(tmp_path / "node")
        aged(folder, folder, "tls", left=timedelta(minutes=-2))
        async with Connector.open(tmp_path / "node") as node:
            status = await node.status()
        assert [one.days_left > 100 for one in status.certificates] == [True, True]
        assert status.warnings == []

    asyncio.run(go())


def test_the_days_are_looked_at_daily_and_a_failure_hourly() -> None:
    pauses: list[float] = []
    answers: list[bool | TrustspaceError] = [True, Unavailable("the functional node is down"), False]

    async def renew() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, TrustspaceError):
            raise answer
        return answer

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if not answers:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(keep_renewed(renew, sleep=sleep))
    assert pauses == [DAY, HOUR, DAY]


@pytest.mark.parametrize("cut", ["asked", "tls", "both"])
def test_a_renewal_cut_short_leaves_a_working_node(tmp_path: Path, cut: str) -> None:
    """Cut after the new keys were made, after the first certificate, and after both but before their keys moved."""

    async def go() -> None:
        async with space(tmp_path) as s:
            entry = await s.product()
            folder = Folder(tmp_path / "bus")
            old = {name: (folder.key(name).read_bytes(), folder.read_certificate(name)) for name in PURPOSES}
            await s.bus.call("renew")
            for name, (key, certificate) in old.items():
                os.link(folder.key(name), folder.key(f"{name}.next"))
                folder.key(name).unlink()
                folder.key(name).write_bytes(key)
                folder.key(name).chmod(0o600)
                if cut == "asked" or (cut == "tls" and name == "signing"):
                    folder.write_certificate(name, certificate or b"")
            await s.stop("bus")
            bus = await s.start("bus")
            assert (await s.trip.negotiate(entry)).signed == "both"
            await bus.call("renew")
            assert (await s.trip.negotiate(entry)).signed == "both"
            for name in PURPOSES:
                held = folder.read_certificate(name) or b""
                assert FileKey.load(folder.key(name)).public_der == public_key_of(held)
                assert not folder.key(f"{name}.next").exists()

    asyncio.run(go())


def test_an_expired_certificate_is_told_and_the_node_still_starts(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            aged(Folder(tmp_path / "trip"), Folder(tmp_path / "node"), "signing", left=timedelta(minutes=-2))
            await s.stop("node")
            await s.stop("trip")
            warnings = (await (await s.start("trip")).status()).warnings
            assert "the signing certificate has expired: trustspace renew" in warnings
            assert any("functional node cannot be asked" in one for one in warnings)

    asyncio.run(go())
