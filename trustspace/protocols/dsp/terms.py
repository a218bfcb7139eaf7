"""Names of the Dataspace Protocol 2025-1, and the reading of foreign spellings of them.

Written is only the compact form of the protocol's schemas. Read is also what a JSON-LD processor makes of the same
message: prefixed, absolute or expanded. `plain` recognises the compact form at a glance and hands on the very same
object; only what is something else is taken apart (`foreign`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from trustspace.core.canon import MAX_BYTES, Json, JsonObject, loads
from trustspace.core.contract import REQUIRES
from trustspace.protocols.dsp import foreign
from trustspace.protocols.dsp.foreign import Names, Vocabulary

CONTEXT: Final = "https://w3id.org/dspace/2025/1/context.jsonld"
"""The one entry of `@context`; nothing but such texts may stand there (context-schema.json)."""
OURS: Final = "urn:trustspace:v1:"
SIGNS: Final = f"{OURS}signs"
"""In the version document, in requests and in offers: which signatures the sender makes ("CMS")."""
IDENTITY: Final = f"{OURS}identity"
"""In the version document: how the connector knows others, where that is not by a functional node's list."""
AGREEMENT: Final = f"{OURS}agreement"
"""In the agreement message: the exact bytes that are signed, base64url."""
PROVIDER_SIGNATURE: Final = f"{OURS}providerSignature"
"""In the agreement message: the provider's detached CMS, DER in base64url."""
CONSUMER_SIGNATURE: Final = f"{OURS}consumerSignature"
"""In the verification message: the consumer's detached CMS, DER in base64url."""
SIGNATURES: Final = f"{OURS}signatures"
"""In the finalisation: the SHA-256 of both signatures, in hexadecimal."""
TITLE: Final = "dct:title"
"""The one member of a dataset that the protocol's context spells with a prefix."""

_SPACES: Final = {
    "dspace": "https://w3id.org/dspace/2025/1/",
    "dct": "http://purl.org/dc/terms/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_TYPES: Final[Mapping[str, str]] = {
    "dspace": "CatalogRequestMessage DatasetRequestMessage CatalogError VersionsError CatalogService DataAddress"
    " EndpointProperty ContractRequestMessage ContractOfferMessage ContractAgreementMessage ContractNegotiation"
    " ContractAgreementVerificationMessage ContractNegotiationEventMessage ContractNegotiationTerminationMessage"
    " ContractNegotiationError TransferRequestMessage TransferStartMessage TransferCompletionMessage TransferProcess"
    " TransferTerminationMessage TransferSuspensionMessage TransferError",
    "dcat": "Catalog Dataset Distribution DataService",
    "odrl": "Offer Agreement Permission Prohibition Duty Constraint",
}
_WORDS: Final[Mapping[str, str]] = {
    "dspace": "REQUESTED OFFERED ACCEPTED AGREED VERIFIED FINALIZED STARTED SUSPENDED COMPLETED TERMINATED",
    "odrl": "use eq neq gt gteq lt lteq isA hasPart isPartOf isAllOf isAnyOf isNoneOf term-lteq",
}
"""Values that the protocol's context has a name for, where a member holds such a name."""
_NODES: Final[Mapping[str, str]] = {"dspace": "offer agreement dataAddress", "dcat": "accessService"}
"""Members that hold one object."""
_SETS: Final[Mapping[str, str]] = {
    "dspace": "reason filter endpointProperties dataset",
    "dcat": "dataset catalog service distribution",
    "odrl": "hasPolicy permission prohibition obligation duty constraint and or xone andSequence",
}
"""Members whose value is an array, also where there is one item only."""
_REFERENCES: Final[Mapping[str, str]] = {
    "dspace": "consumerPid providerPid agreementId participantId endpointType",
    "dct": "format",
    "odrl": "target assigner assignee profile leftOperand",
}
"""Members that name something: an identifier, or an absolute IRI where it is none of the protocol's own words."""
_TERMS: Final[Mapping[str, str]] = {"dspace": "state eventType", "odrl": "operator action"}
"""Members whose value is a word of the protocol."""
_TEXTS: Final[Mapping[str, str]] = {
    "dspace": "callbackAddress timestamp code endpoint name value",
    "dcat": "endpointURL endpointDescription",
    "odrl": "rightOperand",
}


def _names(*tables: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for table in tables for names in table.values() for name in names.split())


def _by_iri(*tables: Mapping[str, str]) -> dict[str, str]:
    named = [(space, name) for table in tables for space, names in table.items() for name in names.split()]
    return {_SPACES[space] + name: name for space, name in named}


_VOCABULARY: Final = Vocabulary(
    context=CONTEXT,
    spaces=_SPACES,
    terms=_by_iri(_TYPES, _WORDS, _NODES, _SETS, _REFERENCES, _TERMS, _TEXTS) | {_SPACES["dct"] + "title": TITLE},
    types=_names({"": _TYPES["dspace"], "dcat": _TYPES["dcat"]}),
    sets=_names(_SETS),
    single=_names(_NODES, _REFERENCES, _TERMS, _TEXTS) | {TITLE},
    references=_names(_REFERENCES),
    words=_names(_TERMS),
    operand="rightOperand",
)
_NAMES: Final = Names(_VOCABULARY)


def message(body: bytes, *, limit: int = MAX_BYTES) -> Json:
    """The members of a body in the protocol's compact form, whatever form of JSON-LD they came in.

    Raises `InvalidInput` for what is no JSON, or gives a member of the protocol a second value or another meaning;
    `TooLarge` over the limits of a message.
    """
    return plain(loads(body, limit=limit))


def plain(value: Json) -> Json:
    """The value in the protocol's compact form: itself where it is that already; `InvalidInput` as for `message`."""
    if type(value) is dict and value.get("@context", _CONTEXTS) == _CONTEXTS and _is_compact(value):
        return value
    return foreign.compacted(value, _NAMES)


_CONTEXTS: Final = [CONTEXT]
_OBJECTS: Final = frozenset({"offer", "agreement", "dataAddress"})
_TEXT_NAMES: Final = (
    (_VOCABULARY.single - _VOCABULARY.words - _VOCABULARY.references - _OBJECTS)
    | {SIGNS, REQUIRES, AGREEMENT, PROVIDER_SIGNATURE, CONSUMER_SIGNATURE, SIGNATURES}
    | {f"{OURS}{side}{name}" for side in ("provider", "consumer") for name in ("Identifier", "CreditCode")}
    | {f"{OURS}{name}" for name in ("offer", "sha256", "size", "identifier", "productCode")}
)
"""Members that hold any text in the compact form."""
_TEXT_SETS: Final = frozenset({"reason", "filter", "rightOperand"})
_REFERENCE_NAMES: Final = _VOCABULARY.references | {"@id"}
_WORD_NAMES: Final = _VOCABULARY.words | {"@type"}
_NODE_NAMES: Final = _names(_NODES)
_PREFIXES: Final = tuple(f"{space}:" for space in _SPACES)


def _is_compact(members: JsonObject) -> bool:
    """Whether every member is one that we might have written ourselves; what is not sure is not."""
    for name, value in members.items():
        kind = type(value)
        if kind is str:
            if name in _TEXT_NAMES:
                continue
            if name in _REFERENCE_NAMES:
                if value.startswith(_PREFIXES):
                    return False
            elif name not in _WORD_NAMES or (":" in value and not _stays(value)):
                return False
        elif kind is list:
            if not _are_compact(name, value):
                return False
        elif kind is not dict or name not in _NODE_NAMES or not _is_compact(value) or value.keys() == _LONE:
            return False
    return True


@lru_cache(maxsize=1024)
def _stays(word: str) -> bool:
    """Whether a word with a colon has no shorter spelling here: DSP has no term for some names of ODRL."""
    return len(word) < MAX_WORD and _NAMES.word(word) == word


MAX_WORD: Final = 200
"""Longer words are not worth remembering."""
_LONE: Final = {"@id"}


def _are_compact(name: str, items: list[Json]) -> bool:
    if name in _TEXT_SETS:
        return bool(items) and all(type(item) is str for item in items)
    if name not in _VOCABULARY.sets:
        return name == "@context" and items == _CONTEXTS
    return bool(items) and all(type(one) is dict and _is_compact(one) and one.keys() != _LONE for one in items)
