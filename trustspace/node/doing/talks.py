"""Negotiating: asking, offering, and what a person decides of it, with what changed against the last round."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Negotiation, Offer, Role, Signed, State
from trustspace.core.errors import InvalidInput, TrustspaceError
from trustspace.core.policy import Change, Policy, changes, from_odrl, to_odrl
from trustspace.core.rules import POSSIBLE, Action
from trustspace.core.transfer import Transfer
from trustspace.node import views as v
from trustspace.node.doing.base import page
from trustspace.node.doing.products import ProductDoing
from trustspace.node.visiting import Found, find_at
from trustspace.ports import Tx
from trustspace.protocols import dsp
from trustspace.services.negotiation import published, waits_for
from trustspace.services.planning import HOLD, event_of

ENDED: Final = frozenset({State.FINALIZED, State.TERMINATED})
UNDECIDED: Final = ("decide", HOLD)
LONGEST_WAIT: Final = 300.0
DECIDING_SECONDS: Final = 10.0


class TalkDoing(ProductDoing):
    """`negotiate`, `propose`, `negotiations`, `negotiation`, `approve`, `counter`, `refuse`, `rules`."""

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
        return await self._after(begun.key, request.wait)

    async def _found(self, request: v.NegotiateRequest) -> Found:
        """What is to be negotiated: by its code through the functional node, or at the connector that is named."""
        if request.connector:
            return await find_at(self.engine, request)
        if not request.code:
            raise InvalidInput("which product? give its code, or connector and dataset", where="code")
        view, offer, provider = await self.offer(request.code)
        return Found(offer, provider.participant, view.endpoint, view.title)

    async def propose(self, product: str, request: v.ProposalRequest) -> v.NegotiationView:
        """Offer a product of ours to somebody who has not asked."""
        self.check_registered()
        own, peer = await self._own(product), await self.engine.directory.known(request.to)
        offer = published(own)
        if request.policy:
            offer = Offer(self.engine.ids.uuid(), own.key, from_odrl(request.policy, where="policy"))
        begun = await self.engine.negotiations.propose(
            offer, peer.participant, peer.endpoint + dsp.BASE, title=own.title, key=request.key
        )
        return await self._after(begun.key, request.wait)

    async def _after(self, pid: str, wait: float) -> v.NegotiationView:
        def settled(negotiation: Negotiation) -> bool:
            held = negotiation.todo in UNDECIDED
            return negotiation.state in ENDED or (held and negotiation.role is Role.CONSUMER)

        negotiations, seconds = self.engine.negotiations, min(wait, LONGEST_WAIT)
        done = await self.engine.waiting.until(pid, lambda: negotiations.get(pid), settled, seconds=seconds)
        return await self._view(done)

    async def negotiations(
        self, *, state: str = "", waiting: str = "", offset: str = "0", limit: str = "100"
    ) -> list[v.NegotiationView]:
        """All, or those in a state, or those that wait for a person here."""
        start, most = page(offset, limit)
        if waiting:
            found = await self.read(undecided)
            return [await self._view(one) for one in found[start : start + most] if state in ("", str(one.state))]
        where = {"state": state} if state else {}
        found = await self.read(lambda tx: tx.find(Negotiation, after=start, limit=most, **where))
        return [await self._view(one) for one in found]

    async def negotiation(self, name: str) -> v.NegotiationView:
        """One."""
        return await self._view(await self.engine.negotiations.get(name))

    async def approve(self, name: str, *, terms: str = "") -> v.NegotiationView:
        """Agree to, or accept, what lies on the table; with `terms` only if it is still that."""
        await self.engine.negotiations.approve(name, terms=terms)
        return await self._after(name, DECIDING_SECONDS)

    async def counter(self, name: str, request: v.CounterRequest) -> v.NegotiationView:
        """Send other terms."""
        policy = from_odrl(request.policy, where="policy")
        return await self._view(await self.engine.negotiations.counter(name, policy, terms=request.terms))

    async def refuse(self, name: str, request: v.DecisionRequest) -> v.NegotiationView:
        """End it with a reason."""
        await self.engine.negotiations.refuse(name, request.reason)
        return await self._after(name, DECIDING_SECONDS)

    async def rules(self) -> list[v.RuleView]:
        """What this node does by itself, in the order in which the rules are tried."""
        settings = self.engine.settings
        return [
            v.RuleView(name=rule.name, on=list(rule.on), then=rule.then, rule=written)
            for rule, written in zip(settings.rulebook, settings.rules, strict=True)
        ]

    async def signed(self, names: Iterable[str]) -> dict[str, v.Bears]:
        """Whether each of these contracts is signed by both."""

        def look(tx: Tx) -> dict[str, v.Bears]:
            found = {name: tx.get(Contract, name) for name in set(names)}
            return {name: bears(contract) if contract else "" for name, contract in found.items()}

        return await self.read(look)

    async def name_of(self, participant: str) -> str:
        """What the list calls a participant; "" where it is not known now."""
        try:
            return (await self.engine.directory.known(participant, fresh=False)).name
        except TrustspaceError:
            return ""

    async def _view(self, negotiation: Negotiation) -> v.NegotiationView:
        offer, agreed = negotiation.offer, negotiation.agreed
        contract = agreed.id if agreed and negotiation.state is State.FINALIZED else ""
        return v.NegotiationView(
            negotiation=negotiation.key,
            role="consumer" if negotiation.role is Role.CONSUMER else "provider",
            peer=negotiation.peer,
            peer_name=await self.name_of(negotiation.peer),
            state=str(negotiation.state or ""),
            pending=str(negotiation.pending or ""),
            waits_for=waits_for(negotiation),
            since=negotiation.changed if negotiation.todo in UNDECIDED else None,
            reason="; ".join(negotiation.reasons),
            contract=contract,
            signed=(await self.signed([contract]))[contract] if contract else "",
            title=negotiation.tag or (await self._title(offer.target) if offer else ""),
            round=negotiation.round,
            terms=offer.policy.digest if offer else "",
            policy=to_odrl(offer.policy) if offer else None,
            changes=await self._changes(negotiation),
            created=negotiation.created,
            changed=negotiation.changed,
        )

    async def _title(self, target: str) -> str:
        product = await self.read(lambda tx: tx.get(Published, target))
        return product.title if product else ""

    async def _changes(self, negotiation: Negotiation) -> list[v.ChangeView]:
        """What the offer on the table differs in from the one that it answers, or else from what we publish."""
        offer, earlier = negotiation.offer, negotiation.earlier
        if offer is None:
            return []
        product = await self.read(lambda tx: tx.get(Published, offer.target))
        before: Policy | None = earlier.policy if earlier else product.terms if product else None
        if earlier is None and negotiation.offered_by is Role.CONSUMER and negotiation.role is Role.CONSUMER:
            return []  # our own first word
        target = [v.ChangeView(path="target", was=earlier.target, now=offer.target)] if earlier else []
        moved = target if earlier and earlier.target != offer.target else []
        return [*moved, *map(_change_view, changes(before, offer.policy))]


def bears(contract: Contract) -> Literal["both", "unsigned"]:
    """By whom a contract is signed."""
    return "both" if contract.signed is Signed.BOTH else "unsigned"


def undecided(tx: Tx) -> list[Negotiation]:
    """The negotiations that wait for a person here, longest first."""
    found = [one for todo in UNDECIDED for one in tx.find(Negotiation, limit=1000, todo=todo)]
    return sorted(found, key=lambda one: one.changed)


def about(tx: Tx, record: Negotiation | Transfer) -> str:
    """What a process is about, for people; "" where that is not known."""
    if isinstance(record, Transfer):
        return f" under {record.agreement}"
    product = tx.get(Published, record.offer.target) if record.offer else None
    title = record.tag or (product.title if product else "")
    return f" about {title}" if title else ""


def can_decide(record: Negotiation | Transfer) -> str:
    """The commands that decide it."""
    event = event_of(record)
    can = POSSIBLE.get((event, record.role), ()) if event else ()
    words = _DECIDES if isinstance(record, Negotiation) else _LEADS
    return ", ".join(dict.fromkeys(words[action] for action in can if action in words))


_DECIDES: Final = {
    **dict.fromkeys((Action.AGREE, Action.ACCEPT, Action.VERIFY, Action.FINALIZE), "approve"),
    Action.COUNTER: "counter",
    Action.REFUSE: "refuse",
}
_LEADS: Final = {action: action.value for action in (Action.START, Action.SUSPEND, Action.COMPLETE, Action.TERMINATE)}


def _change_view(change: Change) -> v.ChangeView:
    was, now = change.was, change.now
    return v.ChangeView(
        path=change.path,
        was=was.text_en if was else "",
        now=now.text_en if now else "",
        was_zh=was.text_zh if was else "",
        now_zh=now.text_zh if now else "",
    )
