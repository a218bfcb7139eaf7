"""Who waits, since when, for what, and what will happen when: what `status` names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from trustspace.core.contract import Limit, Negotiation
from trustspace.core.transfer import State as TransferState
from trustspace.core.transfer import Transfer
from trustspace.node import views as v
from trustspace.node.doing.talks import about, can_decide
from trustspace.node.engine import Engine
from trustspace.node.keeping import Held
from trustspace.ports import Outgoing, Tx
from trustspace.services.exchange import TERMINATE
from trustspace.services.planning import RULE

STUCK_SECONDS: Final = 5.0
"""How long something may wait before it is named."""
NAMED: Final = 100
"""How many are named of each kind."""
_RUNNING: Final = TransferState.STARTED
"""A transfer in this state waits for nobody: data may flow."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How many processes wait, and those that have done so for longest."""

    number: int
    longest: list[v.StuckView]


async def who_waits(engine: Engine) -> Waits:
    """Everything that waits here: messages without an answer, steps of ours, the peers' messages, people."""
    found: list[v.StuckView] = []
    number, now = 0, engine.clock.now()
    for kind in (Negotiation, Transfer):
        many, longest = await engine.store.read(lambda tx, kind=kind: _open(engine, tx, kind))  # type: ignore[misc]  # bound early
        number, found = number + many, found + longest
    queued = await engine.store.read(lambda tx: tx.queued(limit=NAMED))
    found += [_unanswered(engine, one) for one in queued if one.attempts]
    found += [_held(pid, held, held.since + engine.settings.patience.step) for pid, held in engine.held.items()]
    late = [one for one in found if (now - one.since).total_seconds() > STUCK_SECONDS or one.attempts]
    return Waits(number, sorted(late, key=lambda one: one.since))


def _open(engine: Engine, tx: Tx, kind: type[Any]) -> tuple[int, list[v.StuckView]]:
    deadlines = engine.keeping.deadlines[kind]
    machine, number, found = deadlines.exchange.machinery.rules.machine, 0, []
    for state in (one for one in dict.fromkeys(machine.moves.values()) if not machine.final(one) and one != _RUNNING):
        number += tx.count(kind, state=str(state))
        found += [one for one in tx.find(kind, limit=NAMED, state=str(state)) if one.key not in engine.held]
    return number, list(_named(engine, tx, found))


def _named(engine: Engine, tx: Tx, records: list[Any]) -> Iterator[v.StuckView]:
    for record in records:
        awaited, deadlines = record.awaited, engine.keeping.deadlines[type(record)]
        if awaited is None or awaited.limit is Limit.ANSWER:  # its message is named instead
            continue
        told = (record.state, record.role, TERMINATE) in deadlines.exchange.machinery.rules.machine.moves
        yield v.StuckView(
            process=record.key,
            what=f"{deadlines.exchange.machinery.name} with {record.peer}{about(tx, record)}",
            waits_for=awaited.what,
            decide=can_decide(record) if awaited.limit is Limit.DECISION and record.todo != RULE else "",
            since=record.changed,
            until=deadlines.end_of(record),
            then="it ends as timed out, and the peer is told" if told else "it ends as timed out",
        )


def _unanswered(engine: Engine, message: Outgoing) -> v.StuckView:
    until = message.created + engine.settings.patience.answer
    return v.StuckView(
        process=message.process,
        what=f"{message.kind} {message.verb} to {message.to}",
        waits_for="the peer's acknowledgement",
        since=message.created,
        until=until,
        then=_given_up(message, until),
        attempts=message.attempts,
        error=message.error,
    )


def _given_up(message: Outgoing, until: datetime) -> str:
    again = message.due if message.due is not None and message.due < until else None
    return "the message is given up" + (f"; it is sent again at {again.isoformat(timespec='seconds')}" if again else "")


def _held(pid: str, held: Held, until: datetime) -> v.StuckView:
    return v.StuckView(
        process=pid,
        what=f"our next step in the {held.machine}",
        waits_for="us",
        since=held.since,
        until=until,
        then="it is tried again until then",
        attempts=held.attempts,
        error=held.error,
    )
