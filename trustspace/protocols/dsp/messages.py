"""Every message of the Dataspace Protocol 2025-1 in one table: `@type`, the value it becomes, its members.

`decode` is total: a value or `InvalidInput`. `encode` gives the same bytes for the same value, always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from trustspace.core.canon import MAX_BYTES, Json, JsonObject, canonical
from trustspace.core.contract import (
    ContractAgreement,
    ContractEvent,
    ContractOffer,
    ContractRequest,
    ContractTermination,
    ContractVerification,
)
from trustspace.core.errors import InvalidInput
from trustspace.core.transfer import (
    TransferCompletion,
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferTermination,
)
from trustspace.protocols.dsp import terms
from trustspace.protocols.dsp.forms import (
    ADDRESS,
    AGREEMENT,
    BYTES,
    DOCUMENT,
    ECHO,
    EVENT,
    OFFER,
    TEXT,
    TEXTS,
    WORD,
    Member,
)

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class CatalogRequest:
    """Somebody wants the catalogue; each item of `filter` is a text, or the canonical JSON of what else it is."""

    filter: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NegotiationAnswer:
    """Where a negotiation is, as its other side says; a pid that is not known is ""."""

    consumer_pid: str
    provider_pid: str
    state: str


@dataclass(frozen=True, slots=True)
class TransferAnswer:
    """Where a transfer is, as its other side says."""

    consumer_pid: str
    provider_pid: str
    state: str


@dataclass(frozen=True, slots=True)
class NegotiationRefusal:
    """Why a message of a negotiation was not taken."""

    consumer_pid: str
    provider_pid: str
    code: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TransferRefusal:
    """Why a message of a transfer was not taken."""

    consumer_pid: str
    provider_pid: str
    code: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogRefusal:
    """Why a request to the catalogue was not answered."""

    code: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A message on the wire; exactly one of the members in `either` has to be there."""

    name: str
    value: type[Any]
    members: tuple[Member, ...]
    either: tuple[str, ...] = ()


_CONSUMER: Final = Member("consumerPid", "consumer_pid", TEXT)
_PROVIDER: Final = Member("providerPid", "provider_pid", TEXT)
_PIDS: Final = (_CONSUMER, _PROVIDER)
_KNOWN_PIDS: Final = (Member("consumerPid", "consumer_pid", ECHO), Member("providerPid", "provider_pid", ECHO))
_CALLBACK: Final = Member("callbackAddress", "callback", TEXT)
_CALLBACK_OR_PID: Final = Member("callbackAddress", "callback", TEXT, required=False)
_WHY: Final = (Member("code", "code", WORD, required=False), Member("reason", "reasons", TEXTS, required=False))
_SIGNS: Final = Member(terms.SIGNS, "signs", TEXT, required=False)
_STATE: Final = Member("state", "state", TEXT)

SHAPES: Final = (
    Shape(
        "ContractRequestMessage",
        ContractRequest,
        (
            _CONSUMER,
            Member("providerPid", "provider_pid", TEXT, required=False),
            Member("offer", "offer", OFFER),
            _CALLBACK_OR_PID,
            _SIGNS,
        ),
        either=("callbackAddress", "providerPid"),
    ),
    Shape(
        "ContractOfferMessage",
        ContractOffer,
        (
            Member("consumerPid", "consumer_pid", TEXT, required=False),
            _PROVIDER,
            Member("offer", "offer", OFFER),
            _CALLBACK_OR_PID,
            _SIGNS,
        ),
        either=("callbackAddress", "consumerPid"),
    ),
    Shape(
        "ContractAgreementMessage",
        ContractAgreement,
        (
            *_PIDS,
            Member("agreement", "agreement", AGREEMENT),
            Member("agreement", "document", DOCUMENT),
            Member(terms.AGREEMENT, "signed", BYTES, required=False),
            Member(terms.PROVIDER_SIGNATURE, "signature", BYTES, required=False),
        ),
    ),
    Shape(
        "ContractAgreementVerificationMessage",
        ContractVerification,
        (*_PIDS, Member(terms.CONSUMER_SIGNATURE, "signature", BYTES, required=False)),
    ),
    Shape(
        "ContractNegotiationEventMessage",
        ContractEvent,
        (
            *_PIDS,
            Member("eventType", "event", EVENT),
            Member(terms.SIGNATURES, "signatures", TEXT, required=False),
        ),
    ),
    Shape("ContractNegotiationTerminationMessage", ContractTermination, (*_PIDS, *_WHY)),
    Shape("ContractNegotiation", NegotiationAnswer, (*_KNOWN_PIDS, _STATE)),
    Shape("ContractNegotiationError", NegotiationRefusal, (*_KNOWN_PIDS, *_WHY)),
    Shape(
        "TransferRequestMessage",
        TransferRequest,
        (
            _CONSUMER,
            Member("agreementId", "agreement", TEXT),
            Member("format", "format", TEXT),
            _CALLBACK,
            Member("dataAddress", "address", ADDRESS, required=False),
        ),
    ),
    Shape("TransferStartMessage", TransferStart, (*_PIDS, Member("dataAddress", "address", ADDRESS, required=False))),
    Shape("TransferSuspensionMessage", TransferSuspension, (*_PIDS, *_WHY)),
    Shape("TransferCompletionMessage", TransferCompletion, _PIDS),
    Shape("TransferTerminationMessage", TransferTermination, (*_PIDS, *_WHY)),
    Shape("TransferProcess", TransferAnswer, (*_KNOWN_PIDS, _STATE)),
    Shape("TransferError", TransferRefusal, (*_KNOWN_PIDS, *_WHY)),
    Shape("CatalogRequestMessage", CatalogRequest, (Member("filter", "filter", TEXTS, required=False),)),
    Shape("CatalogError", CatalogRefusal, _WHY),
)
_BY_VALUE: Final = {shape.value: shape for shape in SHAPES}


def encode(message: object) -> bytes:
    """The message in canonical JSON; what is empty is left out, unless the schema requires it."""
    shape = _BY_VALUE[type(message)]
    wire: JsonObject = {"@context": [terms.CONTEXT], "@type": shape.name}
    for member in shape.members:
        value = getattr(message, member.field)
        if value or member.required:
            wire[member.name] = member.form.write(value)
    return canonical(wire)


def decode(body: bytes, kind: type[M]) -> M:
    """The message in the body, which has to be of that kind; unknown members are passed over.

    Raises `InvalidInput` naming the member, `TooLarge` over the limits of a message.
    """
    shape = _BY_VALUE[kind]
    wire = read(body, shape.name)
    if shape.either and sum(name in wire for name in shape.either) != 1:
        raise InvalidInput(f"exactly one of {' and '.join(shape.either)} is expected", where=shape.name)
    fields: dict[str, Any] = {member.field: None for member in shape.members if member.name in shape.either}
    for member in shape.members:
        if member.required or member.name in wire:
            fields[member.field] = member.form.read(wire.get(member.name), member.name)
    return kind(**fields)


def read(body: bytes, expected: str, *, limit: int = MAX_BYTES) -> JsonObject:
    """The members of a body in compact form; `InvalidInput` where its `@type` is not the expected one."""
    wire = terms.message(body, limit=limit)
    if not isinstance(wire, dict):
        raise InvalidInput("a message is expected", where=expected)
    if wire.get("@type") != expected:
        raise InvalidInput(f"expected {expected}, got {_name(wire.get('@type'))}", where="@type")
    members: JsonObject = wire
    return members


def _name(value: Json) -> str:
    return value if isinstance(value, str) else "nothing that is a type"
