"""The contract negotiation of the Dataspace Protocol 2025-1: its table, one side's copy of it, and the moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Final

from trustspace.core.canon import canonical, encode64, loads
from trustspace.core.contract.exchange import Exchange, Role, Rules, addressed
from trustspace.core.contract.messages import (
    ContractAgreement,
    ContractOffer,
    ContractRequest,
    ContractTermination,
    ContractVerification,
    Message,
    Verb,
)
from trustspace.core.contract.offer import Agreement, Offer, offer_to_json, read_agreement, read_offer
from trustspace.core.contract.patience import Awaited, Limit
from trustspace.core.machine import Machine
from trustspace.core.record import evolve


class State(StrEnum):
    """Where a negotiation is."""

    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


MACHINE: Final[Machine[State, Role, Verb]] = Machine(
    "contract negotiation",
    {
        (None, Role.CONSUMER, Verb.REQUEST): State.REQUESTED,
        (None, Role.PROVIDER, Verb.OFFER): State.OFFERED,
        (State.REQUESTED, Role.PROVIDER, Verb.OFFER): State.OFFERED,
        (State.REQUESTED, Role.PROVIDER, Verb.AGREE): State.AGREED,
        (State.REQUESTED, Role.CONSUMER, Verb.TERMINATE): State.TERMINATED,
        (State.REQUESTED, Role.PROVIDER, Verb.TERMINATE): State.TERMINATED,
        (State.OFFERED, Role.CONSUMER, Verb.REQUEST): State.REQUESTED,
        (State.OFFERED, Role.CONSUMER, Verb.ACCEPT): State.ACCEPTED,
        (State.OFFERED, Role.CONSUMER, Verb.TERMINATE): State.TERMINATED,
        (State.OFFERED, Role.PROVIDER, Verb.TERMINATE): State.TERMINATED,
        (State.ACCEPTED, Role.PROVIDER, Verb.AGREE): State.AGREED,
        (State.ACCEPTED, Role.PROVIDER, Verb.TERMINATE): State.TERMINATED,
        (State.AGREED, Role.CONSUMER, Verb.VERIFY): State.VERIFIED,
        (State.AGREED, Role.CONSUMER, Verb.TERMINATE): State.TERMINATED,
        (State.VERIFIED, Role.PROVIDER, Verb.FINALIZE): State.FINALIZED,
        (State.VERIFIED, Role.PROVIDER, Verb.TERMINATE): State.TERMINATED,
    },
)
"""DSP 2025-1, contract negotiation protocol, the state machine's figure."""

_RULES: Final[Rules[State, Verb]] = Rules(
    machine=MACHINE,
    rank=tuple(Verb),
    terminate=Verb.TERMINATE,
    terminated=State.TERMINATED,
    todo={
        (State.REQUESTED, Role.PROVIDER): "decide",
        (State.OFFERED, Role.CONSUMER): "decide",
        (State.ACCEPTED, Role.PROVIDER): "agree",
        (State.AGREED, Role.CONSUMER): "verify",
        (State.VERIFIED, Role.PROVIDER): "finalize",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation(Exchange[State, Verb]):
    """One side's copy of a negotiation.

    `terms` is the canonical JSON of the last offer on the table ("" for none), `before` that of the other side which it
    answers, `agreement` the exact JSON text of the agreement, the signatures base64url of CMS DER ("" for none).
    `peer_signs` is what the peer says of itself, `peer_identifier` what it was registered under when it began this.
    `signatures` is what was chosen for this negotiation: "required", "optional", or "" for what is chosen otherwise.
    """

    KIND: ClassVar[str] = "negotiation"
    INDEX: ClassVar[tuple[str, ...]] = ("state", "todo", "peer")
    WAITS: ClassVar[Mapping[tuple[State, Role], Awaited]] = {
        (State.REQUESTED, Role.CONSUMER): Awaited("the provider's offer or agreement", Limit.PEER),
        (State.OFFERED, Role.PROVIDER): Awaited("the consumer's answer to our offer", Limit.PEER),
        (State.ACCEPTED, Role.CONSUMER): Awaited("the provider's agreement", Limit.PEER),
        (State.AGREED, Role.PROVIDER): Awaited("the consumer's verification", Limit.STEP),
        (State.VERIFIED, Role.CONSUMER): Awaited("the provider's finalisation", Limit.STEP),
    }

    state: State | None = None
    pending: Verb | None = None
    terms: str = ""
    before: str = ""
    offered_by: Role | None = None
    agreement: str = ""
    provider_signature: str = ""
    consumer_signature: str = ""
    peer_signs: bool = False
    peer_identifier: str = ""
    signatures: str = ""

    @property
    def offer(self) -> Offer | None:
        """The last offer on the table."""
        return _read_terms(self.terms) if self.terms else None

    @property
    def earlier(self) -> Offer | None:
        """The other side's offer that the last one answers."""
        return _read_terms(self.before) if self.before else None

    @property
    def agreed(self) -> Agreement | None:
        """The agreement, read."""
        return _read_agreed(self.agreement) if self.agreement else None

    @property
    def ended(self) -> bool:
        """Whether no message can come any more."""
        return self.state is not None and MACHINE.final(self.state)


@lru_cache(maxsize=1024)
def _read_terms(text: str) -> Offer:
    """The offer in a stored text, read once as long as it is in use."""
    return read_offer(loads(text.encode()))


@lru_cache(maxsize=1024)
def _read_agreed(text: str) -> Agreement:
    """The agreement in a stored text, read once as long as it is in use."""
    return read_agreement(loads(text.encode()))


def receive(negotiation: Negotiation, message: Message, *, now: datetime) -> Negotiation:
    """The negotiation after the peer's message.

    Raises `NotFound` where the pids are not of this negotiation, `IllegalTransition` where the message may not come
    now; nothing is changed then.
    """
    mine = addressed(negotiation, message.consumer_pid, message.provider_pid)
    code, reasons = _end(message)
    moved = _RULES.received(mine, message.verb, now=now, code=code, reasons=reasons)
    if isinstance(message, ContractRequest | ContractOffer):
        moved = evolve(moved, callback=(message.callback or moved.callback).rstrip("/"), peer_signs=bool(message.signs))
    return _with_content(moved, message)


def send(negotiation: Negotiation, message: Message, *, now: datetime) -> Negotiation:
    """The negotiation with our message on its way: the state is the same until the peer has acknowledged it.

    Raises `IllegalTransition` where we may not say that now, `Conflict` where an earlier message is not answered yet.
    """
    mine = addressed(negotiation, message.consumer_pid, message.provider_pid)
    code, reasons = _end(message)
    return _with_content(_RULES.sent(mine, message.verb, now=now, code=code, reasons=reasons), message)


def acknowledged(negotiation: Negotiation, *, now: datetime, peer_pid: str = "") -> Negotiation:
    """The negotiation once the peer has said yes; unchanged where its next message said so before.

    Raises `NotFound` where the peer names another pid than before, `InvalidInput` where it has never named one.
    """
    return _RULES.acknowledged(negotiation, now=now, peer_pid=peer_pid)


def failed(negotiation: Negotiation, reason: str, *, now: datetime, code: str = "") -> Negotiation:
    """The negotiation once the peer has refused our message for good: TERMINATED, with the peer's reason."""
    return _RULES.failed(negotiation, reason, now=now, code=code)


def due(negotiation: Negotiation) -> str:
    """What is to be done by us where the negotiation stands, "" for nothing."""
    return _RULES.next(negotiation)


def expired(negotiation: Negotiation, reason: str, *, now: datetime, code: str = "") -> Negotiation:
    """The negotiation ended here without a message, because it waited for too long."""
    return _RULES.expired(negotiation, reason, now=now, code=code)


def caught_up(negotiation: Negotiation, theirs: str, *, now: datetime) -> Negotiation | None:
    """The negotiation once the peer shows that it is final there; None where that is not so, or not to be believed.

    A signed agreement becomes final only by the message that names both signatures.
    """
    bare = {Verb.TERMINATE} if negotiation.provider_signature else {Verb.TERMINATE, Verb.FINALIZE}
    return _RULES.caught_up(negotiation, theirs, bare, now=now)


def _end(message: Message) -> tuple[str, tuple[str, ...]]:
    return (message.code, message.reasons) if isinstance(message, ContractTermination) else ("", ())


def _with_content(negotiation: Negotiation, message: Message) -> Negotiation:
    """The negotiation with what the message brings, whoever sent it."""
    match message:
        case ContractRequest(offer=offer) | ContractOffer(offer=offer):
            by = Role.CONSUMER if message.verb is Verb.REQUEST else Role.PROVIDER
            if not offer.target and (last := negotiation.offer):  # a counter-offer that does not say what it is about
                offer = replace(offer, target=last.target)
            terms = canonical(offer_to_json(offer, with_target=True)).decode()
            return evolve(negotiation, terms=terms, before=negotiation.terms, offered_by=by)
        case ContractAgreement(signed=signed, document=document):
            return evolve(
                negotiation,
                agreement=(signed or document).decode(),
                provider_signature=encode64(message.signature or b""),
            )
        case ContractVerification(signature=signature):
            return evolve(negotiation, consumer_signature=encode64(signature or b""))
        case _:
            return negotiation
