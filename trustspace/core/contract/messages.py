"""The messages of a contract negotiation (合约协商), as values; how they look on the wire is a codec's business."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from trustspace.core.contract.offer import Agreement, Offer, agreement_bytes


class Verb(StrEnum):
    """What a message of the negotiation does."""

    REQUEST = "request"
    OFFER = "offer"
    ACCEPT = "accept"
    AGREE = "agree"
    VERIFY = "verify"
    FINALIZE = "finalize"
    TERMINATE = "terminate"


class Event(StrEnum):
    """The events that one side tells the other."""

    ACCEPTED = "ACCEPTED"
    FINALIZED = "FINALIZED"


@dataclass(frozen=True, slots=True)
class ContractRequest:
    """The consumer asks for an offer: anew with a `callback`, or as a counter-offer with the `provider_pid`.

    `signs` names the signatures that the sender makes ("CMS"), "" for none.
    """

    verb: ClassVar[Verb] = Verb.REQUEST
    consumer_pid: str
    provider_pid: str | None
    offer: Offer
    callback: str | None = None
    signs: str = ""


@dataclass(frozen=True, slots=True)
class ContractOffer:
    """The provider offers: anew with a `callback`, or in answer with the `consumer_pid`."""

    verb: ClassVar[Verb] = Verb.OFFER
    consumer_pid: str | None
    provider_pid: str
    offer: Offer
    callback: str | None = None
    signs: str = ""


@dataclass(frozen=True, slots=True)
class ContractAgreement:
    """The provider's agreement. `document` are the canonical bytes of the ODRL object that the message holds.

    `signed` are the exact bytes that the provider says it signed and `signature` its detached CMS (DER) over them;
    both None from a peer that does not sign.
    """

    verb: ClassVar[Verb] = Verb.AGREE
    consumer_pid: str
    provider_pid: str
    agreement: Agreement
    document: bytes
    signed: bytes | None = None
    signature: bytes | None = None

    @classmethod
    def of(
        cls, consumer_pid: str, provider_pid: str, agreement: Agreement, signature: bytes | None = None
    ) -> ContractAgreement:
        """The message with this agreement, and the provider's signature over `agreement_bytes` if there is one."""
        document = agreement_bytes(agreement)
        return cls(consumer_pid, provider_pid, agreement, document, document if signature else None, signature)


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """ACCEPTED by the consumer or FINALIZED by the provider; `signatures` may name what was signed by its digest."""

    consumer_pid: str
    provider_pid: str
    event: Event
    signatures: str = ""

    @property
    def verb(self) -> Verb:
        """What the event does."""
        return Verb.ACCEPT if self.event is Event.ACCEPTED else Verb.FINALIZE


@dataclass(frozen=True, slots=True)
class ContractVerification:
    """The consumer has checked the agreement; `signature` is its detached CMS (DER), None where it does not sign."""

    verb: ClassVar[Verb] = Verb.VERIFY
    consumer_pid: str
    provider_pid: str
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class ContractTermination:
    """Either side ends the negotiation, with a word for machines and reasons for people."""

    verb: ClassVar[Verb] = Verb.TERMINATE
    consumer_pid: str
    provider_pid: str
    code: str = ""
    reasons: tuple[str, ...] = ()


Message = (
    ContractRequest | ContractOffer | ContractAgreement | ContractEvent | ContractVerification | ContractTermination
)
