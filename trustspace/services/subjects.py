"""What the evidence about a process is found by."""

from __future__ import annotations

from typing import Any

from trustspace.core.contract import Negotiation


def subjects(record: Any) -> tuple[str, ...]:
    """What the evidence about a process is found by: the process, and its agreement once there is one."""
    return tuple(name for name in (record.key, agreement_of(record)) if name)


def agreement_of(record: Any) -> str:
    """The id of the agreement that a process made or runs under, "" before there is one."""
    if isinstance(record, Negotiation):
        return record.agreed.id if record.agreed else ""
    return str(record.agreement)
