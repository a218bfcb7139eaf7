"""A did:web has one spelling, and its document is read strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from tests.core.identity.world import BUS_KEY, OTHER_KEY, ROOT, SIGNING, make_leaf
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.canon import encode64
from trustspace.core.errors import InvalidInput, NotVerified, TooLarge, TrustspaceError
from trustspace.core.identity.did import (
    RELATIONSHIPS,
    Service,
    base_url,
    did_from_url,
    from_jwk,
    make_document,
    read_document,
    to_jwk,
    url_from_did,
)
from trustspace.core.identity.keys import thumbprint, to_x5t
from trustspace.core.identity.x5c import encode

BUS = "did:web:bus.example%3A8443"
ED_KEY = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SERVICES = [("DataService", "https://bus.example:8443/dsp/2025-1"), ("TrustspaceLog", "https://bus.example:8443/log")]

NAMES = [
    ("https://bus.example", "did:web:bus.example", "https://bus.example/.well-known/did.json"),
    ("https://bus.example/", "did:web:bus.example", "https://bus.example/.well-known/did.json"),
    ("https://Bus.Example:443", "did:web:bus.example", "https://bus.example/.well-known/did.json"),
    ("https://bus.example:8443", BUS, "https://bus.example:8443/.well-known/did.json"),
    ("https://a.example/x/y-1_2.z/", "did:web:a.example:x:y-1_2.z", "https://a.example/x/y-1_2.z/did.json"),
    ("https://a.example:1/x", "did:web:a.example%3A1:x", "https://a.example:1/x/did.json"),
    ("https://127.0.0.1:8001", "did:web:127.0.0.1%3A8001", "https://127.0.0.1:8001/.well-known/did.json"),
    ("https://xn--55qx5d.cn", "did:web:xn--55qx5d.cn", "https://xn--55qx5d.cn/.well-known/did.json"),
    ("http://localhost:80", "did:web:localhost", "https://localhost/.well-known/did.json"),
]


@pytest.mark.parametrize(("url", "did", "document"), NAMES)
def test_a_url_has_a_name_and_back(url: str, did: str, document: str) -> None:
    assert did_from_url(url) == did
    assert url_from_did(did) == document
    assert did_from_url(base_url(did)) == did
    assert url_from_did(did, plain=True) == document.replace("https:", "http:")


@pytest.mark.parametrize(
    "url",
    [
        "", "bus.example", "ftp://bus.example", "file:///etc/passwd", "https://", "https:///x", "https://user@bus.example",
        "https://user:pw@bus.example", "https://bus.example@evil.example", "https://bus.example?x=1",
        "https://bus.example#x", "https://公交.example", "https://bus.example/公交", "https://bus.example/..",
        "https://bus.example/a/../b", "https://bus.example/%2e%2e", "https://bus.example/a//b", "https://bus.example:0",
        "https://bus.example:65536", "https://bus.example:x", "https://[::1]:8443", "https://[::1", "https://bus_x.example",
        "https://bus.example.", "https://2130706433", "https://0x7f.1", "https://127.1", "https://bus.example/a:b",
        "https://bus.example\\@evil.example", "https://bus.example/.hidden",
    ],
)  # fmt: skip
def test_other_urls_have_no_name(url: str) -> None:
    with pytest.raises(InvalidInput):
        did_from_url(url)


@pytest.mark.parametrize(
    "rest",
    [
        "", ":", "%3A8443", "bus.example%3A", "bus.example%3a8443", "bus.example%3A443", "bus.example%3A08443",
        "bus.example%3A65536", "bus.example%3A-1", "bus.example%3A1%3A2", "bus.example:8443:", "bus.example:",
        "bus.example::x", "bus.example:..", "bus.example:.", "bus.example:%2e%2e", "bus.example:%2E%2E",
        "bus.example:a%2Fb", "bus.example:.well-known", "Bus.example", "bus.example.", ".bus.example", "bus..example",
        "-bus.example", "bus-.example", "user@bus.example", "user%40bus.example", "user:pw@bus.example",
        "bus.example/evil", "bus.example?x", "bus.example#x", "bus.example\\x", "bus.example x", "bus.example\n",
        "公交.example", "bus.exаmple", "b\u00fcs.example", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001",
        "2130706433", "127.0.0.256", "127.0.0.01", "1.2.3.4.5", "a.0x1", "%5B%3A%3A1%5D", "[::1]", "::1",
        "%5B%3A%3Affff:127.0.0.1%5D", "bus.example%00", "bus.example%2Eevil", "bus.example%252e", "a" * 64 + ".example",
        ".".join(["a" * 60] * 5), "169.254.169.254@bus.example", "bus.example%3A80@evil.example", "bus.example%3A1 ",
    ],
)  # fmt: skip
def test_every_other_spelling_is_refused(rest: str) -> None:
    for plain in (False, True):
        with pytest.raises(InvalidInput):
            url_from_did(f"did:web:{rest}", plain=plain)


@pytest.mark.parametrize(
    "did", ["", "did:key:z6Mk", "did:WEB:bus.example", "xdid:web:bus.example", " did:web:a", "web:a"]
)
def test_other_methods_are_refused(did: str) -> None:
    with pytest.raises(InvalidInput):
        url_from_did(did)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        url = base_url(f"did:web:{text}")
    except InvalidInput:
        return
    assert did_from_url(url) == f"did:web:{text}"


def test_a_document_gives_keys_with_their_uses_and_services() -> None:
    renewed = make_leaf(OTHER_KEY, serial=9)
    data = make_document(BUS, certificates=[SIGNING, renewed], services=SERVICES, also_known_as="urn:x:1")
    document = read_document(data, BUS)
    name = f"{BUS}#{to_x5t(thumbprint(SIGNING))}"
    assert list(document.keys) == [name, f"{BUS}#{to_x5t(thumbprint(renewed))}"]
    key = document.keys[name]
    assert (key.public_der, key.certificates, key.purposes) == (
        BUS_KEY.public_der,
        (SIGNING,),
        frozenset(RELATIONSHIPS),
    )
    assert document.key(thumbprint(SIGNING)) is key
    assert document.key(thumbprint(ROOT)) is None
    assert document.service("DataService") == Service(f"{BUS}#dataservice", *SERVICES[0])
    assert document.service("CatalogService") is None
    assert json.loads(data)["alsoKnownAs"] == ["urn:x:1"]
    assert read_document(make_document(BUS, certificates=[]), BUS).keys == {}


def _document(**change: Any) -> bytes:
    method = {"id": "#k", "type": "JsonWebKey", "controller": BUS, "publicKeyJwk": to_jwk(BUS_KEY.public_der)}
    return json.dumps({"id": BUS, "verificationMethod": [method], "authentication": ["#k"], **change}).encode()


def _method(jwk: Any, name: str = "#k") -> dict[str, Any]:
    return {"id": name, "type": "JsonWebKey", "publicKeyJwk": jwk}


def test_documents_of_others_are_read() -> None:
    (key,) = read_document(_document(), BUS).keys.values()
    assert (key.public_der, key.certificates, key.purposes) == (BUS_KEY.public_der, (), frozenset({"authentication"}))
    embedded = [_method(to_jwk(ED_KEY.public_der), f"{BUS}#e")]
    document = read_document(_document(verificationMethod=[], authentication=embedded), BUS)
    assert document.keys[f"{BUS}#e"].public_der == ED_KEY.public_der
    assert document.keys[f"{BUS}#e"].purposes == {"authentication"}


@pytest.mark.parametrize(
    "method",
    [
        {"id": "#k", "type": "Multikey", "publicKeyMultibase": "z6Mk"},
        _method({"kty": "RSA", "n": "AQ", "e": "AQAB"}),
        _method({"kty": "EC", "crv": "secp256k1", "x": "a", "y": "b"}),
        _method({"kty": ["EC"], "crv": {}}),
        _method(to_jwk(BUS_KEY.public_der), "did:web:evil.example#k"),
    ],
)
def test_keys_that_are_not_accepted_are_left_out(method: dict[str, Any]) -> None:
    assert read_document(_document(verificationMethod=[method]), BUS).keys == {}


EC = to_jwk(BUS_KEY.public_der)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "did:web:evil.example"},
        {"id": None},
        {"verificationMethod": {}},
        {"verificationMethod": "x"},
        {"verificationMethod": [5]},
        {"verificationMethod": [{}]},
        {"verificationMethod": [_method(EC), _method(EC)]},
        {"verificationMethod": [_method(EC), _method(EC, f"{BUS}#k")]},
        {"verificationMethod": [_method(5)]},
        {"verificationMethod": [_method(EC, "#")]},
        {"verificationMethod": [_method(EC, "#" + "k" * 600)]},
        {"verificationMethod": [_method({**EC, "d": "AQ"})]},
        {"verificationMethod": [_method({"kty": "oct", "k": "AQ"})]},
        {"verificationMethod": [_method({**EC, "x": EC["y"]})]},
        {"verificationMethod": [_method({**EC, "x": 5})]},
        {"verificationMethod": [_method({**EC, "x": EC["x"] + "="})]},
        {"verificationMethod": [_method({**EC, "x": "AQ"})]},
        {"verificationMethod": [_method({"kty": "OKP", "crv": "Ed25519"})]},
        {"verificationMethod": [_method({**EC, "x5c": []})]},
        {"verificationMethod": [_method({**EC, "x5c": ["AQ=="]})]},
        {"verificationMethod": [_method({**EC, "x5c": encode([ROOT])})]},
        {"verificationMethod": [_method(EC, f"#{i}") for i in range(65)]},
        {"authentication": [5]},
        {"authentication": "x"},
        {"service": [5]},
        {"service": ["#x"]},
        {"service": [{"id": "#s", "type": "X"}]},
        {"service": [{"id": "#s", "type": ["X"], "serviceEndpoint": "https://a.example"}]},
        {"service": [{"id": "#s", "type": "X", "serviceEndpoint": {}}]},
    ],
)
def test_broken_documents_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, NotVerified)):
        read_document(_document(**change), BUS)


def test_documents_are_bounded_json() -> None:
    with pytest.raises(TooLarge):
        read_document(_document(x="a" * 65536), BUS)
    for data in (b"", b"[]", b"null", b'{"id":1,"id":1}', b"\xff"):
        with pytest.raises(InvalidInput):
            read_document(data, BUS)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    with pytest.raises(TrustspaceError):
        read_document(data, BUS)


@pytest.mark.parametrize("key", [BUS_KEY, ED_KEY])
def test_keys_are_read_back_from_json(key: PrivateKey) -> None:
    assert from_jwk(to_jwk(key.public_der)) == key.public_der


def test_a_point_off_the_curve_is_no_key() -> None:
    with pytest.raises(InvalidInput, match="not a key"):
        from_jwk({**EC, "y": encode64(bytes(32))})
