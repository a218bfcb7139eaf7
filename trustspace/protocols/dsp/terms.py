"""Names of the Dataspace Protocol 2025-1, and the reading of foreign spellings of them.

Written is only the compact form of the protocol's schemas. Read is also what a JSON-LD processor makes of the same
message: prefixed or absolute names, `{"@id": …}` and `{"@value": …}` around a text, one item in place of an array.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from trustspace.core.canon import Json, JsonObject
from trustspace.core.errors import InvalidInput

CONTEXT: Final = "https://w3id.org/dspace/2025/1/context.jsonld"
"""The one entry of `@context`; nothing but such texts may stand there (context-schema.json)."""
OURS: Final = "urn:trustspace:v1:"
SIGNS: Final = f"{OURS}signs"
"""In the version document, in requests and in offers: which signatures the sender makes ("CMS")."""
AGREEMENT: Final = f"{OURS}agreement"
"""In the agreement message: the exact bytes that are signed, base64url."""
PROVIDER_SIGNATURE: Final = f"{OURS}providerSignature"
"""In the agreement message: the provider's detached CMS, DER in base64url."""
CONSUMER_SIGNATURE: Final = f"{OURS}consumerSignature"
"""In the verification message: the consumer's detached CMS, DER in base64url."""
SIGNATURES: Final = f"{OURS}signatures"
"""In the finalisation: the SHA-256 of both signatures, in hexadecimal."""

ODRL: Final = "http://www.w3.org/ns/odrl/2/"
_PREFIXES: Final = {
    "dspace:": "https://w3id.org/dspace/2025/1/",
    "dct:": "http://purl.org/dc/terms/",
    "dcat:": "http://www.w3.org/ns/dcat#",
    "odrl:": ODRL,
}
_SETS: Final = frozenset(
    {"permission", "prohibition", "obligation", "constraint", "duty", "and", "or", "xone", "andSequence"}
    | {"dataset", "catalog", "service", "distribution", "hasPolicy", "reason", "filter", "endpointProperties"}
)
"""Members whose value is an array, also where there is one item only."""
_TERMS: Final = frozenset({"@type", "operator", "state", "eventType"})
"""Members whose value is a term of the protocol."""
_IRIS: Final = frozenset({"action", "leftOperand"})
"""Members whose value outside the protocol's own terms is an absolute IRI."""


KEPT_LENGTH: Final = 200
"""Names up to this length are looked up once."""


def term(name: str) -> str:
    """The protocol's own name of a prefixed name or absolute IRI of one of its vocabularies; others as they are."""
    return _short_term(name) if len(name) < KEPT_LENGTH else _term(name)


def _term(name: str) -> str:
    for prefix, namespace in _PREFIXES.items():
        for start in (prefix, namespace):
            if name.startswith(start):
                return name[len(start) :]
    return name


_short_term = lru_cache(maxsize=4096)(_term)


def plain(value: Json) -> Json:
    """The value in the protocol's compact form; `InvalidInput` where two spellings of one member stand side by side."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (lone := value.get("@id", value.get("@value"))) is not None:
        return lone
    members: JsonObject = {}
    for name, item in value.items():
        if item is None:  # JSON-LD: a member that is null is not there
            continue
        short = term(name)
        if short in members:
            raise InvalidInput("a member stands twice, in two spellings", where=short)
        members[short] = _value(short, plain(item))
    return members


def _value(name: str, value: Json) -> Json:
    if name in _SETS:
        return value if isinstance(value, list) else [value]
    if name in _TERMS | _IRIS:
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(value, str):
            return term(value) if name in _TERMS else _iri(value)
    return value


def _iri(name: str) -> str:
    return ODRL + name.removeprefix("odrl:") if name.startswith("odrl:") else name
