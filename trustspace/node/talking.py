"""Deciding about negotiations (协商), from Python: the part of a participant that talks with others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from trustspace.core.policy import Policy, to_odrl
from trustspace.node import views as v


class Talking(ABC):
    """See, approve, counter, refuse, propose: over `call`, wherever the node runs."""

    @abstractmethod
    async def call(self, name: str, *path: str, request: v.View | None = None, **query: str) -> Any:
        """Do one verb of the table (`node.verbs`) and return its view; raises what the node raised."""

    async def negotiations(self, *, state: str = "", waiting: bool = False) -> list[v.NegotiationView]:
        """Negotiations, oldest first: all, those in a state, or those that wait for a person here."""
        kept = "yes" if waiting else ""
        found: list[v.NegotiationView] = await self.call("negotiations", state=state, waiting=kept, limit="1000")
        return found

    async def approve(self, negotiation: v.NegotiationView | str) -> v.NegotiationView:
        """Agree to, or accept, what lies on the table; given a view, only what it shows, else `Conflict`."""
        name, terms = _seen(negotiation)
        return await self._talk("approve", name, terms=terms)

    async def counter(self, negotiation: v.NegotiationView | str, policy: Policy) -> v.NegotiationView:
        """Send other terms back; given a view, only in answer to what it shows."""
        name, terms = _seen(negotiation)
        request = v.CounterRequest(policy=to_odrl(policy), terms=terms)
        return await self._talk("counter", name, request=request)

    async def refuse(self, negotiation: v.NegotiationView | str, reason: str) -> v.NegotiationView:
        """End a negotiation with a reason that the other side reads."""
        request = v.DecisionRequest(reason=reason)
        return await self._talk("refuse", _seen(negotiation)[0], request=request)

    async def propose(
        self, product: v.ProductView | str, to: str, *, policy: Policy | None = None, key: str = "", wait: float = 0.0
    ) -> v.NegotiationView:
        """Offer a product to a participant who has not asked, on its own terms or on others."""
        terms = to_odrl(policy) if policy else None
        request = v.ProposalRequest(to=to, policy=terms, key=key, wait=wait)
        name = product if isinstance(product, str) else product.product
        return await self._talk("propose", name, request=request)

    async def _talk(self, name: str, *path: str, request: v.View | None = None, **query: str) -> v.NegotiationView:
        view: v.NegotiationView = await self.call(name, *path, request=request, **query)
        return view


def _seen(negotiation: v.NegotiationView | str) -> tuple[str, str]:
    """The name of a negotiation, and the digest of the terms that were looked at."""
    return (negotiation, "") if isinstance(negotiation, str) else (negotiation.negotiation, negotiation.terms)
