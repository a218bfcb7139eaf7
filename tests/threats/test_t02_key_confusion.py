"""A public key is never a secret, and the key alone decides the algorithm: tokens, statements, lists, receipts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tests.services.spaces import space
from tests.threats.forging import Sign, by_hand, call, controlled
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.canon import canonical, decode64, encode64, loads_object
from trustspace.core.errors import NotVerified
from trustspace.core.evidence.receipts import batch, read_receipt, receipt_leaf
from trustspace.core.identity.did import to_jwk
from trustspace.core.identity.keys import to_x5t
from trustspace.core.identity.participants import verify_list
from trustspace.core.identity.tokens import TokenKind
from trustspace.node.seal import STATEMENTS
from trustspace.testing.world import World

HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512", "ES256": "sha256"}
ED_KEY = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def public_forms(public_der: bytes, certificate: bytes) -> Iterator[bytes]:
    """Every spelling of a public key that a library may take for a secret."""
    key = load_der_public_key(public_der)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = to_jwk(public_der)
    yield from (public_der, pem, pem.strip(), pem.replace(b"\n", b"\r\n"), base64.b64encode(public_der))
    yield key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    yield (point := key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    yield from (point[1:], point[1:33], json.dumps(jwk).encode(), canonical(jwk), jwk["x"].encode())
    yield from (certificate, base64.b64encode(certificate), hashlib.sha256(certificate).digest(), b"")


def keyed(secret: bytes, name: str) -> Sign:
    return lambda data: hmac.digest(secret, data, name)


@pytest.mark.anyio
async def test_no_spelling_of_the_public_key_is_a_secret() -> None:
    async with space(approval="manual") as s:
        seal = s.planner.engine.seal
        forms = list(public_forms(seal.key.public_der, seal.certificate))
        assert len(set(forms)) == 16
        for entry in await controlled(s):
            for algorithm, name in HASHES.items():
                for secret in forms:
                    token = by_hand(s, entry, head={"alg": algorithm}, sign=keyed(secret, name))
                    assert (await call(s, entry, token)).status == 401, (algorithm, entry.path)


@pytest.mark.anyio
async def test_a_key_of_another_kind_does_not_bring_its_algorithm() -> None:
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            for algorithm in ("EdDSA", "ES256", "Ed25519"):
                token = by_hand(s, entry, head={"alg": algorithm}, sign=ED_KEY.sign)
                assert (await call(s, entry, token)).status == 401, (algorithm, entry.path)


@pytest.mark.anyio
async def test_statements_are_no_looser() -> None:
    async with space() as s:
        seal, peer = s.planner.engine.seal, await s.bus.engine.directory.known(s.planner.did)
        for kind, typ in STATEMENTS.items():
            good = seal.statement(kind, b"{}")
            assert s.bus.engine.seal.check_statement(kind, good, peer) == b"{}", "the control"
            for secret in public_forms(seal.key.public_der, seal.certificate):
                head = encode64(canonical({"alg": "HS256", "typ": typ, "x5t#S256": to_x5t(seal.thumbprint)}))
                text = f"{head}.{encode64(b'{}')}"
                forged = f"{text}.{encode64(hmac.digest(secret, text.encode(), 'sha256'))}"
                with pytest.raises(NotVerified):
                    s.bus.engine.seal.check_statement(kind, forged, peer)


@pytest.mark.anyio
async def test_nor_is_the_list_of_participants() -> None:
    async with World.open() as world:
        registry = world.functional.registry
        now, roots = world.clock.now(), [registry.authority.root]
        good = (await registry.node.participants.current()).signed
        assert verify_list(good, roots, now=now).version, "the control"
        head, payload, _ = good.decode().split(".")
        members = loads_object(decode64(head))
        assert members["typ"] == TokenKind.PARTICIPANTS
        certificate = base64.b64decode(members["x5c"][0])
        _refuse_lists(payload, members, certificate, roots, now)


def _refuse_lists(
    payload: str, members: dict[str, object], certificate: bytes, roots: list[bytes], now: datetime
) -> None:
    secrets = (certificate, base64.b64encode(certificate), hashlib.sha256(certificate).digest())
    for algorithm in ("HS256", "none", "EdDSA", "ES256"):
        for secret in secrets:
            text = f"{encode64(canonical({**members, 'alg': algorithm}))}.{payload}"
            forged = f"{text}.{encode64(hmac.digest(secret, text.encode(), 'sha512'))}"
            with pytest.raises(NotVerified):
                verify_list(forged.encode(), roots, now=now)


@pytest.mark.anyio
async def test_nor_are_receipts() -> None:
    async with space() as s:
        seal, now = s.planner.engine.seal, s.world.clock.now()
        names = {"sender": s.bus.did, "receiver": s.planner.did, "process": "urn:p", "state": "OFFERED"}
        leaf = receipt_leaf(received="0" * 64, answered="1" * 64, status=200, time=now, **names)
        [good] = batch([leaf], seal.key, seal.thumbprint)
        assert read_receipt(good, public_der=seal.key.public_der).status == 200, "the control"
        members = loads_object(decode64(good))
        for algorithm in ("HS256", "none", "EdDSA", "RS256", ""):
            for signature in (bytes(64), hmac.digest(seal.key.public_der, leaf, "sha512")):
                forged = {**members, "alg": algorithm, "signature": encode64(signature)}
                with pytest.raises(NotVerified):
                    read_receipt(encode64(canonical(forged)), public_der=seal.key.public_der)
