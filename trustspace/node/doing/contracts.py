"""Negotiating, deciding, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from trustspace.core.canon import decode64, loads
from trustspace.core.contract import Contract, Negotiation, Role, Signed, State, Status
from trustspace.core.contract.checks import differences
from trustspace.core.contract.signing import consumer_list, provider_list
from trustspace.core.errors import InvalidInput, NotFound, TrustspaceError
from trustspace.core.identity.cms import verify_detached
from trustspace.core.policy import from_odrl, to_odrl
from trustspace.core.usage import Counter, Duty
from trustspace.node import views as v
from trustspace.node.doing.base import clause_views, page
from trustspace.node.doing.products import ProductDoing
from trustspace.node.importing import import_agreements
from trustspace.node.importviews import ImportRequest
from trustspace.node.visiting import Found, find_at
from trustspace.ports import Tx
from trustspace.services.negotiation import waits_for
from trustspace.services.planning import HOLD

ENDED: Final = frozenset({State.FINALIZED, State.TERMINATED})
LONGEST_WAIT: Final = 300.0


class ContractDoing(ProductDoing):
    """`negotiate`, `negotiations`, `approve`, `counter`, `refuse`, `contracts`, `contract`, `end`."""

    async def negotiate(self, request: v.NegotiateRequest) -> v.NegotiationView:
        """Negotiate an offer; waits until it has ended, or needs a person, or the time is up."""
        self.check_registered()
        found = await self._found(request)
        wish = from_odrl(request.policy, where="policy") if request.policy else None
        begun = await self.engine.negotiations.request(
            found.offer,
            found.provider,
            found.address,
            title=found.title,
            key=request.key,
            wish=wish,
            signatures=request.signatures,
        )
        return await self._after(begun.key, min(request.wait, LONGEST_WAIT))

    async def _found(self, request: v.NegotiateRequest) -> Found:
        """What is to be negotiated: by its code through the functional node, or at the connector that is named."""
        if request.connector:
            return await find_at(self.engine, request)
        if not request.code:
            raise InvalidInput("which product? give its code, or connector and dataset", where="code")
        view, offer, provider = await self.offer(request.code)
        return Found(offer, provider.participant, view.endpoint, view.title)

    async def import_contracts(self, request: ImportRequest) -> list[v.ContractView]:
        """Take in agreements made elsewhere."""
        kept = await import_agreements(self.engine, request)
        return [await self._contract_view(one) for one in kept]

    async def _after(self, pid: str, wait: float) -> v.NegotiationView:
        def settled(negotiation: Negotiation) -> bool:
            held = negotiation.todo in {"decide", HOLD}
            return negotiation.state in ENDED or (held and negotiation.role is Role.CONSUMER)

        negotiations = self.engine.negotiations
        done = await self.engine.waiting.until(pid, lambda: negotiations.get(pid), settled, seconds=wait)
        return await self._view(done)

    async def negotiations(self, *, state: str = "", offset: str = "0", limit: str = "100") -> list[v.NegotiationView]:
        """All, or those in a state."""
        start, most = page(offset, limit)
        where = {"state": state} if state else {}
        found = await self.read(lambda tx: tx.find(Negotiation, after=start, limit=most, **where))
        return [await self._view(one) for one in found]

    async def negotiation(self, name: str) -> v.NegotiationView:
        """One."""
        return await self._view(await self.engine.negotiations.get(name))

    async def approve(self, name: str) -> v.NegotiationView:
        """Agree to, or accept, what lies on the table."""
        await self.engine.negotiations.approve(name)
        return await self._after(name, 10.0)

    async def counter(self, name: str, request: v.CounterRequest) -> v.NegotiationView:
        """Send other terms."""
        return await self._view(await self.engine.negotiations.counter(name, from_odrl(request.policy, where="policy")))

    async def refuse(self, name: str, request: v.DecisionRequest) -> v.NegotiationView:
        """End it with a reason."""
        await self.engine.negotiations.refuse(name, request.reason or "refused")
        return await self._after(name, 10.0)

    async def contracts(self, *, status: str = "", offset: str = "0", limit: str = "100") -> list[v.ContractView]:
        """All, or those of a status."""
        start, most = page(offset, limit)
        where = {"status": status} if status else {}
        found = await self.read(lambda tx: tx.find(Contract, after=start, limit=most, **where))
        return [await self._contract_view(one) for one in found]

    async def contract(self, name: str) -> v.ContractView:
        """One, clause by clause."""
        contract = await self.stored_contract(name)
        agreed = contract.agreed
        view = await self._contract_view(contract)
        duties = await self.read(lambda tx: tx.find(Duty, limit=1000, agreement=name))
        return view.model_copy(
            update={
                "policy": to_odrl(agreed.policy),
                "clauses": clause_views(agreed.policy),
                "duties": [f"{duty.action} by {duty.due.isoformat()} ({duty.use})" for duty in duties],
            }
        )

    async def end(self, name: str, request: v.DecisionRequest) -> v.ContractView:
        """End it: tokens die, running streams are cut, the other side is told."""
        contract = await self.stored_contract(name)
        peer = await self.engine.directory.known(contract.peer, fresh=False)
        ended = await self.engine.endings.end(name, request.reason, self.engine.me, peer)
        return await self._contract_view(ended)

    async def stored_contract(self, name: str) -> Contract:
        """The record; `NotFound` where there is none."""
        contract = await self.read(lambda tx: tx.get(Contract, name))
        if contract is None:
            raise NotFound("there is no such contract here", where=name, hint="contracts list")
        return contract

    async def signed(self, names: Iterable[str]) -> dict[str, v.Bears]:
        """Whether each of these contracts is signed by both."""

        def look(tx: Tx) -> dict[str, v.Bears]:
            found = {name: tx.get(Contract, name) for name in set(names)}
            return {name: _signed(contract) if contract else "" for name, contract in found.items()}

        return await self.read(look)

    async def name_of(self, participant: str) -> str:
        """What the list calls a participant; "" where it is not known now."""
        try:
            return (await self.engine.directory.known(participant, fresh=False)).name
        except TrustspaceError:
            return ""

    async def _view(self, negotiation: Negotiation) -> v.NegotiationView:
        offer, agreed = negotiation.offer, negotiation.agreed
        title = negotiation.tag.partition("\n")[0]
        contract = agreed.id if agreed and negotiation.state is State.FINALIZED else ""
        return v.NegotiationView(
            negotiation=negotiation.key,
            role="consumer" if negotiation.role is Role.CONSUMER else "provider",
            peer=negotiation.peer,
            peer_name=await self.name_of(negotiation.peer),
            state=str(negotiation.state or ""),
            pending=str(negotiation.pending or ""),
            waits_for=waits_for(negotiation),
            reason="; ".join(negotiation.reasons),
            contract=contract,
            signed=(await self.signed([contract]))[contract] if contract else "",
            title=title or (await self._title(offer.target) if offer else ""),
            policy=to_odrl(offer.policy) if offer else None,
            changes=await self._changes(negotiation),
            created=negotiation.created,
            changed=negotiation.changed,
        )

    async def _title(self, target: str) -> str:
        try:
            return (await self._own(target)).title
        except NotFound:
            return ""

    async def _changes(self, negotiation: Negotiation) -> list[str]:
        """What the request on the table differs in from what we publish."""
        offer = negotiation.offer
        if negotiation.role is Role.CONSUMER or offer is None:
            return []
        try:
            product = await self._own(offer.target)
        except NotFound:
            return ["we offer no such product"]
        ours, theirs = loads(product.policy.encode()), to_odrl(offer.policy)
        return [f"{path}: {was!r} → {now!r}" for path, was, now in differences(ours, theirs, "offer")]

    async def _contract_view(self, contract: Contract) -> v.ContractView:
        counter = await self.read(lambda tx: tx.get(Counter, contract.key)) or Counter(key=contract.key)
        return v.ContractView(
            contract=contract.key,
            role="consumer" if contract.role is Role.CONSUMER else "provider",
            peer=contract.peer,
            peer_name=await self.name_of(contract.peer),
            title=contract.title,
            target=contract.target,
            status="active" if contract.status is Status.ACTIVE else "ended",
            signed=_signed(contract),
            origin="imported" if contract.imported else "negotiated",
            signatures=self._signatures(contract),
            digest=contract.digest,
            uses=counter.used,
            denials=counter.refused,
            ended_at=contract.ended_at,
            ended_by=contract.ended_by,
            reason=contract.ended_reason,
            created=contract.created,
        )

    def _signatures(self, contract: Contract) -> list[v.SignatureView]:
        agreement, provider = contract.agreement.encode(), decode64(contract.provider_signature)
        consumer = decode64(contract.consumer_signature)
        seen = []
        if provider:
            seen.append(self._signature("provider", provider_list(agreement), provider))
        if consumer:
            seen.append(self._signature("consumer", consumer_list(agreement, provider), consumer))
        return seen

    def _signature(self, role: str, signed: bytes, signature: bytes) -> v.SignatureView:
        facts = verify_detached(signature, signed, self.engine.roots)
        return v.SignatureView(
            role="provider" if role == "provider" else "consumer",
            identifier=facts.certificate.identifier,
            name=facts.certificate.common_name,
            signed_at=facts.signed_at,
            thumbprint=facts.thumbprint,
        )


def _signed(contract: Contract) -> Literal["both", "unsigned"]:
    return "both" if contract.signed is Signed.BOTH else "unsigned"
