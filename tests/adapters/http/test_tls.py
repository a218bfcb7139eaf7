"""Certificates that are renewed under way, and pairs that do not fit."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path

import pytest

from tests.adapters.http.conftest import Authority
from trustspace.adapters.http import tls
from trustspace.core.errors import MisusedError, NotVerified


async def presented(context: ssl.SSLContext, port: int) -> str:
    """The digest of the certificate that a new handshake meets."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return hashlib.sha256(der).hexdigest()


def digest(chain: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(chain.read_text())).hexdigest()


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def test_a_renewed_certificate_serves_the_next_handshake_and_a_bad_one_changes_nothing(authority: Authority) -> None:
    async def go() -> None:
        old, new, other = (authority.issue(name, "127.0.0.1") for name in ("old", "new", "other"))
        context, client = tls.server_context(*old), tls.client_context(authority.pem)
        server = await asyncio.start_server(nothing, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            assert await presented(client, port) == digest(old[0])
            with pytest.raises(NotVerified):
                tls.reload(context, old[0], other[1])
            assert await presented(client, port) == digest(old[0])
            tls.reload(context, *new)
            assert await presented(client, port) == digest(new[0])

    asyncio.run(go())


def test_a_key_under_a_passphrase(authority: Authority) -> None:
    chain, key = authority.issue("covered", "127.0.0.1", password=b"open sesame")
    tls.server_context(chain, key, "open sesame")
    for wrong in ("wrong", None):
        with pytest.raises(NotVerified, match=r"covered\.key"):
            tls.server_context(chain, key, wrong)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MisusedError, match=r"none\.pem"):
        tls.server_context(tmp_path / "none.pem", tmp_path / "none.key")


@pytest.mark.parametrize(
    "roots", [b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff"]
)
def test_roots_that_are_no_certificates(roots: bytes) -> None:
    with pytest.raises(NotVerified):
        tls.client_context(roots)


def test_system_roots_are_added_only_on_request(authority: Authority) -> None:
    assert len(tls.client_context(authority.pem).get_ca_certs()) == 1
    assert tls.client_context(b"", system=True).verify_mode is ssl.CERT_REQUIRED
