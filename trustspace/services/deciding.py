"""What a person or a rule decides about a negotiation: approve, counter, refuse, whatever side one is on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from trustspace.core.catalogue.published import Published
from trustspace.core.contract import (
    ContractEvent,
    ContractOffer,
    ContractRequest,
    ContractTermination,
    Event,
    Message,
    Negotiation,
    Offer,
    Party,
    Role,
    State,
)
from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput, Refused
from trustspace.core.policy import CLOSE, Policy, check_enforceable, lapsed
from trustspace.core.rules import Action, Rule
from trustspace.services.exchange import Exchange
from trustspace.services.machinery import Saying, Surroundings

Next = Saying[Negotiation, Message]
SIGNS: Final = "CMS"
"""What we say of ourselves in a request or offer: agreements are signed with CMS."""
NOT_HERE: Final = "there is no such data product on offer here"
ENDED: Final = "this side ended the negotiation"


@dataclass(frozen=True, slots=True)
class House:
    """What a connector decides for itself: who it is, where it is reached, whether contracts must be signed.

    `signs` is what it says of its own signatures, "" where it makes none.
    """

    party: Party
    base: str
    require_signatures: bool
    signs: str = SIGNS


class Deciding(ABC):
    """The moves that are a decision, each from the state that was looked at: who comes too late is told so."""

    _exchange: Exchange[Negotiation, Message]
    _a: Surroundings
    house: House

    def __init__(self) -> None:
        self._acts: Mapping[Action, Callable[[Negotiation, Rule], Awaitable[Next]]] = {
            Action.OFFER: self._propose,
            Action.COUNTER: self._propose,
            Action.AGREE: self._bind,
            Action.ACCEPT: self._bind,
            Action.VERIFY: lambda negotiation, _: self._verify(negotiation),
            Action.FINALIZE: lambda negotiation, _: self._finalize(negotiation),
            Action.REFUSE: partial(self._leave, code="refused"),
            Action.TERMINATE: partial(self._leave, code="terminated"),
        }
        self._yes: Mapping[tuple[State | None, Role], Callable[[Negotiation], Awaitable[Next]]] = {
            (State.REQUESTED, Role.PROVIDER): self._agree,
            (State.OFFERED, Role.CONSUMER): self._accept,
            (State.ACCEPTED, Role.PROVIDER): self._agree,
            (State.AGREED, Role.CONSUMER): self._verify,
            (State.VERIFIED, Role.PROVIDER): self._finalize,
        }

    @abstractmethod
    async def _agree(self, negotiation: Negotiation) -> Next: ...

    @abstractmethod
    async def _verify(self, negotiation: Negotiation) -> Next: ...

    @abstractmethod
    async def _finalize(self, negotiation: Negotiation) -> Next: ...

    @abstractmethod
    async def _product(self, negotiation: Negotiation) -> Published | None: ...

    # --- a person ------------------------------------------------------------------------------------------------

    async def approve(self, pid: str, *, terms: str = "") -> Negotiation:
        """Say yes to what lies on the table: agree, accept, verify, finalize, whichever is ours to say now.

        `terms` is the digest of the policy that was looked at, "" for whatever it is. Raises `Conflict` where another
        one is on the table, `IllegalTransition` where nothing waits for us, `Refused` for a clause nobody enforces or
        an offer whose time is over.
        """
        negotiation = await self._exchange.get(pid)
        policy = requested(negotiation).policy
        if terms not in ("", policy.digest):
            raise Conflict("other terms are on the table by now", where=pid, hint="look again: negotiations show")
        yes = self._yes.get((negotiation.state, negotiation.role))
        if yes is None:
            what = f"nothing here waits for a decision: the negotiation is {negotiation.state or 'not begun'}"
            raise IllegalTransition(what, where=pid, hint="; ".join(negotiation.reasons))
        self._check_binding(negotiation)
        return await self._exchange.say(negotiation, await yes(negotiation))

    async def counter(self, pid: str, policy: Policy, *, terms: str = "") -> Negotiation:
        """Send other terms on the same target; errors as `approve`."""
        check_enforceable(policy)
        negotiation = await self._exchange.get(pid)
        if terms not in ("", requested(negotiation).policy.digest):
            raise Conflict("other terms are on the table by now", where=pid, hint="look again: negotiations show")
        return await self._exchange.say(negotiation, await self._counter(negotiation, policy))

    async def refuse(self, pid: str, reason: str, *, code: str = "refused") -> Negotiation:
        """End it with a reason that the other side reads."""
        if not reason.strip():
            raise InvalidInput("the other side reads why: a reason is needed", where="reason")
        negotiation = await self._exchange.get(pid)
        return await self._exchange.say(negotiation, self._end(negotiation, reason, code))

    # --- a rule --------------------------------------------------------------------------------------------------

    async def _by_rule(self, negotiation: Negotiation, rule: Rule) -> Next | None:
        """What the rule says, once its time has come."""
        if rule.then is Action.HOLD or self._a.plan.early(negotiation, rule, self._a.clock.now()):
            return None
        return await self._acts[rule.then](negotiation, rule)

    async def _propose(self, negotiation: Negotiation, rule: Rule) -> Next:
        """The rule's terms; without any those that we publish (provider) or asked for (consumer)."""
        if rule.policy is not None:
            return await self._counter(negotiation, rule.policy)
        if negotiation.role is Role.CONSUMER:
            return await self._counter(negotiation, (negotiation.earlier or requested(negotiation)).policy)
        product = await self._product(negotiation)
        if product is None:
            return self._end(negotiation, NOT_HERE, "not-found")
        return await self._counter(negotiation, product.terms)

    async def _bind(self, negotiation: Negotiation, _: Rule) -> Next:
        """Agree or accept, unless nobody could keep it."""
        try:
            self._check_binding(negotiation)
        except Refused as error:
            return self._end(negotiation, str(error), "refused")
        if negotiation.state is State.REQUESTED and await self._product(negotiation) is None:
            return self._end(negotiation, NOT_HERE, "not-found")
        return await self._yes[negotiation.state, negotiation.role](negotiation)

    def _check_binding(self, negotiation: Negotiation) -> None:
        """Raise `Refused` where nobody could keep what is on the table, or no use would ever be allowed by it."""
        check_enforceable(requested(negotiation).policy)
        if negotiation.agreed is None and (over := self._over(negotiation)):
            raise Refused(f"the offer ended at {over}", hint="negotiate other terms")

    def _over(self, negotiation: Negotiation) -> str:
        """When the offer on the table ended for good; "" where it did not, or so lately that clocks may differ."""
        return lapsed(requested(negotiation).policy, now=self._a.clock.now() - CLOSE)

    async def _leave(self, negotiation: Negotiation, rule: Rule, *, code: str) -> Next:
        return self._end(negotiation, rule.reason or ENDED, code)

    # --- the messages --------------------------------------------------------------------------------------------

    async def _accept(self, negotiation: Negotiation) -> Next:
        return self._from(
            negotiation, lambda current: ContractEvent(current.consumer_pid, current.provider_pid, Event.ACCEPTED)
        )

    async def _counter(self, negotiation: Negotiation, policy: Policy) -> Next:
        product = await self._product(negotiation) if negotiation.role is Role.PROVIDER else None
        new = self._a.ids.uuid()

        def make(current: Negotiation) -> Message:
            offer = replace(requested(current), policy=policy)
            if current.role is Role.CONSUMER:
                return ContractRequest(current.consumer_pid, current.provider_pid, offer, None, self.house.signs)
            ours = product is not None and product.terms.digest == policy.digest
            mine = Offer(product.offer if product and ours else new, offer.target, policy)
            return ContractOffer(current.consumer_pid, current.provider_pid, mine, None, self.house.signs)

        return self._from(negotiation, make)

    def _end(self, negotiation: Negotiation, reason: str, code: str) -> Next:
        return self._from(negotiation, lambda current: farewell(current, reason, code=code))

    def _from(self, seen: Negotiation, make: Callable[[Negotiation], Message]) -> Next:
        """Saying something about the negotiation as it was seen; `IllegalTransition` where it has moved on since."""

        def still(current: Negotiation) -> Message:
            if (current.state, current.terms) != (seen.state, seen.terms):
                what = f"it was {seen.state} when it was looked at, and is {current.state} now"
                raise IllegalTransition(what, where=seen.key, hint="; ".join(current.reasons) or "look again")
            return make(current)

        return Saying(still)


def requested(negotiation: Negotiation) -> Offer:
    """The offer on the table; `IllegalTransition` where there is none."""
    offer = negotiation.offer
    if offer is None:
        raise IllegalTransition("there is no offer on the table", where=negotiation.key)
    return offer


def farewell(negotiation: Negotiation, reason: str, *, code: str = "refused") -> ContractTermination:
    """The message that ends a negotiation."""
    return ContractTermination(negotiation.consumer_pid, negotiation.provider_pid, code, (reason,))
