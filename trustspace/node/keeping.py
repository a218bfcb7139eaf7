"""A connector's deadlines: which of its processes wait, until when, and what is done then."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trustspace.core.contract import Negotiation, Patience
from trustspace.core.errors import Forbidden, TrustspaceError, Unauthenticated
from trustspace.core.record import Record
from trustspace.core.transfer import Transfer
from trustspace.ports import Outgoing
from trustspace.services.agenda import Agenda
from trustspace.services.deadlines import Deadlines
from trustspace.services.delivery import PATIENCE
from trustspace.services.negotiation import Negotiations, People
from trustspace.services.transfer import Transfers


@dataclass(frozen=True, slots=True)
class Held:
    """A step of ours that could not be done so far: of which machine, since when, how often tried, why."""

    machine: str
    since: datetime
    attempts: int
    error: str


class Keeping:
    """Sees to it that every process ends; whoever runs the agenda lets `due` be called."""

    def __init__(
        self,
        negotiations: Negotiations,
        transfers: Transfers,
        people: People,
        patience: Patience,
        agenda: Agenda,
    ) -> None:
        self._negotiations, self._transfers, self._people = negotiations, transfers, people
        negotiation = Deadlines(negotiations.exchange, agenda, patience, conclude=negotiations.adopt)
        transfer = Deadlines(transfers.exchange, agenda, patience, used=transfers.last_used)
        self.deadlines: dict[type[Record], Deadlines[Any, Any]] = {Negotiation: negotiation, Transfer: transfer}

    async def due(self, machine: str, pid: str) -> None:
        """The time of a process has come."""
        (deadlines,) = (one for one in self.deadlines.values() if one.exchange.machinery.name == machine)
        await deadlines.due(pid)

    def changed(self, record: Record) -> None:
        """A record was saved: its deadline moves."""
        if (deadlines := self.deadlines.get(type(record))) is not None:
            deadlines.changed(record)

    async def took_it(self, outgoing: Outgoing) -> bool:
        """Whether a peer that gives no receipts took the message; the word of one that does is its receipt."""
        exchanges = {one.exchange.machinery.name: one.exchange for one in self.deadlines.values()}
        exchange = exchanges.get(outgoing.kind)
        if exchange is None or (await self._people.known(outgoing.to, fresh=False)).signs:
            return False
        return await exchange.took_it(outgoing)

    async def give_up(self, machine: str, pid: str, error: Exception) -> None:
        """End a process with somebody who is no longer known, or who knows us no longer."""
        code = error.code if isinstance(error, TrustspaceError) else TrustspaceError.code
        with suppress(TrustspaceError):  # no room, or it has moved on: its deadline ends it
            if machine == "negotiation":
                await self._negotiations.refuse(pid, str(error), code=code)
            else:
                await self._transfers.terminate(pid, str(error), code=code)

    async def complete(self, pid: str) -> None:
        """Close a transfer whose data had come when the process ended."""
        with suppress(TrustspaceError):  # the peer closed it meanwhile, or its next use does
            await self._transfers.complete(pid)


def hopeless(error: Exception, attempts: int) -> bool:
    """Whether to try no longer, after so many attempts: somebody is not known here, or we are not known there."""
    return isinstance(error, Unauthenticated | Forbidden) and attempts >= PATIENCE[error.status]
