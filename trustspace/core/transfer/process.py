"""The transfer process of the Dataspace Protocol 2025-1: its table, one side's copy of it, and the moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from trustspace.core.contract.exchange import Exchange, Role, Rules, addressed
from trustspace.core.contract.patience import Awaited, Limit
from trustspace.core.machine import Machine
from trustspace.core.record import evolve
from trustspace.core.transfer.messages import (
    DataAddress,
    Message,
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferTermination,
    Verb,
)


class State(StrEnum):
    """Where a transfer is."""

    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


MACHINE: Final[Machine[State, Role, Verb]] = Machine(
    "transfer process",
    {
        (None, Role.CONSUMER, Verb.REQUEST): State.REQUESTED,
        (State.REQUESTED, Role.PROVIDER, Verb.START): State.STARTED,
        (State.REQUESTED, Role.CONSUMER, Verb.TERMINATE): State.TERMINATED,
        (State.REQUESTED, Role.PROVIDER, Verb.TERMINATE): State.TERMINATED,
        (State.STARTED, Role.CONSUMER, Verb.SUSPEND): State.SUSPENDED,
        (State.STARTED, Role.PROVIDER, Verb.SUSPEND): State.SUSPENDED,
        (State.STARTED, Role.CONSUMER, Verb.COMPLETE): State.COMPLETED,
        (State.STARTED, Role.PROVIDER, Verb.COMPLETE): State.COMPLETED,
        (State.STARTED, Role.CONSUMER, Verb.TERMINATE): State.TERMINATED,
        (State.STARTED, Role.PROVIDER, Verb.TERMINATE): State.TERMINATED,
        (State.SUSPENDED, Role.CONSUMER, Verb.START): State.STARTED,
        (State.SUSPENDED, Role.PROVIDER, Verb.START): State.STARTED,
        (State.SUSPENDED, Role.CONSUMER, Verb.TERMINATE): State.TERMINATED,
        (State.SUSPENDED, Role.PROVIDER, Verb.TERMINATE): State.TERMINATED,
    },
)
"""DSP 2025-1, transfer process protocol, the state machine's figure."""

_RULES: Final[Rules[State, Verb]] = Rules(
    machine=MACHINE,
    rank=tuple(Verb),
    terminate=Verb.TERMINATE,
    terminated=State.TERMINATED,
    todo={(State.REQUESTED, Role.PROVIDER): "start"},
    lasting=frozenset({State.STARTED, State.SUSPENDED}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Exchange[State, Verb]):
    """One side's copy of a transfer; `agreement` is the id of the contract it runs under.

    `address` is where the provider says the data is (pull), or where the consumer wants it (push).
    """

    KIND: ClassVar[str] = "transfer"
    INDEX: ClassVar[tuple[str, ...]] = ("state", "todo", "agreement")
    WAITS: ClassVar[Mapping[tuple[State, Role], Awaited]] = {
        (State.REQUESTED, Role.CONSUMER): Awaited("the provider's start", Limit.PEER),
        **{(State.STARTED, role): Awaited("somebody to use the data", Limit.IDLE) for role in Role},
        **{(State.SUSPENDED, role): Awaited("either side to start again", Limit.IDLE) for role in Role},
    }

    state: State | None = None
    pending: Verb | None = None
    agreement: str = ""
    format: str = ""
    address: DataAddress | None = None

    @property
    def ended(self) -> bool:
        """Whether no message can come any more."""
        return self.state is not None and MACHINE.final(self.state)


def receive(transfer: Transfer, message: Message, *, now: datetime) -> Transfer:
    """The transfer after the peer's message.

    Raises `NotFound` where the pids are not of this transfer, `IllegalTransition` where the message may not come now;
    nothing is changed then.
    """
    mine = addressed(transfer, message.consumer_pid, message.provider_pid)
    code, reasons = _why(message)
    moved = _RULES.received(mine, message.verb, now=now, code=code, reasons=reasons)
    if isinstance(message, TransferRequest):
        moved = evolve(moved, callback=message.callback.rstrip("/"))
    return _with_content(moved, message)


def send(transfer: Transfer, message: Message, *, now: datetime) -> Transfer:
    """The transfer with our message on its way: the state is the same until the peer has acknowledged it.

    Raises `IllegalTransition` where we may not say that now, `Conflict` where an earlier message is not answered yet.
    """
    mine = addressed(transfer, message.consumer_pid, message.provider_pid)
    code, reasons = _why(message)
    return _with_content(_RULES.sent(mine, message.verb, now=now, code=code, reasons=reasons), message)


def acknowledged(transfer: Transfer, *, now: datetime, peer_pid: str = "") -> Transfer:
    """The transfer once the peer has said yes; unchanged where its next message said so before.

    Raises `NotFound` where the peer names another pid than before, `InvalidInput` where it has never named one.
    """
    return _RULES.acknowledged(transfer, now=now, peer_pid=peer_pid)


def failed(transfer: Transfer, reason: str, *, now: datetime, code: str = "") -> Transfer:
    """The transfer once the peer has refused our message for good.

    Before it started it is TERMINATED with the peer's reason; afterwards only the message is withdrawn, since an error
    answer changes no state.
    """
    return _RULES.failed(transfer, reason, now=now, code=code)


def suspended(transfer: Transfer) -> bool:
    """Whether no data may flow for now: either side said so, and be it that the other has not answered yet."""
    return transfer.state is State.SUSPENDED or transfer.pending is Verb.SUSPEND


def due(transfer: Transfer) -> str:
    """What is to be done by us where the transfer stands, "" for nothing."""
    return _RULES.next(transfer)


def expired(transfer: Transfer, reason: str, *, now: datetime, code: str = "") -> Transfer:
    """The transfer ended here without a message, because it waited for too long."""
    return _RULES.expired(transfer, reason, now=now, code=code)


def caught_up(transfer: Transfer, theirs: str, *, now: datetime) -> Transfer | None:
    """The transfer once the peer shows it suspended or ended there; None where that is not so.

    A start is taken from its message only: it brings the address of the data.
    """
    return _RULES.caught_up(transfer, theirs, {Verb.SUSPEND, Verb.COMPLETE, Verb.TERMINATE}, now=now)


def _why(message: Message) -> tuple[str, tuple[str, ...]]:
    if isinstance(message, TransferTermination | TransferSuspension):
        return message.code, message.reasons
    return "", ()


def _with_content(transfer: Transfer, message: Message) -> Transfer:
    """The transfer with what the message brings, whoever sent it; a start without an address leaves the known one."""
    match message:
        case TransferRequest(agreement=agreement, format=name, address=address):
            return evolve(transfer, agreement=agreement, format=name, address=address)
        case TransferStart(address=DataAddress() as address):
            return evolve(transfer, address=address)
        case _:
            return transfer
