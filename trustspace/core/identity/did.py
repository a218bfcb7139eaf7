"""did:web: the name of a participant that is also where its keys and services are found.

A name has one spelling: a host in lower case, its port as `%3A8443` unless it is 443, then path segments after colons.
It stands for an https URL, unless one is told that this peer is spoken to in the clear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trustspace.core.canon import Json, JsonObject, canonical, decode64, digest, encode64, loads_object
from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.identity import x5c
from trustspace.core.identity.certificates import public_key_of
from trustspace.core.identity.keys import PublicKey, load_public, thumbprint, to_x5t

MAX_DOCUMENT: Final = 64 << 10
"""The largest document read, in bytes."""
CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1")
RELATIONSHIPS: Final = ("assertionMethod", "authentication", "capabilityInvocation")
"""What a key of ours is for: to sign contracts and statements, to say who is calling, to act in its own name."""
_MAX_MEMBERS: Final = 64
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PORT: Final = re.compile(r"[1-9]\d{0,4}")
_DID: Final = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9.:%_-]+")
_FORBIDDEN: Final = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}  # private members of a JWK: RFC 7518, 6
_DEFAULT_PORTS: Final = {"https": "443", "http": "80"}


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key of a document: SubjectPublicKeyInfo in DER, the certificates given with it (DER, unchecked), its uses."""

    public_der: bytes
    certificates: tuple[bytes, ...] = ()
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a document; `id` is absolute."""

    id: str
    type: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Document:
    """A DID document as far as it is used here: keys by their absolute id, and services in their order."""

    did: str
    keys: Mapping[str, KeyFacts]
    services: tuple[Service, ...]

    def service(self, kind: str) -> Service | None:
        """The first service of that type."""
        return next((service for service in self.services if service.type == kind), None)

    def key(self, name: str) -> KeyFacts | None:
        """The key whose first certificate has that (hexadecimal) thumbprint."""
        return next(
            (one for one in self.keys.values() if one.certificates and digest(one.certificates[0]) == name), None
        )


SIGNING: Final = "ContractSignatures"
"""The type of a service in the DID document of who signs contracts and answers; there lies what is said beside."""


def did_from_url(public_url: str) -> str:
    """The did:web of a node that is reached under this URL; `InvalidInput` where there is none."""
    try:
        url = urlsplit(public_url)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise InvalidInput(f"this is not a URL: {error}", where="public_url") from error
    plain = public_url.isascii() and "@" not in url.netloc and ":" not in url.path
    if url.scheme not in _DEFAULT_PORTS or url.query or url.fragment or not plain:
        raise InvalidInput(
            "an https URL without user, query and fragment is expected",
            where="public_url",
            hint="write a host with other letters in its xn-- form",
        )
    default = port is None or str(port) == _DEFAULT_PORTS[url.scheme]
    authority = host if default else f"{host}%3A{port}"
    path = url.path.rstrip("/")
    did = "did:web:" + authority + path.replace("/", ":")
    base_url(did)
    return did


def base_url(did: str, *, plain: bool = False) -> str:
    """The URL that a did:web stands for, without a slash at its end; `InvalidInput` for any but the one spelling.

    `plain` gives http: for the loopback, and for whom the operator named; the transport checks who that is.
    """
    method, _, rest = did.partition("did:web:")
    authority, *segments = rest.split(":")
    host, colon, port = authority.partition("%3A")
    if method or not _good_host(host) or bool(colon) is not bool(port):
        raise InvalidInput(f"{did!r:.200} is not the name of a host", where="did", hint="did:web:host%3Aport:path")
    if port and (not _PORT.fullmatch(port) or int(port) > 65535 or port == "443"):
        raise InvalidInput(f"{port!r:.20} is not a port, or the one that is left out", where="did")
    if not all(map(_SEGMENT.fullmatch, segments)):
        raise InvalidInput("the path has segments that are not plain", where="did")
    scheme = "http" if plain else "https"
    return "/".join((f"{scheme}://{host}{':' * bool(port)}{port}", *segments))


def url_from_did(did: str, *, plain: bool = False) -> str:
    """Where the document of a did:web lies: `/.well-known/did.json` of a host, `/path/did.json` of a path."""
    well_known = "" if ":" in did.removeprefix("did:web:") else "/.well-known"
    return f"{base_url(did, plain=plain)}{well_known}/did.json"


def make_document(
    did: str, *, certificates: Sequence[bytes], services: Sequence[tuple[str, str]] = (), also_known_as: str = ""
) -> bytes:
    """The canonical document of a participant: a key for each signing certificate, and its services (type, endpoint).

    A key's id is the DID, `#` and the certificate's `x5t#S256`; a service's the DID, `#` and its type in lower case.
    """
    ids = [f"{did}#{to_x5t(thumbprint(certificate))}" for certificate in certificates]
    methods = [_method(did, name, certificate) for name, certificate in zip(ids, certificates, strict=True)]
    document: JsonObject = {"@context": list(CONTEXTS), "id": did, "verificationMethod": methods}
    document |= dict.fromkeys(RELATIONSHIPS, ids)
    if also_known_as:
        document["alsoKnownAs"] = [also_known_as]
    if services:
        document["service"] = [
            {"id": f"{did}#{kind.lower()}", "type": kind, "serviceEndpoint": url} for kind, url in services
        ]
    return canonical(document)


def read_document(data: bytes, did: str) -> Document:
    """Read the document of that DID strictly: at most 64 KiB, its `id` the DID, every name once.

    Keys of kinds that are not accepted here are left out; a broken key of an accepted kind, a private member, or a
    certificate of another key than the one it stands with is refused. Raises `TooLarge`, `InvalidInput`, `NotVerified`.
    """
    document = loads_object(data, where="DID document", limit=MAX_DOCUMENT)
    if document.get("id") != did or not _DID.fullmatch(did):
        raise NotVerified(f"this document is about {document.get('id')!r:.200} and not {did}", where="DID document")
    methods = _list(document, "verificationMethod")
    purposes: dict[str, set[str]] = {}
    for relationship in RELATIONSHIPS:
        for entry in _list(document, relationship):
            if isinstance(entry, dict):
                methods = [*methods, entry]
            purposes.setdefault(_id(entry, did), set()).add(relationship)
    keys: dict[str, KeyFacts | None] = {}
    for method in methods:
        name = _id(method, did)
        if name in keys:
            raise InvalidInput(f"{name} stands twice", where="DID document")
        keys[name] = _key(method, frozenset(purposes.get(name, ())))
    known = {name: key for name, key in keys.items() if key is not None and name.startswith(f"{did}#")}
    services = tuple(_service(entry, did) for entry in _list(document, "service"))
    return Document(did, MappingProxyType(known), services)


def to_jwk(public_der: bytes) -> JsonObject:
    """A public key as a JWK (RFC 7517)."""
    key = load_public(public_der)
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"kty": "EC", "crv": "P-256", "x": encode64(point[1:33]), "y": encode64(point[33:])}
    return {"kty": "OKP", "crv": "Ed25519", "x": encode64(key.public_bytes_raw())}


def from_jwk(jwk: JsonObject) -> bytes | None:
    """The key of a JWK in DER, None where it is of a kind that is not accepted; `InvalidInput` where it is broken."""
    if leaked := jwk.keys() & _FORBIDDEN:
        raise InvalidInput(f"{sorted(leaked)[0]!r} belongs to a private key", where="JWK", hint="this key is burnt")
    kind = (jwk.get("kty"), jwk.get("crv"))
    if kind not in (("EC", "P-256"), ("OKP", "Ed25519")):
        return None
    coordinates = [_coordinate(jwk, name) for name in ("x", "y")[: 2 if kind[0] == "EC" else 1]]
    key: PublicKey
    try:
        if kind[0] == "EC":
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + b"".join(coordinates))
        else:
            key = ed25519.Ed25519PublicKey.from_public_bytes(coordinates[0])
    except ValueError as error:
        raise InvalidInput(f"this is not a key: {error}", where="JWK") from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _good_host(host: str) -> bool:
    """A name in lower-case ASCII, or an IPv4 address in its one form; no number that some resolvers take for one."""
    if len(host) > 253 or not _HOST.fullmatch(host):
        return False
    if not _NUMERIC.fullmatch(host):
        return True
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False


def _method(did: str, name: str, certificate: bytes) -> JsonObject:
    jwk = {**to_jwk(public_key_of(certificate)), "x5c": x5c.encode([certificate])}
    return {"id": name, "type": "JsonWebKey", "controller": did, "publicKeyJwk": jwk}


def _key(method: JsonObject, purposes: frozenset[str]) -> KeyFacts | None:
    jwk = method.get("publicKeyJwk")
    if jwk is None:
        return None
    if not isinstance(jwk, dict):
        raise InvalidInput("publicKeyJwk is an object", where="DID document")
    public_der = from_jwk(jwk)
    if public_der is None:
        return None
    certificates = x5c.decode(jwk["x5c"]) if "x5c" in jwk else ()
    if certificates and public_key_of(certificates[0]) != public_der:
        raise NotVerified("the certificate beside a key is that of another key", where="DID document")
    return KeyFacts(public_der, certificates, purposes)


def _coordinate(jwk: JsonObject, name: str) -> bytes:
    value = jwk.get(name)
    data = decode64(value, where="JWK") if isinstance(value, str) else b""
    if len(data) != 32:
        raise InvalidInput(f"{name} is 32 bytes in base64url", where="JWK")
    return data


def _list(document: JsonObject, name: str) -> list[Json]:
    value = document.get(name, [])
    if not isinstance(value, list) or len(value) > _MAX_MEMBERS:
        raise InvalidInput(f"{name} is a list of at most {_MAX_MEMBERS}", where="DID document")
    return value


def _id(entry: Json, did: str) -> str:
    """The absolute id of an entry or of a reference to one."""
    name = entry.get("id") if isinstance(entry, dict) else entry
    if not isinstance(name, str) or not 2 <= len(name) <= 512:
        raise InvalidInput("an entry without an id", where="DID document")
    return did + name if name.startswith("#") else name


def _service(entry: Json, did: str) -> Service:
    name = _id(entry, did)
    kind, endpoint = (entry.get(member) if isinstance(entry, dict) else None for member in ("type", "serviceEndpoint"))
    if not isinstance(kind, str) or not isinstance(endpoint, str):
        raise InvalidInput("a service has a type and an endpoint, both texts", where="DID document")
    return Service(name, kind, endpoint)
