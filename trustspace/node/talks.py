"""What the management interface shows of negotiations (协商) and takes about them, and the rules that lead them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from trustspace.node.view import Bears, Signatures, View


class NegotiateRequest(View):
    """Negotiate a product's offer; waits until it ended one way or the other, at most `wait` seconds."""

    code: str = Field(default="", description="the product's 32-character identifier; or else connector and dataset")
    connector: str = Field(default="", description="a connector's address, on an open test network")
    dataset: str = Field(default="", description="the dataset's id there")
    provider: str = Field(default="", description="its participant id; default: as its catalogue says")
    offer: str = Field(default="", description="the offer's id, with its terms in `policy`: nothing is looked up then")
    policy: dict[str, Any] | None = Field(default=None, description="other terms than offered: a counter-offer")
    wait: float = 30.0
    signatures: Signatures = ""
    key: str = Field(default="", description="the same key gives the same negotiation: safe to repeat")


class CounterRequest(View):
    """Other terms, sent back to the peer."""

    policy: dict[str, Any]
    terms: str = Field(default="", description="digest of the terms that were looked at; others on the table: refused")


class ProposalRequest(View):
    """A product of ours offered to somebody who has not asked, on its own terms or on others."""

    to: str = Field(description="the consumer's participant id (did:web)")
    policy: dict[str, Any] | None = None
    wait: float = 0.0
    key: str = Field(default="", description="the same key gives the same negotiation: safe to repeat")


class ChangeView(View):
    """One clause that differs from the last round: as it was (empty: it is new) and as it is (empty: it is gone)."""

    path: str
    was: str = ""
    now: str = ""
    was_zh: str = ""
    now_zh: str = ""


class NegotiationView(View):
    """A negotiation (协商) and how it stands."""

    negotiation: str
    role: Literal["consumer", "provider"]
    peer: str
    peer_name: str = ""
    state: str
    pending: str = ""
    waits_for: str = ""
    since: datetime | None = Field(default=None, description="since when it waits for a person here")
    reason: str = ""
    contract: str = ""
    signed: Bears = Field(default="", description="the contract, once there is one")
    title: str = ""
    round: int = Field(default=0, description="how often it has come to this state")
    terms: str = Field(default="", description="digest of the policy on the table: what `approve` may be bound to")
    policy: dict[str, Any] | None = None
    changes: list[ChangeView] = Field(default=[], description="what differs from the last round, clause by clause")
    created: datetime
    changed: datetime


class RuleView(View):
    """One rule (规则) of this node, in the order in which they are tried."""

    name: str = ""
    on: list[str]
    then: str
    rule: dict[str, Any] = Field(description="as it is written in the settings")
