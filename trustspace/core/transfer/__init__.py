"""Transfers (数据传输): the transfer process as a table, its messages, and one side's copy of it."""

from __future__ import annotations

from trustspace.core.contract.exchange import Role
from trustspace.core.transfer.messages import (
    DataAddress,
    Message,
    TransferCompletion,
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferTermination,
    Verb,
)
from trustspace.core.transfer.process import (
    MACHINE,
    State,
    Transfer,
    acknowledged,
    caught_up,
    due,
    expired,
    failed,
    receive,
    send,
    suspended,
)

__all__ = [
    "MACHINE",
    "DataAddress",
    "Message",
    "Role",
    "State",
    "Transfer",
    "TransferCompletion",
    "TransferRequest",
    "TransferStart",
    "TransferSuspension",
    "TransferTermination",
    "Verb",
    "acknowledged",
    "caught_up",
    "due",
    "expired",
    "failed",
    "receive",
    "send",
    "suspended",
]
