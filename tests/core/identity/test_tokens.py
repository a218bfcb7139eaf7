"""A token holds for its sender, its reader, its request, its kind and its minute; a statement for its exact bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from tests.core.identity.world import BUS_KEY, NOW, OTHER_KEY, ROOT, SIGNING
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.canon import encode64
from trustspace.core.errors import InvalidInput, MisusedError, NotVerified, TrustspaceError, Unauthenticated
from trustspace.core.identity.did import to_jwk
from trustspace.core.identity.keys import thumbprint, to_x5t
from trustspace.core.identity.tokens import (
    KINDS,
    Claims,
    TokenKind,
    claimed,
    issue,
    issuer_unverified,
    read_header,
    request_digest,
    sign_statement,
    statement_header,
    verify,
    verify_statement,
)

BUS, PLANNER = "did:web:bus.example", "did:web:planner.example%3A8443"
NAME = thumbprint(SIGNING)
DIGEST = request_digest("POST", "/dsp/negotiations/request?x=1", b"{}")
SECONDS = int(NOW.timestamp())
STATEMENTS = [kind for kind in TokenKind if not KINDS[kind].lifetime]
ED_KEY = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def make(key: PrivateKey = BUS_KEY, **change: Any) -> str:
    arguments: dict[str, Any] = {
        "typ": TokenKind.REQUEST,
        "issuer": BUS,
        "audience": PLANNER,
        "now": NOW,
        "jti": "urn:uuid:1",
        "digest": DIGEST,
    }
    return issue(key, NAME, **{**arguments, **change})


def check(token: str, **change: Any) -> Claims:
    arguments: dict[str, Any] = {
        "public_der": BUS_KEY.public_der,
        "typ": TokenKind.REQUEST,
        "issuer": BUS,
        "audience": PLANNER,
        "now": NOW,
        "digest": DIGEST,
    }
    return verify(token, **{**arguments, **change})


def forge(
    claims: object = None,
    header: object = None,
    *,
    sign: Callable[[bytes], bytes] = BUS_KEY.sign,
    change: dict[str, Any] | None = None,
    head: dict[str, Any] | None = None,
) -> str:
    """A token put together by hand, rightly signed over whatever stands in it."""
    right = {"iss": BUS, "sub": BUS, "aud": PLANNER, "iat": SECONDS, "exp": SECONDS + 60, "jti": "1", "digest": DIGEST}
    said = claims if claims is not None else {**right, **(change or {})}
    top = header if header is not None else {"alg": "ES256", "typ": "trustspace-request+jwt", **(head or {})}
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (top, said)]
    text = ".".join(map(encode64, parts))
    return f"{text}.{encode64(sign(text.encode()))}"


def refused(token: str, match: str = ".", **change: Any) -> Unauthenticated:
    with pytest.raises(Unauthenticated, match=match) as caught:
        check(token, **change)
    return caught.value


def test_a_token_says_who_calls_whom_with_what() -> None:
    token = make(claims={"purpose": "trip-planning"})
    claims = check(token)
    assert (claims.issuer, claims.audience, claims.jti, claims.digest) == (BUS, PLANNER, "urn:uuid:1", DIGEST)
    assert (claims.issued, claims.expires) == (NOW, NOW + timedelta(seconds=60))
    assert claims.usable_until == NOW + timedelta(seconds=180)
    assert claims.thumbprint == NAME
    assert claims.extra == {"purpose": "trip-planning"}
    assert make(claims={"purpose": "trip-planning"}) == token
    check(forge())
    check(make(ED_KEY), public_der=ED_KEY.public_der)


def test_pyjwt_reads_the_same() -> None:
    key = load_der_public_key(BUS_KEY.public_der)
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(make(), key, ["ES256"], options, audience=PLANNER)  # type: ignore[arg-type]  # a P-256 key
    assert claims["digest"] == DIGEST
    assert jwt.get_unverified_header(make()) == {
        "alg": "ES256",
        "typ": "trustspace-request+jwt",
        "x5t#S256": to_x5t(NAME),
    }


def test_what_a_token_claims_is_read_before_its_key_is_known() -> None:
    said = claimed(make(certificates=[SIGNING, ROOT]))
    assert (said.issuer, said.thumbprint, said.typ) == (BUS, NAME, "trustspace-request+jwt")
    assert said.certificates == (SIGNING, ROOT)
    assert claimed(forge(head={"kid": f"{BUS}#1"})).kid == f"{BUS}#1"
    assert read_header(make()).algorithm == "ES256"
    for token in (forge(change={"iss": ""}), forge(change={"iss": 1}), forge([1]), forge(b"{"), "a.b", ""):
        with pytest.raises(Unauthenticated):
            claimed(token)
    with pytest.raises(Unauthenticated):
        read_header("x")


def test_the_issuer_of_any_token_is_what_it_says() -> None:
    assert issuer_unverified(make()) == issuer_unverified(forge(head={"jwk": {}, "alg": "RS256"})) == BUS
    for token in ("", "x", "a.b.c", f"a.{encode64(b'{}')}", f"a.{encode64(b'[]')}.c", forge(change={"iss": 5})):
        assert issuer_unverified(token) == ""


def test_a_token_belongs_to_its_request() -> None:
    digests = {
        request_digest("POST", "/a?b=1", b"{}"),
        request_digest("PUT", "/a?b=1", b"{}"),
        request_digest("POST", "/a?b=2", b"{}"),
        request_digest("POST", "/a?b=1", b"{ }"),
        request_digest("POST", "/a", b"?b=1{}"),
    }
    assert len(digests) == 5
    assert request_digest("post", "/a?b=1", b"{}") in digests
    for other in (*digests, "", "ä"):
        refused(make(), "another request", digest=other)
    refused(forge(change={"digest": 5}), "another request")
    refused(forge(change={"digest": None}), "another request")


def test_a_token_belongs_to_its_parties() -> None:
    refused(make(), "aud is", audience=BUS)
    refused(make(), "aud is", audience=PLANNER + "/")
    refused(make(), "iss is", issuer=PLANNER)
    refused(forge(change={"sub": PLANNER}), "sub is")
    others: list[Any] = [[PLANNER], [PLANNER, BUS], {}, None, True, PLANNER.upper(), f" {PLANNER}"]
    for value in others:
        refused(forge(change={"aud": value}), "aud is")
    refused(make(OTHER_KEY), "does not fit")
    assert refused(make(), public_der=OTHER_KEY.public_der).status == 401


def test_a_token_lives_a_minute_and_clocks_may_differ_by_another() -> None:
    check(make(), now=NOW + timedelta(seconds=119))
    assert "fresh" in refused(make(), "expired 60 s ago", now=NOW + timedelta(seconds=120)).hint
    refused(make(), "expired 0 s ago", now=NOW + timedelta(seconds=60), skew=0)
    check(make(), now=NOW - timedelta(seconds=60))
    error = refused(make(), "not yet valid: your clock is 61 s ahead of ours", now=NOW - timedelta(seconds=61))
    assert "NTP" in error.hint
    refused(make(), "1 s ahead of ours", now=NOW - timedelta(seconds=1), skew=0)
    check(forge(change={"nbf": SECONDS + 60}))
    refused(forge(change={"nbf": SECONDS + 61}), "your clock is 61 s ahead of ours")
    check(make(lifetime=1))
    refused(forge(change={"exp": SECONDS + 61}), "lives 61 s")
    refused(forge(change={"exp": SECONDS}), "lives 0 s")
    refused(forge(change={"exp": SECONDS - 1}), "lives -1 s")
    with pytest.raises(InvalidInput, match="offset"):
        check(make(), now=datetime(2026, 11, 24))  # noqa: DTZ001 -- that is the point


BAD_NUMBERS = [
    None, True, False, "1795478400", "", "soon", [], {}, [SECONDS], {"$numberLong": SECONDS},
    -1, -SECONDS, 1 << 53, 1 << 63, (1 << 63) - 1, -(1 << 63), 1 << 64, 10**30, 253_402_300_800,
    float(SECONDS), SECONDS + 0.5, 1e300, -0.0, float("nan"), float("inf"), float("-inf"),
    b"1e400", b"0x6b0", b"01", b"1_000", b"NaN", b"-Infinity", "NaN", "1e9", "\u0661",
]  # fmt: skip


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", BAD_NUMBERS, ids=repr)
def test_times_are_whole_seconds_and_nothing_else(name: str, value: object) -> None:
    if isinstance(value, bytes):
        text = json.dumps({"iss": BUS, "sub": BUS, "aud": PLANNER, "iat": 1, "exp": 2, "jti": "1", name: 4711})
        refused(forge(text.replace("4711", value.decode()).encode()))
    else:
        refused(forge(change={name: value}))


@pytest.mark.parametrize("value", [None, "", 1, True, [], "a b", "a\n", "ä", "a" * 129, {"a": 1}], ids=repr)
def test_a_token_has_a_name_to_remember(value: object) -> None:
    refused(forge(change={"jti": value}), "jti")


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "exp", "jti", "digest"])
def test_no_claim_may_be_missing(name: str) -> None:
    claims = json.loads(base64.urlsafe_b64decode(make().split(".")[1] + "=="))
    del claims[name]
    refused(forge(claims))


HEADERS: list[dict[str, Any]] = [
    {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/cert"}, {"jwk": to_jwk(OTHER_KEY.public_der)},
    {"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"b64": True}, {"b64": False, "crit": ["b64"]},
    {"cty": "JWT"}, {"zip": "DEF"}, {"enc": "A128GCM"}, {"x5t": "abc"}, {"iat": 1}, {"ALG": "ES256"}, {"": ""},
    {"kid": 1}, {"kid": ""}, {"kid": None}, {"kid": "../../etc/passwd"}, {"kid": "' OR 1=1 --"},
    {"kid": "https://evil.example/?k=1"}, {"kid": "a" * 513}, {"kid": "a\x00"}, {"kid": ["a"]},
    {"x5t#S256": ""}, {"x5t#S256": NAME}, {"x5t#S256": 5}, {"x5t#S256": to_x5t(NAME) + "="},
    {"x5c": []}, {"x5c": "MII"}, {"x5c": [5]}, {"x5c": [""]}, {"x5c": ["@@"]}, {"x5c": ["QQ"]}, {"x5c": ["QR=="]},
    {"x5c": ["QQ=="] * 5}, {"x5c": ["QQ=="], "x5t#S256": to_x5t(NAME)}, {"x5c": None}, {"x5c": ["Q Q="]},
    {"typ": ""}, {"typ": None}, {"typ": "JWT"}, {"typ": "trustspace-request+JWT"}, {"typ": ["a"]},
    {"alg": ""}, {"alg": None}, {"alg": ["ES256"]}, {"alg": 5},
]  # fmt: skip


@pytest.mark.parametrize("head", HEADERS, ids=repr)
def test_headers_name_a_key_and_nothing_else(head: dict[str, Any]) -> None:
    refused(forge(head=head))


@pytest.mark.parametrize("header", [b"", b"{}", b"[]", b"null", b"{", b'{"alg":"ES256","alg":"none"}', b"\xff"])
def test_headers_are_read_strictly(header: bytes) -> None:
    refused(forge(header=header))


@given(st.text(max_size=60))
def test_any_key_name_is_plain_or_refused(kid: str) -> None:
    try:
        assert read_header(forge(head={"kid": kid})).kid == kid
    except Unauthenticated:
        return
    assert kid.isascii()
    assert not set(kid) & set("/\\'\" \n?&;")


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "HS256", "RS256", "PS256", "ES384", "EdDSA", "es256"]
)
def test_the_header_does_not_choose_the_algorithm(algorithm: str) -> None:
    for sign in (BUS_KEY.sign, lambda _: b"x", ED_KEY.sign):
        refused(forge(head={"alg": algorithm}, sign=sign), "not the algorithm of the issuer's key")


def test_no_signature_is_no_token() -> None:
    head, body, _ = make().split(".")
    unsigned = encode64(json.dumps({"alg": "none", "typ": "trustspace-request+jwt"}).encode())
    for token in (f"{head}.{body}.", f"{head}.{body}", f"{unsigned}.{body}.", f"{head}..", f".{body}.", "..", "."):
        refused(token, "three parts")


def _public_forms() -> list[bytes]:
    key = load_der_public_key(BUS_KEY.public_der)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    jwk = to_jwk(BUS_KEY.public_der)
    texts = [json.dumps(jwk).encode(), json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()]
    return [BUS_KEY.public_der, pem, pem.strip(), point, point[1:], SIGNING, base64.b64encode(SIGNING), *texts, b""]


@pytest.mark.parametrize("secret", _public_forms(), ids=range(10))
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "ES256"])
def test_a_public_key_is_never_a_secret(secret: bytes, algorithm: str) -> None:
    kind = getattr(hashlib, f"sha{algorithm[2:]}")
    refused(forge(head={"alg": algorithm}, sign=lambda data: hmac.digest(secret, data, kind)))


def test_each_character_counts() -> None:
    token = make()
    for index, character in enumerate(token):
        for other in ("A" if character != "A" else "B", "", "=", "\n"):
            refused(token[:index] + other + token[index + 1 :])


@given(st.text(max_size=80))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    for token in (text, make() + text + "x", f"{text}.{text}.{text}"):
        refused(token)


def test_sizes_are_bounded() -> None:
    refused(forge(change={"x": "a" * 70_000}), "more than 65536")
    refused(forge(head={"x": "a" * 20_000}), "header of more than")


def test_a_signature_has_one_spelling() -> None:
    head, body, signature = make().split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [c for c in last if c != signature[-1] and base64.urlsafe_b64decode(signature[:-1] + c + "==")]
    for other in others:
        refused(f"{head}.{body}.{signature[:-1]}{other}")
    spare = encode64(b'{"alg":"ES256"}')[:-1] + "1"
    refused(f"{spare}.{body}.{signature}")


def test_a_payload_has_one_spelling() -> None:
    head, body, signature = forge(b"x").split(".")
    assert body == "eA"
    refused(f"{head}.eB.{signature}", "second spelling")


@pytest.mark.parametrize("kind", list(TokenKind))
@pytest.mark.parametrize("expected", STATEMENTS)
def test_no_kind_passes_as_another(kind: TokenKind, expected: TokenKind) -> None:
    token = make() if kind is TokenKind.REQUEST else sign_statement(BUS_KEY, NAME, kind, b"{}")
    if kind is expected:
        assert verify_statement(token, public_der=BUS_KEY.public_der, kind=expected) == b"{}"
        return
    with pytest.raises(NotVerified, match="is expected"):
        verify_statement(token, public_der=BUS_KEY.public_der, kind=expected)
    if kind is not TokenKind.REQUEST:
        refused(token, "is expected")


@given(st.binary(max_size=200), st.sampled_from(STATEMENTS))
def test_a_statement_is_its_exact_bytes(payload: bytes, kind: TokenKind) -> None:
    if not payload:
        return
    token = sign_statement(BUS_KEY, NAME, kind, payload, [SIGNING])
    assert verify_statement(token, public_der=BUS_KEY.public_der, kind=kind) == payload
    assert statement_header(token).certificates == (SIGNING,)
    with pytest.raises(NotVerified):
        verify_statement(token, public_der=OTHER_KEY.public_der, kind=kind)


def test_broken_statements_are_refused() -> None:
    token = sign_statement(BUS_KEY, NAME, TokenKind.DENIAL, b"no")
    for broken in ("", "x", token[:-1], token + "A", "." + token):
        with pytest.raises(NotVerified):
            verify_statement(broken, public_der=BUS_KEY.public_der, kind=TokenKind.DENIAL)
    with pytest.raises(NotVerified):
        statement_header("e30.x.y")


def test_misuse_is_not_weakened_into_acceptance() -> None:
    wrong: list[dict[str, Any]] = [
        {"lifetime": 61},
        {"lifetime": 0},
        {"digest": ""},
        {"claims": {"exp": 1 << 40}},
        {"claims": {"nbf": 0}},
        {"typ": TokenKind.DENIAL},
    ]
    for change in wrong:
        with pytest.raises(MisusedError, match="not issued so"):
            make(**change)
    for change in ({"skew": 61}, {"skew": -1}, {"digest": None}, {"typ": TokenKind.DENIAL}):
        with pytest.raises(MisusedError, match="not verified so"):
            check(make(), **change)
    with pytest.raises(MisusedError):
        sign_statement(BUS_KEY, NAME, TokenKind.REQUEST, b"{}")
    with pytest.raises(MisusedError):
        verify_statement(make(), public_der=BUS_KEY.public_der, kind=TokenKind.REQUEST)
    with pytest.raises(TrustspaceError):
        issue(BUS_KEY, "x", typ=TokenKind.REQUEST, issuer=BUS, audience=BUS, now=NOW, jti="1", digest=DIGEST)
    with pytest.raises(InvalidInput):
        make(now=datetime(2026, 11, 24))  # noqa: DTZ001 -- that is the point
