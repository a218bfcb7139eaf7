"""What an exchange of messages is made of: a machine with its rules and its codec, what surrounds it, what we say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar

from trustspace.core.canon import digest
from trustspace.core.contract.exchange import Exchange as Process
from trustspace.core.errors import TrustspaceError
from trustspace.core.machine import Machine
from trustspace.core.record import Record
from trustspace.ports import Answer, Clock, Ids, Outgoing, Store, Tx
from trustspace.services.planning import Plan

COMPANY: Final = 0.005
"""How many seconds the booking of an answer waits for another commit to share: nobody waits for it, and the peer's next
message is often on its way."""
R = TypeVar("R", bound=Process[Any, Any])
M = TypeVar("M")
RC = TypeVar("RC", contravariant=True)
MC = TypeVar("MC", contravariant=True)
Also = Callable[[Tx, R], None]
"""What else belongs in the same transaction as the save."""


def nothing(tx: Tx, record: Any) -> None:
    """Nothing else belongs to the transaction."""


class Codec(Protocol[RC, MC]):
    """Bytes of a protocol for the messages of one machine; handed in by the node."""

    def encode(self, message: MC) -> bytes:
        """The exact bytes that are sent."""

    def again(self, body: bytes, number: int) -> bytes:
        """A message that leads to a state for the second time or later, told apart from the same one before."""

    def path(self, record: RC, verb: str) -> str:
        """Where a message goes, below the peer's base address."""

    def answer(self, record: RC, *, created: bool) -> tuple[int, bytes]:
        """Status and body that acknowledge a message."""

    def acknowledgement(self, record: RC, body: bytes) -> tuple[str, str]:
        """The peer's pid and state in its answer; empty where it does not say."""

    def reason(self, body: bytes) -> str:
        """Why the peer refused, as far as it says."""

    def redacted(self, body: bytes) -> bytes:
        """A message without its secrets, to be kept as evidence."""


@dataclass(frozen=True, slots=True)
class Saying(Generic[R, M]):
    """What we say next: `make` makes it of the state as it is, and may sign; `also` belongs in its transaction.

    `make` is asked again where the state has moved on meanwhile; None: there is nothing to be said any more.
    """

    make: Callable[[R], M | None]
    also: Also[R] = nothing


Follow = Callable[[R], Awaitable[Saying[R, M] | None]]
"""What we say at once about a process in the state that a message leads to; None where that is nothing."""
Step = Callable[..., R]


@dataclass(frozen=True, slots=True)
class Rules(Generic[R]):
    """The core's functions for one machine, by their names there, and its table."""

    receive: Step[R]
    send: Step[R]
    acknowledged: Step[R]
    failed: Step[R]
    expired: Step[R]
    caught_up: Callable[..., R | None]
    machine: Machine[Any, Any, Any]

    def takes(self, record: R | None, message: Any, *, now: datetime) -> bool:
        """Whether the message may come now."""
        try:
            return record is not None and self.receive(record, message, now=now) is not None
        except TrustspaceError:
            return False

    def target(self, record: R) -> str:
        """The state that the pending message leads to."""
        return str(self.machine.moves.get((record.state, record.role, record.pending), ""))


@dataclass(frozen=True, slots=True)
class Machinery(Generic[R, M]):
    """One machine with what surrounds it: kind of record, rules, codec, and what the evidence calls its messages.

    `farewell` is the termination of a process with a reason; messages of the verbs in `secret` are kept without it.
    """

    kind: type[R]
    rules: Rules[R]
    codec: Codec[R, M]
    name: str
    farewell: Callable[..., M]
    secret: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every use case has: store, time, names; `kick` sends queued messages, `changed` tells who waits."""

    store: Store
    clock: Clock
    ids: Ids
    me: str
    kick: Callable[[list[Outgoing]], None]
    changed: Callable[[Record], None]
    ask: Callable[[str, str], Awaitable[Answer]]
    plan: Plan = field(default_factory=Plan)


def idempotency_key(sender: str, pid: str, verb: str, body: bytes) -> str:
    """Equal for the same bytes from the same sender about the same process, and for nothing else."""
    return digest(f"{sender}\n{pid}\n{verb}\n{digest(body)}".encode())


def verb_of(message: Any) -> str:
    """The verb of a core message."""
    return str(message.verb)


@dataclass(frozen=True, slots=True)
class Ahead(Generic[R]):
    """A message taken in and answered by our next one, worked out before the transaction on a state as it was read."""

    version: int
    taken: R
    after: R
    outgoing: Outgoing
    also: Also[R]


class OvertakenError(Exception):
    """What was worked out before the transaction is about a state that is past; nothing has been written."""
