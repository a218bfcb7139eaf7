"""What came of negotiations: contracts, and their end."""

from __future__ import annotations

from trustspace.core.canon import decode64
from trustspace.core.contract import Contract, Role, Status
from trustspace.core.contract.signing import consumer_list, provider_list
from trustspace.core.errors import NotFound
from trustspace.core.identity.cms import verify_detached
from trustspace.core.policy import to_odrl
from trustspace.core.usage import Counter, Duty
from trustspace.node import views as v
from trustspace.node.doing.base import clause_views, page
from trustspace.node.doing.talks import TalkDoing, bears
from trustspace.node.importing import import_agreements
from trustspace.node.importviews import ImportRequest


class ContractDoing(TalkDoing):
    """`import_contracts`, `contracts`, `contract`, `end`."""

    async def import_contracts(self, request: ImportRequest) -> list[v.ContractView]:
        """Take in agreements made elsewhere."""
        kept = await import_agreements(self.engine, request)
        return [await self._contract_view(one) for one in kept]

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
            signed=bears(contract),
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
