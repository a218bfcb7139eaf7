"""Who signs contracts, who has to, and who has stopped: what is expected of a peer in a negotiation.

A peer says that it signs in its DID document, in its version document and in its requests, or shows it by a signature.
Once it has, that is remembered for good: a contract without its signature is a downgrade from then on. One that never
said so may leave a contract unsigned, unless signatures are demanded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Negotiation, Role, Signed
from trustspace.core.errors import Refused
from trustspace.core.record import Record
from trustspace.ports import Clock, Store, Tx
from trustspace.services.exchange import Caller

REQUIRED: Final = "required"
OPTIONAL: Final = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer(Record):
    """A peer that signs, by its participant id: since when that is known, and from where ("document", "request", …)."""

    KIND: ClassVar[str] = "signer"
    INDEX: ClassVar[tuple[str, ...]] = ("identifier",)

    identifier: str = ""
    since: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned(Record):
    """That a contract bears no signatures; the key is the contract's. So they are counted without reading them all."""

    KIND: ClassVar[str] = "unsigned"


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of the peer's signature in one negotiation: it signs as far as is known, it is demanded here."""

    signs: bool
    demanded: bool

    def check(self, signature: bytes, what: str) -> None:
        """Raise `Refused` where the signature is missing and should not be."""
        if signature:
            return
        if self.signs:
            raise Refused(f"the {what} is not signed though this peer signs: a downgrade")
        if self.demanded:
            raise Refused(f"the {what} is not signed, and signatures are required here")


def signs(tx: Tx, participant: str) -> bool:
    """Whether a peer has ever signed, or said that it does."""
    return tx.get(Signer, participant) is not None


def saw_signing(tx: Tx, participant: str, identifier: str, source: str, now: datetime) -> None:
    """Remember that a peer signs."""
    if not signs(tx, participant):
        tx.save(Signer(key=participant, identifier=identifier, source=source, since=now), expect=0)


def announced(caller: Caller, tx: Tx, negotiation: Negotiation) -> None:
    """Remember it of the sender of a request that says so; one whose name nobody proves is not believed for long."""
    if caller.keys:
        saw_signing(tx, caller.participant, caller.identifier, "request", negotiation.changed)


async def known_to_sign(store: Store, clock: Clock, participant: str, identifier: str, *, said: bool) -> bool:
    """Whether a peer signs: it says so now in its DID document, or was known to before."""
    if await store.read(lambda tx: signs(tx, participant)):
        return True
    if said:
        now = clock.now()
        await store.run(lambda tx: saw_signing(tx, participant, identifier, "document", now))
    return said


def expected(tx: Tx, negotiation: Negotiation, peer: Caller, *, house: bool) -> Expected:
    """What is expected in a negotiation: the choice made for it, else for the offer, else by the house."""
    offer = negotiation.offer
    product = tx.get(Published, offer.target) if offer and negotiation.role is Role.PROVIDER else None
    choice = negotiation.signatures or (product.signatures if product else "")
    return Expected(
        signs=peer.signs or negotiation.peer_signs or signs(tx, peer.participant),
        demanded=choice == REQUIRED if choice else house,
    )


def unannounced(negotiation: Negotiation, wanted: Expected) -> str:
    """Why nothing is agreed upon a request that does not say that its sender signs; "" where it may be."""
    if negotiation.peer_signs or negotiation.offered_by is not Role.CONSUMER:
        return ""
    if wanted.signs:
        return "the request no longer says that its sender signs, and it used to: a downgrade"
    return "signatures are required here, and the request does not say that its sender signs" if wanted.demanded else ""


def note_signed(tx: Tx, contract: Contract) -> None:
    """Remember of a new contract that its peer signs, or that it is unsigned."""
    if contract.signed is Signed.BOTH:
        saw_signing(tx, contract.peer, "", "signature", contract.created)
    else:
        tx.save(Unsigned(key=contract.key), expect=0)
