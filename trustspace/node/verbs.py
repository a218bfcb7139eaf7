"""The management interface as one table: its routes, its OpenAPI document and its client are made from these rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from trustspace.node import views as v
from trustspace.node.importviews import ImportRequest
from trustspace.node.logviews import LogPage, LogView, PeerLogView

In = TypeVar("In", bound=v.View)
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Verb(Generic[In, Out]):
    """One row: `name` is also the method of `operations` that does it, called with the path's values and the request.

    `path` has at most one `{name}`; `query` lists text parameters; `many` says that a list of `answer` is returned;
    `raw` names the media type where the answer is bytes.
    """

    name: str
    method: str
    path: str
    text: str
    request: type[In]
    answer: type[Out]
    query: tuple[str, ...] = ()
    many: bool = False
    raw: str = ""


BOTH: Final = (
    Verb("status", "GET", "/v1/status", "what is running, stuck, expiring", v.Nothing, v.StatusView),
    Verb("log", "GET", "/v1/log", "the evidence log and what was seen of others'", v.Nothing, LogView),
    Verb(
        "log_entries",
        "GET",
        "/v1/log/entries",
        "its entries",
        v.Nothing,
        LogPage,
        query=("subject", "after", "limit"),
    ),
)
"""Verbs of every node."""

CONNECTOR: Final = (
    Verb(
        "register",
        "POST",
        "/v1/registration",
        "apply, or apply again after a return",
        v.RegisterRequest,
        v.RegistrationView,
    ),
    Verb(
        "registration",
        "GET",
        "/v1/registration",
        "ask how it stands; fetches certificates when approved",
        v.Nothing,
        v.RegistrationView,
    ),
    Verb("renew", "POST", "/v1/renewal", "renew the certificates now, without downtime", v.Nothing, v.StatusView),
    Verb("publish", "POST", "/v1/products", "publish a data product", v.ProductRequest, v.ProductView),
    Verb("products", "GET", "/v1/products", "own products", v.Nothing, v.ProductView, many=True),
    Verb(
        "product",
        "GET",
        "/v1/products/{product}",
        "one of them, fresh from the functional node",
        v.Nothing,
        v.ProductView,
    ),
    Verb(
        "update",
        "POST",
        "/v1/products/{product}/versions",
        "a new version, or who may see it",
        v.UpdateRequest,
        v.ProductView,
    ),
    Verb("withdraw", "DELETE", "/v1/products/{product}", "take it off the market", v.Nothing, v.ProductView),
    Verb(
        "search",
        "GET",
        "/v1/search",
        "search the functional node's catalogue",
        v.Nothing,
        v.EntryPage,
        query=("q", "offset", "limit"),
    ),
    Verb("show", "GET", "/v1/offers/{code}", "a product's offer, clause by clause", v.Nothing, v.OfferView),
    Verb(
        "offers",
        "GET",
        "/v1/participants/{participant}/offers",
        "what a participant offers us, read from its catalogue",
        v.Nothing,
        v.OfferView,
        many=True,
    ),
    Verb("negotiate", "POST", "/v1/negotiations", "negotiate an offer", v.NegotiateRequest, v.NegotiationView),
    Verb(
        "negotiations",
        "GET",
        "/v1/negotiations",
        "all",
        v.Nothing,
        v.NegotiationView,
        query=("state", "waiting", "offset", "limit"),
        many=True,
    ),
    Verb("negotiation", "GET", "/v1/negotiations/{negotiation}", "one", v.Nothing, v.NegotiationView),
    Verb(
        "approve",
        "POST",
        "/v1/negotiations/{negotiation}/approval",
        "agree to, or accept, what lies on the table; with `terms` (a digest) only if it is still that",
        v.Nothing,
        v.NegotiationView,
        query=("terms",),
    ),
    Verb(
        "counter",
        "POST",
        "/v1/negotiations/{negotiation}/counter",
        "send other terms",
        v.CounterRequest,
        v.NegotiationView,
    ),
    Verb(
        "refuse",
        "POST",
        "/v1/negotiations/{negotiation}/refusal",
        "end it with a reason",
        v.DecisionRequest,
        v.NegotiationView,
    ),
    Verb(
        "propose",
        "POST",
        "/v1/products/{product}/offers",
        "offer it to somebody who has not asked",
        v.ProposalRequest,
        v.NegotiationView,
    ),
    Verb("rules", "GET", "/v1/rules", "what is done without a person", v.Nothing, v.RuleView, many=True),
    Verb(
        "contracts",
        "GET",
        "/v1/contracts",
        "all",
        v.Nothing,
        v.ContractView,
        query=("status", "offset", "limit"),
        many=True,
    ),
    Verb(
        "import_contracts",
        "POST",
        "/v1/contracts",
        "take in agreements made elsewhere: imported, unsigned",
        ImportRequest,
        v.ContractView,
        many=True,
    ),
    Verb("contract", "GET", "/v1/contracts/{contract}", "one, clause by clause", v.Nothing, v.ContractView),
    Verb(
        "end",
        "POST",
        "/v1/contracts/{contract}/end",
        "end it: running streams are cut",
        v.DecisionRequest,
        v.ContractView,
    ),
    Verb(
        "transfer",
        "POST",
        "/v1/contracts/{contract}/transfers",
        "open a transfer",
        v.TransferRequestView,
        v.TransferView,
    ),
    Verb(
        "transfers",
        "GET",
        "/v1/transfers",
        "all",
        v.Nothing,
        v.TransferView,
        query=("state", "contract", "offset", "limit"),
        many=True,
    ),
    Verb(
        "start_transfer",
        "POST",
        "/v1/transfers/{transfer}/start",
        "let data flow: what waits for a person, or again after a suspension",
        v.Nothing,
        v.TransferView,
    ),
    Verb(
        "suspend_transfer",
        "POST",
        "/v1/transfers/{transfer}/suspension",
        "let none flow for now",
        v.DecisionRequest,
        v.TransferView,
    ),
    Verb(
        "complete_transfer",
        "POST",
        "/v1/transfers/{transfer}/completion",
        "say that all has flowed",
        v.Nothing,
        v.TransferView,
    ),
    Verb(
        "terminate_transfer",
        "POST",
        "/v1/transfers/{transfer}/termination",
        "end it",
        v.DecisionRequest,
        v.TransferView,
    ),
    Verb("use", "POST", "/v1/contracts/{contract}/uses", "ask for one use", v.UseRequest, v.UseView),
    Verb(
        "uses",
        "GET",
        "/v1/uses",
        "who used what, and what was refused",
        v.Nothing,
        v.UsePage,
        query=("contract", "offset", "limit"),
    ),
    Verb(
        "evidence",
        "GET",
        "/v1/contracts/{contract}/evidence",
        "the evidence pack",
        v.Nothing,
        bytes,
        raw="application/vnd.etsi.asic-e+zip",
    ),
    Verb(
        "check_logs",
        "POST",
        "/v1/log/checks",
        "compare each peer's log with what was last seen of it",
        v.Nothing,
        PeerLogView,
        many=True,
    ),
)
"""Verbs of a connector. Beside them, because they stream: `PUT /v1/files/{name}` and `GET /v1/uses/{use}/data`."""

FUNCTIONAL: Final = (
    Verb(
        "identities",
        "GET",
        "/v1/registry",
        "applications and identities",
        v.Nothing,
        v.IdentityView,
        query=("state", "offset", "limit"),
        many=True,
    ),
    Verb("identity", "GET", "/v1/registry/{application}", "one", v.Nothing, v.IdentityView),
    Verb(
        "approve_identity",
        "POST",
        "/v1/registry/{application}/approval",
        "approve: assigns the identifier",
        v.DecisionRequest,
        v.IdentityView,
    ),
    Verb(
        "return_identity",
        "POST",
        "/v1/registry/{application}/return",
        "send back with a reason",
        v.DecisionRequest,
        v.IdentityView,
    ),
    Verb(
        "revoke_identity",
        "POST",
        "/v1/registry/{application}/revocation",
        "revoke: the next message is refused",
        v.DecisionRequest,
        v.IdentityView,
    ),
    Verb(
        "entries",
        "GET",
        "/v1/catalogue",
        "product entries",
        v.Nothing,
        v.EntryPage,
        query=("state", "q", "offset", "limit"),
    ),
    Verb("entry", "GET", "/v1/catalogue/{entry}", "one", v.Nothing, v.EntryView),
    Verb(
        "approve_entry",
        "POST",
        "/v1/catalogue/{entry}/approval",
        "approve: assigns the code, lists it",
        v.DecisionRequest,
        v.EntryView,
    ),
    Verb(
        "return_entry",
        "POST",
        "/v1/catalogue/{entry}/return",
        "send back with a reason",
        v.DecisionRequest,
        v.EntryView,
    ),
    Verb(
        "delist_entry",
        "POST",
        "/v1/catalogue/{entry}/delisting",
        "take it off the catalogue",
        v.DecisionRequest,
        v.EntryView,
    ),
)
"""Verbs of a functional node."""
