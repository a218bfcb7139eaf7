"""No process waits for ever: each ends agreed, refused with a reason, or timed out with a reason, and never silent.

While the peer has to move it is asked now and then, ever more seldom, how the process stands there: its message may be
lost for good. At the end of the patience the process ends: by a message with the reason where the protocol has one for
us in that state, else by ourselves; a message of the peer that comes later is refused, and ends it there too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar

from trustspace.core.canon import JsonObject
from trustspace.core.contract.exchange import Exchange as Process
from trustspace.core.contract.patience import PEERS, Awaited, Limit, Patience, lasting
from trustspace.core.errors import Conflict, IllegalTransition
from trustspace.ports import Tx
from trustspace.services.agenda import Agenda
from trustspace.services.exchange import TERMINATE, Exchange
from trustspace.services.logging import log
from trustspace.services.machinery import Also, Saying, Surroundings, nothing
from trustspace.services.subjects import subjects

R = TypeVar("R", bound=Process[Any, Any])
M = TypeVar("M")

TIMED_OUT: Final = "timed-out"
"""The code of a termination, and the start of its reason."""


def deadline_of(machine: str) -> str:
    """What the agenda calls the deadlines of a machine's processes, beside the work that is due for them."""
    return f"{machine} deadline"


Used = Callable[[Tx, R], datetime | None]


@dataclass(frozen=True, slots=True)
class Deadlines(Generic[R, M]):
    """The deadlines of one machine's processes.

    `used` tells when a process lived last beside its messages; `conclude` goes with a state that was taken from what
    the peer shows, in its transaction.
    """

    exchange: Exchange[R, M]
    agenda: Agenda
    patience: Patience
    used: Used[R] | None = None
    conclude: Also[R] = nothing

    @property
    def around(self) -> Surroundings:
        """What every use case has."""
        return self.exchange.around

    def changed(self, record: R) -> None:
        """Put the process on the agenda as it stands now."""
        self._put(record.key, self._first(record))

    def _put(self, name: str, due: datetime | None) -> None:
        self.agenda.put(deadline_of(self.exchange.machinery.name), name, due)

    def _first(self, record: R) -> datetime | None:
        """When to look at it first; None where that is not ours: it has ended, or its message is being delivered."""
        awaited = record.awaited
        waits = awaited is not None and awaited.limit is not Limit.ANSWER
        return self.patience.asked(awaited, record.changed) if awaited is not None and waits else None

    def end_of(self, record: R) -> datetime | None:
        """When its patience ends, by its messages; None where it has ended."""
        awaited = record.awaited
        return None if awaited is None else record.changed + self.patience.of(awaited.limit)

    async def due(self, pid: str) -> None:
        """Look at a process whose time has come: ask the peer, wait on, or end it."""
        record, used = await self.around.store.read(lambda tx: self._look(tx, pid))
        awaited = record.awaited if record is not None else None
        if record is None or awaited is None or awaited.limit is Limit.ANSWER:
            return
        theirs = await self.exchange.ask(record) if awaited.limit in PEERS and record.peer_pid else None
        with suppress(Conflict, IllegalTransition):  # it has moved on just now, and is on the agenda as it stands
            await self._decide(record, awaited, max(record.changed, used or record.changed), theirs)

    def _look(self, tx: Tx, pid: str) -> tuple[R | None, datetime | None]:
        record = tx.get(self.exchange.machinery.kind, pid)
        return record, self.used(tx, record) if record is not None and self.used is not None else None

    async def _decide(self, record: R, awaited: Awaited, since: datetime, theirs: str | None) -> None:
        rules, now = self.exchange.machinery.rules, self.around.clock.now()
        end = since + self.patience.of(awaited.limit)
        if theirs and (after := rules.caught_up(record, theirs, now=now)) is not None:
            await self._take(record, after, f"the peer shows {theirs}", self.conclude)
        elif now < end:
            again = now + max(self.patience.ask, now - since)  # after twice the time
            self._put(record.key, min(end, again) if awaited.limit in PEERS else end)
        else:
            await self._end(record, _reason(awaited, self.patience, theirs), alone=theirs == "")

    async def _end(self, record: R, reason: str, *, alone: bool) -> None:
        rules = self.exchange.machinery.rules
        if alone or not record.peer_pid or (record.state, record.role, TERMINATE) not in rules.machine.moves:
            after = rules.expired(record, reason, now=self.around.clock.now(), code=TIMED_OUT)
            await self._take(record, after, reason, nothing)
        else:
            word = partial(self._word, record, reason)
            await self.exchange.say(record, Saying(word, self.exchange.ending))

    def _word(self, record: R, reason: str, current: R) -> M | None:
        """Our last word; None where the process has moved on meanwhile."""
        same = current.version == record.version
        return self.exchange.machinery.farewell(current, reason, code=TIMED_OUT) if same else None

    async def _take(self, record: R, after: R, reason: str, also: Also[R]) -> None:
        """Save a state that no message brought."""
        name = self.exchange.machinery.name
        data: JsonObject = {"machine": name, "state": str(after.state), "reason": reason, "peer": record.peer}

        def body(tx: Tx) -> R:
            saved = tx.save(after, expect=record.version)
            log(tx, "state-taken", time=after.changed, subjects=subjects(saved), data=data)
            also(tx, saved)
            self.exchange.ended(tx, saved)
            return saved

        self.around.changed(await self.around.store.run(body))


def _reason(awaited: Awaited, patience: Patience, theirs: str | None) -> str:
    told = f"timed out: waited {lasting(patience.of(awaited.limit))} for {awaited.what}"
    if theirs is None:
        return told
    return f"{told}; the peer shows {theirs}" if theirs else f"{told}; the peer knows nothing of it"
