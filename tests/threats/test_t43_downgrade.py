"""Weaker than agreed: old versions, weak keys, unknown authorities, plain HTTP, old TLS, signatures left out."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from starlette.responses import Response

from tests.services.spaces import count, space
from tests.threats.attacks import first_request, post, token_for
from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.adapters.http.tls import client_context, server_context
from trustspace.core.contract import Contract, Negotiation, State
from trustspace.core.errors import Forbidden, NotVerified, Refused, Unavailable
from trustspace.core.identity.keys import load_public
from trustspace.node.serving import Listener, serve
from trustspace.protocols.dsp.version import Version, choose
from trustspace.testing.cheats import unsigned

pytestmark = pytest.mark.anyio
LOCAL = AddressPolicy(loopback=True)


def der(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


WEAK: dict[str, Callable[[], CertificatePublicKeyTypes]] = {
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024).public_key(),
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048).public_key(),
    "P-192": lambda: ec.generate_private_key(ec.SECP192R1()).public_key(),
    "P-224": lambda: ec.generate_private_key(ec.SECP224R1()).public_key(),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()).public_key(),
    "DSA": lambda: dsa.generate_private_key(1024).public_key(),
    "Ed448": lambda: ed448.Ed448PrivateKey.generate().public_key(),
    "X25519": lambda: x25519.X25519PrivateKey.generate().public_key(),
}


@pytest.mark.parametrize("name", WEAK)
def test_weak_and_foreign_keys_are_no_keys(name: str) -> None:
    with pytest.raises(NotVerified):
        load_public(der(WEAK[name]()))


def test_the_two_kinds_of_keys_are() -> None:
    load_public(der(ec.generate_private_key(ec.SECP256R1()).public_key()))
    load_public(der(ed25519.Ed25519PrivateKey.generate().public_key()))


@pytest.mark.parametrize("versions", [(), ("2024-1",), ("v0.8", "2024-1"), ("2025-1-rc1",), ("2025-10",)])
def test_a_peer_of_older_versions_only_is_refused(versions: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="does not speak 2025-1"):
        choose(map(Version, versions))
    assert choose(map(Version, (*versions, "2025-1"))).version == "2025-1", "the control"


@pytest.mark.parametrize("path", ["/dsp/2024-1", "/dsp", "/dsp/v0.8", "/dsp/2025-1/.."])
async def test_old_versions_are_not_served(path: str) -> None:
    async with space(approval="manual") as s:
        url, body, token = await first_request(s)
        old = url.replace("/dsp/2025-1", path)
        assert (await post(s, old, body, token_for(s, old, body))).status == 404
        assert await count(s.bus, Negotiation) == 0
        assert (await post(s, url, body, token)).status == 201, "the control"


async def test_a_peer_that_signs_and_stops_is_refused_as_a_downgrade() -> None:
    async with space() as s:
        mine, _ = await s.both(await s.negotiation("control"))
        assert mine.state is State.FINALIZED, "the control"
        s.tricks.alter("agree", unsigned)
        mine, theirs = await s.both(await s.negotiation("unsigned"))
        assert mine.state is theirs.state is State.TERMINATED
        assert "downgrade" in mine.reasons[0]
        assert await count(s.planner, Contract) == 1


# --- connections -----------------------------------------------------------------------------------------------------


def self_signed(folder: Path, *, days: int = 1, bits: int = 0) -> tuple[Path, Path, bytes]:
    """A certificate for 127.0.0.1 and its key as files, and the certificate to trust; expired where `days` < 0."""
    key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    end = datetime.now(UTC) + timedelta(days=days)
    serial, begin = x509.random_serial_number(), end - timedelta(days=30)
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, begin, end)
    hosts = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = builder.add_extension(hosts, critical=False).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    pem = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    (folder / "chain.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "chain.pem", folder / "key.pem", pem


async def get(server: ssl.SSLContext, client: ssl.SSLContext) -> int:
    """The status of a request over TLS."""
    async with serve([Listener(Response("hello"), tls=server)]) as (bound,):
        peer = AiohttpPeer(client, policy=LOCAL)
        try:
            return (await peer.request("GET", bound.url, timeout=5)).status
        finally:
            await peer.close()


async def test_authorities_that_are_unknown_and_certificates_that_are_over(tmp_path: Path) -> None:
    chain, key, pem = self_signed(tmp_path)
    assert await get(server_context(chain, key), client_context(pem)) == 200, "the control"
    with pytest.raises(Unavailable, match="TLS: its certificate is not trusted"):
        await get(server_context(chain, key), client_context(b"", system=True))
    chain, key, pem = self_signed(tmp_path, days=-1)
    with pytest.raises(Unavailable, match=r"expired.*is this machine's clock right"):
        await get(server_context(chain, key), client_context(pem))
    chain, key, pem = self_signed(tmp_path, days=60)
    with pytest.raises(Unavailable, match=r"not yet valid.*is this machine's clock right"):
        await get(server_context(chain, key), client_context(pem))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_is_spoken_by_neither_side(tmp_path: Path, version: ssl.TLSVersion) -> None:
    chain, key, pem = self_signed(tmp_path)
    assert await get(server_context(chain, key), client_context(pem)) == 200, "the control"
    old_client, old_server = client_context(pem), server_context(chain, key)
    for context in (old_client, old_server):
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context.minimum_version = version
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context.maximum_version = version
    with pytest.raises(Unavailable):
        await get(server_context(chain, key), old_client)
    with pytest.raises(Unavailable):
        await get(old_server, client_context(pem))


async def test_a_weak_key_in_a_tls_certificate_is_refused(tmp_path: Path) -> None:
    chain, key, pem = self_signed(tmp_path, bits=1024)
    with pytest.raises((NotVerified, Unavailable, ssl.SSLError)):
        await get(server_context(chain, key), client_context(pem))


@pytest.mark.parametrize("url", ["http://bus.example/dsp", "http://93.184.216.34/dsp", "http://10.1.2.3/dsp"])
async def test_nothing_is_sent_in_the_clear(url: str) -> None:
    peer = AiohttpPeer(client_context(b"", system=True), policy=LOCAL, plain=PlainHttp.of(["http://10.1.2.4"]))
    with pytest.raises(Forbidden):
        await peer.request("GET", url)
    await peer.close()
