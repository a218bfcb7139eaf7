"""The endpoints of the HTTPS binding as one table: a node's routes, the paths it sends to, and the list in `specs/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from trustspace.core.contract import (
    ContractAgreement,
    ContractEvent,
    ContractOffer,
    ContractRequest,
    ContractTermination,
    ContractVerification,
    Negotiation,
    Role,
)
from trustspace.core.errors import IllegalTransition
from trustspace.core.transfer import (
    Transfer,
    TransferCompletion,
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferTermination,
)
from trustspace.protocols.dsp.messages import CatalogRequest

WELL_KNOWN: Final = "/.well-known/dspace-version"
"""Below the root of the host; unversioned and unauthenticated."""
BASE: Final = "/dsp/2025-1"
"""Where ours lies below the root; the version document says so."""


class Area(StrEnum):
    """Which part of the protocol an endpoint belongs to; also the kind of its errors."""

    CATALOG = "catalog"
    NEGOTIATION = "negotiation"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: who serves it, what comes in (None: nothing), which status says yes.

    `pid` stands in the path for our own pid of the process, `id` for a dataset. `verbs` are what its message may do;
    `begins`: it makes a process and has no pid yet.
    """

    area: Area
    roles: tuple[Role, ...]
    method: str
    path: str
    message: type[Any] | None
    verbs: tuple[str, ...] = ()
    status: int = 200

    @property
    def begins(self) -> bool:
        """Whether the message begins a process here."""
        return self.status == 201


_BOTH: Final = (Role.PROVIDER, Role.CONSUMER)
_PROVIDER: Final = (Role.PROVIDER,)
_CONSUMER: Final = (Role.CONSUMER,)
_N, _T = Area.NEGOTIATION, Area.TRANSFER

ENDPOINTS: Final = (
    Endpoint(Area.CATALOG, _PROVIDER, "POST", "/catalog/request", CatalogRequest),
    Endpoint(Area.CATALOG, _PROVIDER, "GET", "/catalog/datasets/{id}", None),
    Endpoint(_N, _PROVIDER, "POST", "/negotiations/request", ContractRequest, ("request",), 201),
    Endpoint(_N, _CONSUMER, "POST", "/negotiations/offers", ContractOffer, ("offer",), 201),
    Endpoint(_N, _BOTH, "GET", "/negotiations/{pid}", None, ("state",)),
    Endpoint(_N, _PROVIDER, "POST", "/negotiations/{pid}/request", ContractRequest, ("request",)),
    Endpoint(_N, _CONSUMER, "POST", "/negotiations/{pid}/offers", ContractOffer, ("offer",)),
    Endpoint(_N, _CONSUMER, "POST", "/negotiations/{pid}/agreement", ContractAgreement, ("agree",)),
    Endpoint(_N, _PROVIDER, "POST", "/negotiations/{pid}/agreement/verification", ContractVerification, ("verify",)),
    Endpoint(_N, _BOTH, "POST", "/negotiations/{pid}/events", ContractEvent, ("accept", "finalize")),
    Endpoint(_N, _BOTH, "POST", "/negotiations/{pid}/termination", ContractTermination, ("terminate",)),
    Endpoint(_T, _PROVIDER, "POST", "/transfers/request", TransferRequest, ("request",), 201),
    Endpoint(_T, _BOTH, "GET", "/transfers/{pid}", None, ("state",)),
    Endpoint(_T, _BOTH, "POST", "/transfers/{pid}/start", TransferStart, ("start",)),
    Endpoint(_T, _BOTH, "POST", "/transfers/{pid}/suspension", TransferSuspension, ("suspend",)),
    Endpoint(_T, _BOTH, "POST", "/transfers/{pid}/completion", TransferCompletion, ("complete",)),
    Endpoint(_T, _BOTH, "POST", "/transfers/{pid}/termination", TransferTermination, ("terminate",)),
)
"""DSP 2025-1, the HTTPS bindings of catalogue, negotiation and transfer, below a version's base path.

The consumer's `GET /transfers/{pid}` is not in the text; peers ask for it, and the state is theirs to know.
"""

_SENT: Final[Mapping[tuple[Area, str, bool], str]] = {
    (row.area, verb, row.begins): row.path for row in ENDPOINTS for verb in row.verbs
}


def path_of(process: Negotiation | Transfer, verb: str) -> str:
    """Where a message of ours goes, below the peer's base or callback address; `verb` "state" asks for its state.

    A verb that begins the process goes to the collection, any other to the peer's pid; `IllegalTransition` where that
    is not known yet, or where no message does this.
    """
    area = Area.NEGOTIATION if isinstance(process, Negotiation) else Area.TRANSFER
    begins = process.state is None and verb != "state"
    path = _SENT.get((area, verb, begins))
    if path is None or not (begins or process.peer_pid):
        raise IllegalTransition(f"there is nowhere to send {verb} to yet", where=area)
    return path.replace("{pid}", quote(process.peer_pid, safe=":"))


def join(address: str, path: str) -> str:
    """The URL of a path below a base or callback address, whether that ends in a slash or not."""
    return address.rstrip("/") + path
