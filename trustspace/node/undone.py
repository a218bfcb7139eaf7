"""What an earlier life of a node left undone, as its store knows it."""

from __future__ import annotations

from typing import Final

from trustspace.core.contract import Negotiation, Role
from trustspace.core.transfer import State, Transfer
from trustspace.core.usage import DELIVERED, Use
from trustspace.ports import Tx

MANY: Final = 1_000_000


def delivered(tx: Tx) -> list[str]:
    """Our transfers that run though what they were opened for has been delivered."""
    running = tx.find(Transfer, limit=MANY, state=State.STARTED.value)
    ours = [one for one in running if one.role is Role.CONSUMER and one.pending is None]
    return [
        one.key
        for one in ours
        if any(use.transfer == one.key for use in tx.find(Use, limit=MANY, agreement=one.agreement, state=DELIVERED))
    ]


def negotiations_due(tx: Tx, *, todo: str) -> list[Negotiation]:
    """The negotiations in which that is ours to do next."""
    return tx.find(Negotiation, limit=MANY, todo=todo)


def transfers_due(tx: Tx, *, todo: str) -> list[Transfer]:
    """The transfers in which that is ours to do next."""
    return tx.find(Transfer, limit=MANY, todo=todo)
