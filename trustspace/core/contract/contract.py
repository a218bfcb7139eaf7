"""The contract (合约) that a finalized negotiation leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from trustspace.core.canon import digest, loads
from trustspace.core.contract.exchange import Role
from trustspace.core.contract.negotiation import Negotiation
from trustspace.core.contract.offer import Agreement, read_agreement
from trustspace.core.errors import Conflict, IllegalTransition
from trustspace.core.record import Record


class Status(StrEnum):
    """Whether uses are still possible under the contract."""

    ACTIVE = "active"
    ENDED = "ended"


class Signed(StrEnum):
    """By whom the contract is signed: a peer that knows nothing of signatures leaves it unsigned."""

    BOTH = "both"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Record):
    """One side's copy of a contract; `key` is the agreement's id.

    `agreement` is the exact JSON text that was signed, `digest` its SHA-256; the signatures are base64url of CMS DER.
    `negotiation` is "" where the agreement was made elsewhere; `address` is then the counterparty's, where it was told.
    """

    KIND: ClassVar[str] = "contract"
    INDEX: ClassVar[tuple[str, ...]] = ("status", "peer", "target")

    negotiation: str
    role: Role
    peer: str
    target: str
    agreement: str
    digest: str
    provider_signature: str = ""
    consumer_signature: str = ""
    signed: Signed = Signed.UNSIGNED
    status: Status = Status.ACTIVE
    created: datetime
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_reason: str = ""
    title: str = ""
    address: str = ""

    @property
    def imported(self) -> bool:
        """Whether the agreement was made elsewhere: nobody negotiated or signed it here."""
        return not self.negotiation

    @property
    def agreed(self) -> Agreement:
        """The agreement, read."""
        return _read(self.agreement)


@lru_cache(maxsize=1024)
def _read(agreement: str) -> Agreement:
    """The agreement in a stored text, read once as long as it is in use."""
    return read_agreement(loads(agreement.encode()))


def conclude(negotiation: Negotiation, *, now: datetime, title: str = "") -> Contract:
    """The contract of a negotiation that has an agreement; `IllegalTransition` where it has none."""
    agreement = negotiation.agreed
    if agreement is None:
        raise IllegalTransition("there is no agreement yet", where="contract")
    both = negotiation.provider_signature and negotiation.consumer_signature
    return Contract(
        key=agreement.id,
        negotiation=negotiation.key,
        role=negotiation.role,
        peer=negotiation.peer,
        target=agreement.target,
        agreement=negotiation.agreement,
        digest=digest(negotiation.agreement.encode()),
        provider_signature=negotiation.provider_signature,
        consumer_signature=negotiation.consumer_signature,
        signed=Signed.BOTH if both else Signed.UNSIGNED,
        created=now,
        title=title,
    )


def end(contract: Contract, by: str, reason: str, now: datetime) -> Contract:
    """The contract once a party has ended it; `Conflict` where it has ended before."""
    if contract.status is Status.ENDED:
        raise Conflict(f"this contract ended on {contract.ended_at}", where=contract.key)
    return replace(contract, status=Status.ENDED, ended_at=now, ended_by=by, ended_reason=reason)
