"""Negotiating a contract (合约协商): messages in, the next step of ours, and what a person decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from trustspace.core.canon import JsonObject, decode64, digest
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import (
    REQUIRES,
    Agreement,
    Contract,
    ContractAgreement,
    ContractEvent,
    ContractOffer,
    ContractRequest,
    ContractVerification,
    Event,
    Message,
    Negotiation,
    Offer,
    Party,
    Role,
    State,
    Status,
    Verb,
    agreement_bytes,
    check_agreement,
    check_exact_bytes,
    check_request,
    check_understood,
    conclude,
    end,
    party_members,
)
from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput, NotVerified, Refused
from trustspace.core.policy import Policy, check_enforceable
from trustspace.ports import Tx
from trustspace.services.deciding import NOT_HERE, SIGNS, Deciding, House, Next, requested
from trustspace.services.exchange import Caller, Exchange, Incoming, Reply
from trustspace.services.logging import log
from trustspace.services.machinery import Follow, Machinery, Saying, Surroundings, nothing
from trustspace.services.naming import name, named
from trustspace.services.planning import asked_for, default, is_ours
from trustspace.services.signatures import REQUIRED, Expected, announced, expected, note_signed, unannounced

OBJECTION: Final = "objection"


class Notary(Protocol):
    """Who signs contracts for us and checks the signatures of others; the key stays where it is."""

    def sign(self, agreement: bytes) -> bytes:
        """The provider's detached CMS over the list that names the agreement."""

    def countersign(self, agreement: bytes, provider_signature: bytes) -> bytes:
        """The consumer's detached CMS over the list that names the agreement and the provider's signature."""

    def check(self, agreement: bytes, signature: bytes, peer: Caller) -> None:
        """The provider's signature is good and of that peer; raises `NotVerified`."""

    def check_counter(self, agreement: bytes, provider_signature: bytes, signature: bytes, peer: Caller) -> None:
        """The consumer's signature is good and of that peer; raises `NotVerified`."""


class People(Protocol):
    """Who the others are."""

    async def known(self, participant: str, *, fresh: bool = True) -> Caller:
        """The participant by its id; raises `Unauthenticated` where it is not (or no longer) registered."""

    async def check_callback(self, caller: Caller, callback: str) -> None:
        """The address belongs to the caller, or may be called all the same; raises `InvalidInput`."""


class Negotiations(Deciding):
    """The use cases of a negotiation, both roles."""

    def __init__(
        self,
        machinery: Machinery[Negotiation, Message],
        around: Surroundings,
        house: House,
        notary: Notary,
        people: People,
    ) -> None:
        super().__init__()
        self._exchange = self.exchange = Exchange(machinery, around, ending=self._void)
        self._a, self.house, self._notary, self._people = around, house, notary, people
        self._steps: Mapping[str, Follow[Negotiation, Message]] = {
            "decide": self._decide,
            "agree": self._agree,
            "verify": self._verify,
            "finalize": self._finalize,
        }
        self.settle = self._exchange.settle
        self.get = self._exchange.get

    # --- messages in ---------------------------------------------------------------------------------------------

    async def take(self, incoming: Incoming, message: Message, *, pid: str = "") -> Reply:
        """Take a message in; without a pid it begins a negotiation."""
        if isinstance(message, ContractRequest | ContractOffer) and message.callback:
            await self._people.check_callback(incoming.caller, message.callback)
        opening = None if pid else self._opened(message, incoming.caller)
        also: Callable[[Tx, Negotiation], None] = nothing
        follow: Follow[Negotiation, Message] | None = self._at_once
        if isinstance(message, ContractRequest | ContractOffer) and message.signs:
            also = partial(announced, incoming.caller)
        if isinstance(message, ContractEvent) and message.event is Event.FINALIZED:
            also = partial(self._finalized, message)
        if isinstance(message, ContractAgreement) and (wrong := _objection(message)):
            also, follow = partial(_object, wrong), None
        return await self._exchange.take(incoming, message, pid=pid, opening=opening, also=also, follow=follow)

    def _opened(self, message: Message, caller: Caller) -> Negotiation:
        if not isinstance(message, ContractRequest | ContractOffer):
            raise IllegalTransition(f"{message.verb} does not begin a negotiation", where="contract negotiation")
        if not message.offer.target:
            raise InvalidInput("an offer in a message names what it is about", where="offer.target")
        role, now = (Role.PROVIDER if message.verb is Verb.REQUEST else Role.CONSUMER), self._a.clock.now()
        return Negotiation(
            key=self._a.ids.uuid(),
            role=role,
            peer=caller.participant,
            peer_identifier=caller.identifier,
            created=now,
            changed=now,
        )

    # --- our next step -------------------------------------------------------------------------------------------

    async def advance(self, pid: str) -> Negotiation:
        """Do what is ours to do next, if anything: what a rule says, or decide, agree, verify, finalize, or end it."""
        negotiation, rule = await self._a.store.read(self._a.plan.now(Negotiation, pid))
        if rule is not None and negotiation.todo:
            saying = await self._by_rule(negotiation, rule)
        else:
            saying = await self._by_default(negotiation)
        return await self._exchange.say(negotiation, saying) if saying else negotiation

    async def _by_default(self, negotiation: Negotiation) -> Next | None:
        """What we say where no rule says otherwise; None where it is not our turn, or a person's."""
        step = self._steps.get(default(negotiation))
        return await step(negotiation) if step else None

    async def _at_once(self, negotiation: Negotiation) -> Next | None:
        """What we say in the transaction that takes a message in: rules look at what is stored, and so come after."""
        return None if self._a.plan.rules else await self._by_default(negotiation)

    async def _decide(self, negotiation: Negotiation) -> Next | None:
        if negotiation.role is Role.CONSUMER:
            return await self._consider(negotiation)
        product = await self._product(negotiation)
        if product is None:
            return self._end(negotiation, NOT_HERE, "not-found")
        if over := self._over(negotiation):
            return self._end(negotiation, f"the offer ended at {over}", "expired")
        if product.manual:
            return None
        try:
            if negotiation.earlier is None or not await self._ours(negotiation):
                check_request(requested(negotiation), published(product))
        except Refused as error:
            return self._end(negotiation, f"the request is not what is offered: {error}", "refused")
        return await self._agree(negotiation)

    async def _consider(self, negotiation: Negotiation) -> Next | None:
        """An offer in answer to ours is accepted where it is what we asked for; a person decides others."""
        return await self._accept(negotiation) if await self._ours(negotiation) else None

    async def _ours(self, negotiation: Negotiation) -> bool:
        return await self._a.store.read(lambda tx: is_ours(tx, negotiation))

    async def _agree(self, negotiation: Negotiation) -> Next:
        caller = await self._people.known(negotiation.peer)
        peer = _party(caller)
        if wrong := unannounced(negotiation, await self._expected(negotiation, caller)):
            return self._end(negotiation, wrong, "refused")

        def make(current: Negotiation) -> Message:
            offer = requested(current)
            agreement = Agreement(
                id=self._a.ids.uuid(),
                target=offer.target,
                assigner=self.house.party.id,
                assignee=peer.id,
                timestamp=_timestamp(self._a.clock.now()),
                policy=offer.policy,
                members=party_members(self.house.party, peer, offer.id),
            )
            signature = self._notary.sign(agreement_bytes(agreement))
            return ContractAgreement.of(current.consumer_pid, current.provider_pid, agreement, signature)

        return self._from(negotiation, make)

    async def _verify(self, negotiation: Negotiation) -> Next:
        peer = await self._people.known(negotiation.peer)
        objected = await self._a.store.read(lambda tx: named(tx, OBJECTION, negotiation.key))
        objection = objected or self._objection(negotiation, peer, await self._expected(negotiation, peer))
        if objection:
            return self._end(negotiation, objection, "refused")

        def make(current: Negotiation) -> Message:
            given = decode64(current.provider_signature)
            ours = self._notary.countersign(current.agreement.encode(), given) if given else None
            return ContractVerification(current.consumer_pid, current.provider_pid, ours)

        return Saying(make)

    async def _expected(self, negotiation: Negotiation, peer: Caller) -> Expected:
        house = self.house.require_signatures
        return await self._a.store.read(lambda tx: expected(tx, negotiation, peer, house=house))

    def _objection(self, negotiation: Negotiation, peer: Caller, wanted: Expected) -> str:
        agreement, signature = negotiation.agreed, decode64(negotiation.provider_signature)
        try:
            if agreement is None:
                raise Refused("the agreement is missing")
            check_understood(negotiation.agreement.encode(), negotiation.offer)
            check_agreement(negotiation, agreement, me=self.house.party, peer=_party(peer), now=self._a.clock.now())
            wanted.check(signature, "agreement")
            if signature:
                self._notary.check(negotiation.agreement.encode(), signature, peer)
        except (InvalidInput, NotVerified, Refused) as error:
            return f"the agreement is not what was offered: {error}"
        return ""

    async def _finalize(self, negotiation: Negotiation) -> Next:
        peer = await self._people.known(negotiation.peer)
        theirs, ours = decode64(negotiation.consumer_signature), decode64(negotiation.provider_signature)
        wanted = await self._expected(negotiation, peer)
        try:
            if ours or wanted.demanded:  # what we did not sign ourselves cannot be countersigned
                wanted.check(theirs, "verification")
            if theirs:
                self._notary.check_counter(negotiation.agreement.encode(), ours, theirs, peer)
        except (InvalidInput, NotVerified, Refused) as error:
            return self._end(negotiation, f"the verification does not hold: {error}", "refused")

        def make(current: Negotiation) -> Message:
            return ContractEvent(current.consumer_pid, current.provider_pid, Event.FINALIZED, _signatures(current))

        return Saying(make, self._conclude)

    # --- what a person or a program asks for ---------------------------------------------------------------------

    async def request(
        self,
        offer: Offer,
        peer: str,
        endpoint: str,
        *,
        title: str = "",
        key: str = "",
        wish: Policy | None = None,
        signatures: str = "",
    ) -> Negotiation:
        """Ask the provider for its offer, or for other terms (`wish`); the same `key` again is the same negotiation.

        `signatures` chooses for this negotiation whether it must end signed ("required", "optional").
        Raises `Refused` for a clause that nobody enforces, `Conflict` where the key stands for another product's.
        """
        asked = replace(offer, policy=wish) if wish else offer
        return await self._begin(Role.CONSUMER, asked, peer, endpoint, title, key, signatures)

    async def propose(self, offer: Offer, peer: str, endpoint: str, *, title: str = "", key: str = "") -> Negotiation:
        """Offer to somebody who has not asked; the same `key` again is the same negotiation. Errors as `request`."""
        return await self._begin(Role.PROVIDER, offer, peer, endpoint, title, key)

    async def _begin(
        self, role: Role, offer: Offer, peer: str, endpoint: str, title: str, key: str, signatures: str = ""
    ) -> Negotiation:
        if known := await self._a.store.read(lambda tx: named(tx, "negotiation", key)):
            return _same(await self.get(known), offer, key)
        check_enforceable(offer.policy)
        now, own, house = self._a.clock.now(), self._a.ids.uuid(), self.house
        new = Negotiation(key=own, role=role, peer=peer, callback=endpoint, created=now, changed=now)
        new = replace(new, tag=title, signatures=signatures)
        message: Message = ContractRequest(own, None, offer, house.base, house.signs)
        if role is Role.PROVIDER:
            message = ContractOffer(None, own, offer, house.base, house.signs)
        return await self._exchange.say(
            new, Saying(lambda _: message, lambda tx, made: name(tx, "negotiation", key, made.key))
        )

    # --- the contract --------------------------------------------------------------------------------------------

    def _finalized(self, message: ContractEvent, tx: Tx, negotiation: Negotiation) -> None:
        """Conclude, where the provider names the signatures that we have: its word that it got ours."""
        if message.signatures != _signatures(negotiation):
            raise Refused("the finalisation does not name the signatures of this contract", where="signatures")
        self._conclude(tx, negotiation)

    def _conclude(self, tx: Tx, negotiation: Negotiation) -> None:
        """Keep the contract and say in the log who signed what."""
        product = tx.get(Published, requested(negotiation).target)
        title = product.title if product else negotiation.tag
        contract = conclude(negotiation, now=negotiation.changed, title=title)
        if tx.get(Contract, contract.key) is None:
            tx.save(contract, expect=0)
            note_signed(tx, contract)
            self._log_signed(tx, contract, negotiation)

    def adopt(self, tx: Tx, negotiation: Negotiation) -> None:
        """Conclude what the peer shows as finalised, though its message never came."""
        if negotiation.state is State.FINALIZED:
            self._conclude(tx, negotiation)

    def _void(self, tx: Tx, negotiation: Negotiation) -> None:
        """A contract whose finalisation the consumer did not take does not stand."""
        agreed = negotiation.agreed if negotiation.state is State.TERMINATED else None
        contract = tx.get(Contract, agreed.id) if agreed else None
        if contract is None or contract.status is Status.ENDED:
            return
        reason = f"not concluded: {'; '.join(negotiation.reasons)}"
        ended = tx.save(end(contract, negotiation.peer, reason, negotiation.changed), expect=contract.version)
        data: JsonObject = {"by": ended.ended_by, "reason": reason}
        log(tx, "contract-ended", time=negotiation.changed, subjects=(contract.key,), data=data)

    def _log_signed(self, tx: Tx, contract: Contract, negotiation: Negotiation) -> None:
        signatures = {"provider": contract.provider_signature, "consumer": contract.consumer_signature}
        data = {
            "agreement": tx.keep(contract.agreement.encode()),
            "offer": tx.keep(negotiation.terms.encode()),
            "peer": contract.peer,
            "signed": contract.signed.value,
            **{f"{role}_signature": tx.keep(decode64(text)) if text else "" for role, text in signatures.items()},
        }
        log(tx, "agreement-signed", time=contract.created, subjects=(negotiation.key, contract.key), data=data)

    async def _product(self, negotiation: Negotiation) -> Published | None:
        return await self._a.store.read(lambda tx: asked_for(tx, negotiation))


def _signatures(negotiation: Negotiation) -> str:
    """The SHA-256 over both signatures, "" where one of them is missing."""
    theirs, ours = decode64(negotiation.provider_signature), decode64(negotiation.consumer_signature)
    return digest(theirs + ours) if theirs and ours else ""


def _objection(message: ContractAgreement) -> str:
    """What is wrong with the signed bytes, by themselves and beside the JSON; "" for nothing."""
    try:
        check_exact_bytes(message.signed or message.document, message.document)
    except Refused as error:
        return str(error)
    return ""


def _object(wrong: str, tx: Tx, negotiation: Negotiation) -> None:
    """Keep the objection for our next step: the message is taken, since only an answer to it can carry the reason."""
    name(tx, OBJECTION, negotiation.key, f"the agreement cannot be signed: {wrong}")


def published(product: Published) -> Offer:
    """The offer of a product, as a request must name it."""
    extra = ((REQUIRES, SIGNS),) if product.signatures == REQUIRED else ()
    return Offer(id=product.offer, target=product.key, policy=product.terms, extra=extra)


def _same(negotiation: Negotiation, offer: Offer, key: str) -> Negotiation:
    if requested(negotiation).target != offer.target:
        raise Conflict("this key stands for the negotiation of another product", where=key, hint="use another key")
    return negotiation


def waits_for(negotiation: Negotiation) -> str:
    """What has to come next, for people; "" once it has ended."""
    return negotiation.awaited.what if negotiation.awaited else ""


def _party(caller: Caller) -> Party:
    return Party(caller.participant, caller.identifier, caller.credit_code)


def _timestamp(now: datetime) -> str:
    return now.isoformat(timespec="seconds").replace("+00:00", "Z")
