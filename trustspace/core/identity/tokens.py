"""The one verifier of everything that is signed as a JWS: who is calling, and statements that are kept.

`open_jws` is the only reader of a signature there is; what stands above it asks what the token is for. Each kind has
its own `typ`, so that none passes as another. The algorithm follows from the key, which comes from what we know of the
sender and never from the token; a token's header may name its key and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hmac import compare_digest
from types import MappingProxyType
from typing import Any, Final, TypeVar

from jwt.algorithms import Algorithm as JwtAlgorithm
from jwt.api_jws import PyJWS

from trustspace.core.canon import Json, JsonObject, canonical, decode64, digest, loads_object
from trustspace.core.errors import ClockOff, InvalidInput, MisusedError, NotVerified, Unauthenticated
from trustspace.core.identity import x5c
from trustspace.core.identity.keys import Algorithm, SigningKey, algorithm_of, aware, from_x5t, to_x5t
from trustspace.core.identity.keys import verify as verify_signature

MAX_SKEW: Final = 60
"""The most that two clocks may be apart, in seconds; no setting weakens it."""
_LAST_SECOND: Final = 253_402_300_799  # the end of the year 9999
_HEADER: Final = {"alg", "typ", "kid", "x5c", "x5t#S256"}
_KID: Final = re.compile(r"[A-Za-z0-9_.:#%-]{1,512}")
_JTI: Final = re.compile(r"[A-Za-z0-9_.:~+/=-]{1,128}")
_RESERVED: Final = {"iss", "sub", "aud", "iat", "exp", "nbf", "jti"}
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_MAX_HEADER: Final = 16 << 10
R = TypeVar("R")


class TokenKind(StrEnum):
    """What a JWS is for: its `typ`."""

    REQUEST = "trustspace-request+jwt"
    DENIAL = "trustspace-denial+jws"
    DELIVERY = "trustspace-delivery+jws"
    RECEIPT = "trustspace-receipt+jws"
    PARTICIPANTS = "trustspace-participants+jws"
    STATEMENT = "trustspace-statement+jws"


@dataclass(frozen=True, slots=True)
class Kind:
    """The rules of a kind: its size in bytes, and for tokens their longest life in seconds (0: a statement)."""

    limit: int = 1 << 20
    lifetime: int = 0
    bound: bool = False


KINDS: Final = MappingProxyType(
    {
        TokenKind.REQUEST: Kind(limit=64 << 10, lifetime=60, bound=True),
        TokenKind.DENIAL: Kind(),
        TokenKind.DELIVERY: Kind(),
        TokenKind.RECEIPT: Kind(),
        TokenKind.PARTICIPANTS: Kind(limit=32 << 20),
        TokenKind.STATEMENT: Kind(),
    }
)
"""Every kind; `bound` ones carry the digest of the request that they came with."""


@dataclass(frozen=True, slots=True)
class Header:
    """A token's header, read strictly; `certificates` are its `x5c` in DER, `thumbprint` is in hexadecimal or empty.

    `typ` is "" where there is none, which is no kind of ours.
    """

    algorithm: str
    typ: str
    kid: str = ""
    thumbprint: str = ""
    certificates: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a token claims before it is verified: enough to find the key to verify it with, and no more.

    `digest` is that of the request it says it belongs to, "" where it names none.
    """

    issuer: str
    thumbprint: str
    typ: str
    kid: str = ""
    certificates: tuple[bytes, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says; `usable_until` is how long its `jti` has to be remembered."""

    issuer: str
    audience: str
    issued: datetime
    expires: datetime
    usable_until: datetime
    jti: str
    digest: str
    thumbprint: str
    extra: Mapping[str, Json] = field(default_factory=dict)


class _Signature(JwtAlgorithm):
    """Signatures as pyjwt sees them: made by a `SigningKey`, and never checked there."""

    def __init__(self, name: Algorithm) -> None:
        self.name = name

    def prepare_key(self, key: Any) -> Any:
        return key

    def sign(self, msg: bytes, key: SigningKey) -> bytes:
        return key.sign(msg)

    def verify(self, *_: Any, **__: Any) -> Any:
        """Not asked for, and no: `open_jws` is the one reader."""

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        """Not asked for: keys come as DER."""

    @staticmethod
    def from_jwk(jwk: str | dict[str, Any]) -> Any:
        """Not asked for either."""


def _make_jws() -> PyJWS:
    jws = PyJWS(algorithms=[])
    for algorithm in Algorithm:
        jws.register_algorithm(algorithm, _Signature(algorithm))
    return jws


_JWS: Final = _make_jws()
"""pyjwt with our keys, for making tokens. They are read below, where one strict reader is also the only one: what two
readers understand differently cannot slip between them."""


def request_digest(method: str, target: str, body: bytes) -> str:
    """The SHA-256 that binds a token to its request: of the canonical {method, path with query, body's SHA-256}."""
    return digest(canonical({"method": method.upper(), "path": target, "body": digest(body)}))


def issue(
    key: SigningKey,
    thumbprint: str,
    *,
    typ: TokenKind,
    issuer: str,
    audience: str,
    now: datetime,
    jti: str,
    lifetime: int = 60,
    digest: str = "",
    claims: Mapping[str, Json] | None = None,
    certificates: Sequence[bytes] = (),
) -> str:
    """A token that lives `lifetime` seconds from `now`, by the key of the certificate of that (hexadecimal) thumbprint.

    `digest` is what `request_digest` gave; `certificates` go into `x5c`. `MisusedError` where the kind forbids it.
    """
    kind, extra = KINDS[typ], dict(claims or {})
    if not 1 <= lifetime <= kind.lifetime or _RESERVED & extra.keys() or kind.bound is not bool(digest):
        raise MisusedError(f"a {typ} is not issued so", where="token")
    issued = int(aware(now, "now").timestamp())
    said = {"iss": issuer, "sub": issuer, "aud": audience, "iat": issued, "exp": issued + lifetime, "jti": jti}
    bound = {"digest": digest} if digest else {}
    return _sign(key, thumbprint, typ, canonical({**extra, **said, **bound}), certificates)


def sign_statement(
    key: SigningKey, thumbprint: str, kind: TokenKind, payload: bytes, certificates: Sequence[bytes] = ()
) -> str:
    """A compact JWS over exactly these bytes, of a kind that is kept and not a token (`MisusedError`)."""
    if KINDS[kind].lifetime:
        raise MisusedError(f"{kind} is a token, not a statement", where="statement")
    return _sign(key, thumbprint, kind, payload, certificates)


def _sign(key: SigningKey, thumbprint: str, typ: TokenKind, payload: bytes, certificates: Sequence[bytes]) -> str:
    header: dict[str, Any] = {"typ": str(typ), "x5t#S256": to_x5t(thumbprint)}
    if certificates:
        header["x5c"] = x5c.encode(certificates)
    return _JWS.encode(payload, key, algorithm=Algorithm(key.algorithm), headers=header)  # type: ignore[arg-type]  # see _Signature


def read_header(token: str) -> Header:
    """The header, before anything is verified; `Unauthenticated` where it is not one of ours or holds anything else."""
    return _as_caller(lambda: _header(token.partition(".")[0]))


def claimed(token: str) -> Claimed:
    """Who the token says it is from, unverified; `Unauthenticated` where it is not a token."""
    header, payload, _ = _as_caller(lambda: _parts(token, KINDS[TokenKind.REQUEST].limit))
    claims = _as_caller(lambda: loads_object(payload, where="token"))
    issuer, bound = claims.get("iss"), claims.get("digest")
    if not isinstance(issuer, str) or not issuer:
        raise Unauthenticated("the token does not say who issued it", where="token")
    bound = bound if isinstance(bound, str) else ""
    return Claimed(issuer, header.thumbprint, header.typ, header.kid, header.certificates, bound)


def issuer_unverified(token: str) -> str:
    """What a JWT of any make says of who made it, "" where it says nothing: for whoever believes names in any case."""
    try:
        issuer = loads_object(decode64(token.split(".")[1]), where="token").get("iss")
    except (IndexError, InvalidInput):
        return ""
    return issuer if isinstance(issuer, str) else ""


def verify(
    token: str,
    *,
    public_der: bytes,
    typ: TokenKind,
    issuer: str,
    audience: str,
    now: datetime,
    digest: str | None = None,
    skew: int = MAX_SKEW,
) -> Claims:
    """Check a token with the key that its issuer is known by, and everything that it says; `Unauthenticated` says why.

    The digest is that of the request it came with and must be given for bound kinds. `skew` is in [0, 60] seconds.
    """
    kind = KINDS[typ]
    if not 0 <= skew <= MAX_SKEW or not kind.lifetime or kind.bound is (digest is None):
        raise MisusedError(f"a {typ} is not verified so", where="token", hint=f"skew is at most {MAX_SKEW} s")
    header, payload = _as_caller(lambda: _checked(token, public_der, typ))
    claims = _as_caller(lambda: loads_object(payload, where="token"))
    _check_parties(claims, issuer, audience)
    issued, expires = _check_times(claims, kind, aware(now, "now").timestamp(), skew)
    bound = claims.get("digest", "")
    if digest is not None and not (isinstance(bound, str) and compare_digest(bound.encode(), digest.encode())):
        raise Unauthenticated("the token belongs to another request", where="token", hint="make one for each request")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise Unauthenticated("the token has no name (jti) that can be remembered", where="token")
    extra = {name: value for name, value in claims.items() if name not in _RESERVED and name != "digest"}
    until = expires + timedelta(seconds=2 * skew)
    return Claims(issuer, audience, issued, expires, until, jti, bound, header.thumbprint, MappingProxyType(extra))


def verify_statement(token: str, *, public_der: bytes, kind: TokenKind) -> bytes:
    """The bytes that were signed; `NotVerified` where the signature, the kind or the form does not hold."""
    if KINDS[kind].lifetime:
        raise MisusedError(f"{kind} is a token, not a statement", where="statement")
    try:
        return _checked(token, public_der, kind)[1]
    except InvalidInput as error:
        raise NotVerified(error.what, where=error.where, hint=error.hint) from error


def statement_header(token: str) -> Header:
    """The header of a statement, unverified; `NotVerified` where it cannot be read."""
    try:
        return _header(token.partition(".")[0])
    except InvalidInput as error:
        raise NotVerified(error.what, where=error.where, hint=error.hint) from error


def _as_caller(read: Callable[[], R]) -> R:
    try:
        return read()
    except (InvalidInput, NotVerified) as error:
        raise Unauthenticated(error.what, where=error.where or "token", hint=error.hint) from error


def _checked(token: str, public_der: bytes, typ: TokenKind) -> tuple[Header, bytes]:
    """The header and the payload of a token whose kind, algorithm and signature hold."""
    header, payload = open_jws(token, public_der=public_der, limit=KINDS[typ].limit)
    if header.typ != typ:
        raise NotVerified(f"this is a {header.typ!r} where a {typ} is expected", where="token")
    return header, payload


def open_jws(token: str, *, public_der: bytes, limit: int = 64 << 10) -> tuple[Header, bytes]:
    """The header and payload of any compact JWS (RFC 7515) of at most `limit` characters that this key has signed.

    It says nothing of what the JWS is for: whoever calls looks at `typ` and the claims. Raises `InvalidInput` for what
    is none in its one spelling, `NotVerified` where algorithm or signature do not hold.
    """
    header, payload, signature = _parts(token, limit)
    if header.algorithm != algorithm_of(public_der):
        raise NotVerified(f"{header.algorithm!r} is not the algorithm of the issuer's key", where="token")
    verify_signature(public_der, header.algorithm, signature, token.rpartition(".")[0].encode())
    return header, payload


def _parts(token: str, limit: int) -> tuple[Header, bytes, bytes]:
    """Header, payload and signature of what has the form of a compact JWS, each part in its one spelling."""
    if len(token) > limit:
        raise InvalidInput(f"more than {limit} characters", where="token")
    if not _COMPACT.fullmatch(token):
        raise InvalidInput("a token has three parts of base64url, and none is empty", where="token")
    head, body, signature = token.split(".")
    return _header(head), decode64(body, where="token"), decode64(signature, where="token")


@lru_cache(maxsize=512)
def _header(segment: str) -> Header:
    """One sender's tokens all have the same header, so it is read once."""
    if len(segment) > _MAX_HEADER:
        raise InvalidInput(f"a header of more than {_MAX_HEADER} characters", where="token header")
    members = loads_object(decode64(segment, where="token"), where="token header")
    if surplus := members.keys() - _HEADER:
        raise InvalidInput(f"{sorted(surplus)[0]!r} is not accepted here", where="token header")
    algorithm, typ, kid = (_text(members, name) for name in ("alg", "typ", "kid"))
    if not algorithm or ("typ" in members and not typ) or ("kid" in members and not _KID.fullmatch(kid)):
        raise InvalidInput("alg, typ or kid is missing or not acceptable", where="token header")
    name = from_x5t(_text(members, "x5t#S256")) if "x5t#S256" in members else ""
    certificates = x5c.decode(members["x5c"]) if "x5c" in members else ()
    if certificates and name and digest(certificates[0]) != name:
        raise InvalidInput("x5c and x5t#S256 name two certificates", where="token header")
    return Header(algorithm, typ, kid, name, certificates)


def _text(members: JsonObject, name: str) -> str:
    value = members.get(name, "")
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is a text", where="token header")
    return value


def _check_parties(claims: JsonObject, issuer: str, audience: str) -> None:
    for name, expected in (("iss", issuer), ("sub", issuer), ("aud", audience)):
        if claims.get(name) != expected:
            raise Unauthenticated(f"{name} is {claims.get(name)!r:.200} where {expected!r} is expected", where="token")


def _check_times(claims: JsonObject, kind: Kind, now: float, skew: int) -> tuple[datetime, datetime]:
    issued, expires = (_seconds(claims, name) for name in ("iat", "exp"))
    begins = _seconds(claims, "nbf") if "nbf" in claims else issued
    if not 1 <= expires - issued <= kind.lifetime:
        raise Unauthenticated(f"it lives {expires - issued} s, and 1 to {kind.lifetime} are allowed", where="token")
    if (early := max(issued, begins) - now) > skew:
        raise ClockOff(f"it is not yet valid: your clock is {early:.0f} s ahead of ours", seconds=early, where="token")
    if (late := now - expires) >= skew:
        behind = now - issued
        told = f"it expired {late:.0f} s ago: it is an old one, or your clock is {behind:.0f} s behind ours"
        raise ClockOff(told, seconds=-behind, where="token", hint="send a fresh one; check the clocks")
    return datetime.fromtimestamp(issued, UTC), datetime.fromtimestamp(expires, UTC)


def _seconds(claims: JsonObject, name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _LAST_SECOND:
        raise Unauthenticated(f"{name} is not a time in whole seconds", where="token")
    return value
