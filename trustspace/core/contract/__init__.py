"""Contracts (合约): the negotiation as a table, what is agreed and signed, and the checks before one binds oneself."""

from __future__ import annotations

from trustspace.core.contract.checks import (
    CLOCK_TOLERANCE,
    check_agreement,
    check_exact_bytes,
    check_request,
    check_understood,
)
from trustspace.core.contract.contract import Contract, Signed, Status, conclude, end
from trustspace.core.contract.exchange import Role
from trustspace.core.contract.imported import imported
from trustspace.core.contract.messages import (
    ContractAgreement,
    ContractEvent,
    ContractOffer,
    ContractRequest,
    ContractTermination,
    ContractVerification,
    Event,
    Message,
    Verb,
)
from trustspace.core.contract.negotiation import (
    MACHINE,
    Negotiation,
    State,
    acknowledged,
    caught_up,
    due,
    expired,
    failed,
    receive,
    send,
)
from trustspace.core.contract.offer import (
    REQUIRES,
    Agreement,
    Offer,
    Party,
    agreement_bytes,
    agreement_to_json,
    offer_to_json,
    party_members,
    read_agreement,
    read_offer,
)
from trustspace.core.contract.patience import Awaited, Limit, Patience

__all__ = [
    "CLOCK_TOLERANCE",
    "MACHINE",
    "REQUIRES",
    "Agreement",
    "Awaited",
    "Contract",
    "ContractAgreement",
    "ContractEvent",
    "ContractOffer",
    "ContractRequest",
    "ContractTermination",
    "ContractVerification",
    "Event",
    "Limit",
    "Message",
    "Negotiation",
    "Offer",
    "Party",
    "Patience",
    "Role",
    "Signed",
    "State",
    "Status",
    "Verb",
    "acknowledged",
    "agreement_bytes",
    "agreement_to_json",
    "caught_up",
    "check_agreement",
    "check_exact_bytes",
    "check_request",
    "check_understood",
    "conclude",
    "due",
    "end",
    "expired",
    "failed",
    "imported",
    "offer_to_json",
    "party_members",
    "read_agreement",
    "read_offer",
    "receive",
    "send",
]
