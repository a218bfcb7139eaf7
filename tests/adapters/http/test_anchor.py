"""First trust by a fingerprint that a person has."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from starlette.responses import Response
from starlette.types import ASGIApp

from tests.adapters.http.conftest import Authority
from trustspace.adapters.http import tls
from trustspace.adapters.http.addresses import AddressPolicy
from trustspace.adapters.http.anchor import PATH, fetch_anchor, fingerprint, parse_fingerprint
from trustspace.core.errors import Forbidden, InvalidInput, NotVerified, Unavailable
from trustspace.node.serving import Listener, serve

HOME = AddressPolicy(loopback=True)


def served(authority: Authority, content: bytes, expected: str, *, status: int = 200) -> bytes:
    app: ASGIApp = Response(content, status_code=status)

    async def go() -> bytes:
        listener = Listener(app, tls=tls.server_context(*authority.issue("node", "127.0.0.1")))
        async with serve([listener]) as (bound,):
            return await fetch_anchor(bound.url + "/", expected, policy=HOME)

    return asyncio.run(go())


def of(authority: Authority) -> str:
    return hashlib.sha256(authority.root.public_bytes(serialization.Encoding.DER)).hexdigest()


def test_the_matching_root_comes_back_alone_and_verifies_from_then_on(authority: Authority) -> None:
    other = authority.issue("other", "127.0.0.1")[0].read_bytes()
    pem = served(authority, b"note\n" + other + authority.pem + other, of(authority).upper())
    assert pem == authority.pem
    assert fingerprint(pem) == of(authority)


def test_another_root_is_refused_and_both_fingerprints_are_named(authority: Authority) -> None:
    with pytest.raises(NotVerified) as refused:
        served(authority, authority.pem, "ab" * 32)
    assert of(authority) in refused.value.what
    assert "ab" * 32 in refused.value.what


def test_an_answer_without_certificate(authority: Authority) -> None:
    with pytest.raises(NotVerified, match="no certificate"):
        served(authority, b"<html>", of(authority))
    with pytest.raises(Unavailable, match="404"):
        served(authority, b"", of(authority), status=404)


def test_no_unverified_request_to_where_none_may_go() -> None:
    with pytest.raises(Forbidden):
        asyncio.run(fetch_anchor("https://127.0.0.1:1", "ab" * 32))


def test_the_path_is_fixed() -> None:
    assert PATH == "/.well-known/trustspace-root.pem"


@pytest.mark.parametrize(
    "text", [":".join(["AB"] * 32), "ab" * 32, "SHA256:" + "ab" * 32, " sha256 Fingerprint=" + ":".join(["ab"] * 32)]
)
def test_every_spelling_in_use_is_read(text: str) -> None:
    assert parse_fingerprint(text) == "ab" * 32


@pytest.mark.parametrize("text", ["", "ab" * 20, "zz" * 32, "ab" * 33, "ab" * 31])
def test_half_a_fingerprint_is_none(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_fingerprint(text)
