"""What the management interface takes and shows: the models of every request and answer, and of its OpenAPI document.

Names are snake_case; times are RFC 3339 with an offset; sizes are bytes; digests are SHA-256 in hexadecimal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from trustspace.node.talks import ChangeView as ChangeView
from trustspace.node.talks import CounterRequest as CounterRequest
from trustspace.node.talks import NegotiateRequest as NegotiateRequest
from trustspace.node.talks import NegotiationView as NegotiationView
from trustspace.node.talks import ProposalRequest as ProposalRequest
from trustspace.node.talks import RuleView as RuleView
from trustspace.node.view import Bears as Bears
from trustspace.node.view import Nothing as Nothing
from trustspace.node.view import Signatures as Signatures
from trustspace.node.view import View as View

NAME: Final = r"^[!-.0-~]{0,200}$"
"""What a dataset may be called: printable, and a segment of a path."""

# --- the node itself -------------------------------------------------------------------------------------------------


class CertificateView(View):
    """One certificate of this node."""

    purpose: Literal["tls", "signing", "root"]
    thumbprint: str
    not_after: datetime
    days_left: int


class StuckView(View):
    """Something that waits: for what, since when, and what will happen `until` then if nothing comes."""

    process: str
    what: str
    waits_for: str
    decide: str = Field(default="", description="what a person here can do about it")
    since: datetime
    until: datetime | None = None
    then: str = ""
    attempts: int = 0
    error: str = ""


class StatusView(View):
    """What an operator wants to know first. `waiting` processes wait for somebody: those for long are in `stuck`."""

    kind: Literal["connector", "functional"]
    name: str
    state: Literal["new", "applied", "returned", "approved", "active", "revoked", "open"]
    identifier: str = ""
    did: str = ""
    credit_code: str = ""
    public_url: str = ""
    reason: str = ""
    certificates: list[CertificateView] = []
    outbox: int = Field(0, description="messages not yet answered by their receivers")
    waiting: int = 0
    stuck: list[StuckView] = []
    log_size: int = 0
    log_root: str = ""
    contracts: int = 0
    unsigned: int = Field(default=0, description="how many of them are not signed by both")
    warnings: list[str] = []
    version: str = ""


# --- identity --------------------------------------------------------------------------------------------------------


class RegisterRequest(View):
    """An application for an identity at the functional node (统一身份登记)."""

    name: str = Field(description="the organisation's registered name 企业名称")
    credit_code: str = Field(description="统一社会信用代码, 18 characters")
    contact: str = ""
    address: str = ""


class RegistrationView(View):
    """How an application stands; `identifier` is there once it is approved."""

    state: Literal["new", "applied", "returned", "approved", "active", "revoked"]
    reason: str = ""
    identifier: str = ""
    application: str = ""


class IdentityView(View):
    """One registered identity or application, as its functional node sees it."""

    application: str
    state: str
    name: str
    credit_code: str
    identifier: str = ""
    did: str = ""
    public_url: str = ""
    reason: str = ""
    contact: str = ""
    address: str = ""
    submitted: datetime
    changed: datetime
    certificates: list[CertificateView] = []
    history: list[str] = []


class DecisionRequest(View):
    """An act of review; a return, refusal, revocation or delisting must say why."""

    reason: str = ""


# --- catalogue -------------------------------------------------------------------------------------------------------


class ProductRequest(View):
    """A data product (数据产品) to publish, or its new version."""

    title: str
    description: str = ""
    keywords: list[str] = []
    industry: str = Field("", description="`00` + GB/T 4754 大类, e.g. 0054 road transport")
    topic: str = Field("", description="主题分类, e.g. B0300 交通运输")
    update_frequency: str = ""
    licence: str = ""
    file: str = Field(description="name of a file put into the node before (PUT /v1/files/{name})")
    offer: dict[str, Any] = Field(description="ODRL members: permission, prohibition, obligation")
    approval: Literal["automatic", "manual"] = "automatic"
    dataset: str = Field(default="", pattern=NAME, description="its id, where it has one already; else a new urn:uuid")
    offer_id: str = Field(default="", description="the id of its offer, where it has one already; else a new urn:uuid")
    visible_to: list[str] = Field([], description="who may see it: alternatives of an access rule; empty: everyone")
    signatures: Signatures = ""
    key: str = Field("", description="the same key gives the same product: safe to repeat")


class UpdateRequest(View):
    """A new version of a product: another file under the same identifier and terms; or who may see it from now on."""

    file: str = ""
    visible_to: list[str] | None = Field(None, description="the whole new access rule; null: it stays")


class ProductView(View):
    """One of this connector's products."""

    product: str = Field(description="local name, a urn:uuid")
    code: str = Field("", description="32-character product identifier, once the functional node gave it")
    state: str = Field(description="submitted, returned, approved, listed or delisted")
    reason: str = ""
    title: str
    version: int
    digest: str
    size: int
    media_type: str
    visible_to: list[str] = []
    signatures: Signatures = ""
    created: datetime
    changed: datetime


class EntryView(View):
    """A product entry in the functional node's catalogue."""

    code: str = ""
    entry: str
    state: str
    title: str
    description: str = ""
    keywords: list[str] = []
    owner: str = Field(description="identifier of the connector that offers it")
    owner_name: str = ""
    owner_signs: Literal["", "yes"] = Field(default="", description="yes: known here to sign contracts")
    industry: str = ""
    topic: str = ""
    endpoint: str = Field("", description="the provider's DSP base URL")
    dataset: str = Field("", description="the dataset's id there")
    restricted: bool = Field(False, description="its provider offers it to some only")
    reason: str = ""
    version: int = 1
    changed: datetime | None = None


class EntryPage(View):
    """One page of a listing or search."""

    total: int
    offset: int = 0
    results: list[EntryView]


class ClauseView(View):
    """One clause of a policy: what it means here and who enforces it."""

    path: str
    text: str
    text_zh: str
    enforced: str
    enforced_by: str
    enforced_by_zh: str = ""


class OfferView(View):
    """A product's offer, read at the provider and explained clause by clause."""

    code: str
    title: str
    provider: str = Field(description="the provider's participant id (did:web)")
    provider_name: str
    provider_identifier: str
    endpoint: str
    dataset: str
    offer: str
    policy: dict[str, Any]
    clauses: list[ClauseView]
    acceptable: bool = Field(description="whether every clause can be enforced, evidenced or agreed here")
    reason: str = ""
    size: int | None = None
    digest: str = ""
    signatures: Signatures = Field(default="", description="what the provider asks for")
    provider_signs: bool = Field(default=False, description="whether the provider is known to sign contracts")


# --- contracts -------------------------------------------------------------------------------------------------------


class SignatureView(View):
    """One signature under a contract."""

    role: Literal["provider", "consumer"]
    identifier: str
    name: str = ""
    signed_at: datetime | None = None
    thumbprint: str


class ContractView(View):
    """A contract (数字合约): who, what, under which terms, signed by whom, used how often."""

    contract: str
    role: Literal["consumer", "provider"]
    peer: str
    peer_name: str = ""
    title: str = ""
    target: str
    status: Literal["active", "ended"]
    signed: Literal["both", "unsigned"]
    origin: Literal["negotiated", "imported"] = "negotiated"
    signatures: list[SignatureView] = []
    digest: str
    uses: int = 0
    denials: int = 0
    ended_at: datetime | None = None
    ended_by: str = ""
    reason: str = ""
    created: datetime
    policy: dict[str, Any] | None = None
    clauses: list[ClauseView] = []
    duties: list[str] = []


# --- transfer and use ------------------------------------------------------------------------------------------------


class TransferRequestView(View):
    """Ask the provider to open a transfer under a contract; waits for its start at most `wait` seconds."""

    wait: float = 30.0
    key: str = ""
    connector: str = Field(default="", description="the provider's address on an open test network, if not known")


class TransferView(View):
    """A transfer process; `endpoint` and `token` are there at the consumer while it is started."""

    transfer: str
    contract: str
    role: Literal["consumer", "provider"]
    state: str
    peer: str = ""
    waits_for: str = ""
    reason: str = ""
    endpoint: str = ""
    token: str = ""
    digest: str = ""
    size: int | None = None


class UseRequest(View):
    """One use of the data of a contract, for a purpose."""

    purpose: str = ""
    key: str = Field("", description="the same key gives the same use: safe to repeat")


class UseView(View):
    """One use (使用) or one refusal of it, signed by the provider."""

    use: str
    contract: str
    signed: Bears = Field(default="", description="the contract that it is under")
    decision: Literal["permit", "conditional", "deny", "default-deny"]
    reason: str = ""
    purpose: str = ""
    number: int = Field(0, description="which of the counted uses this is, from 1; 0 where it was refused")
    digest: str = ""
    size: int = 0
    name: str = ""
    state: str = Field("", description="open, delivered or closed")
    at: datetime
    delivered: datetime | None = None
    report: dict[str, Any] | None = None


class UsePage(View):
    """Uses and refusals, oldest first."""

    total: int
    results: list[UseView]
