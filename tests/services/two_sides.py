"""A provider and a consumer over a network that a test drives by hand, one message or answer at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast

from trustspace.adapters.storage.codec import shape
from trustspace.adapters.storage.memory import MemoryStore
from trustspace.core import contract as c
from trustspace.core import transfer as t
from trustspace.core.canon import digest
from trustspace.core.contract import Agreement, Negotiation, Offer, Role
from trustspace.core.errors import TrustspaceError
from trustspace.core.policy import offer, use
from trustspace.core.transfer import Transfer
from trustspace.node.speaking import NEGOTIATION, TRANSFER
from trustspace.ports import Answer, Outgoing, Tx
from trustspace.protocols import dsp
from trustspace.services.exchange import Caller, Exchange, Incoming
from trustspace.services.machinery import Machinery, Saying, Surroundings
from trustspace.testing.registry import START, SeededIds, SteppedClock

T = TypeVar("T")
BUS, PLANNER, STRANGER = "did:web:bus.example", "did:web:planner.example", "did:web:stranger.example"
TERMS = Offer(id="urn:uuid:offer", target="urn:uuid:data", policy=offer(use(count=3)))
Made = Callable[[Any, str], Any]


def done(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that waits for nothing: the store is in memory, and nobody else is there."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    work.close()
    raise AssertionError("it waits for something")


class Forgetful(MemoryStore):
    """A store that remembers no answer: the defence that makes a doubled message harmless is switched off."""

    async def run(self, body: Callable[[Tx], T], *, patience: float = 0.0) -> T:  # noqa: ARG002 -- nothing here takes time
        return await super().run(lambda tx: body(cast("Tx", _NoAnswers(tx))))


class _NoAnswers:
    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def seen(self, _: str) -> None:
        return None

    def reply(self, _: str, __: bytes) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Wire:
    """A message on its way: who sent it, as which row of the outbox, and what it says."""

    sender: Role
    outgoing: Outgoing
    message: Any

    @property
    def begins(self) -> bool:
        """Whether it begins a process: it is aimed at none."""
        return getattr(self.message, "provider_pid", "") is None


@dataclass(frozen=True, slots=True)
class Back:
    """An answer on its way back."""

    wire: Wire
    answer: Answer


@dataclass
class Side:
    """One participant's services over its own store."""

    role: Role
    me: str
    peer: str
    machinery: Machinery[Any, Any]
    clock: SteppedClock
    ask: Callable[[Role], Answer]
    store: MemoryStore = field(default_factory=MemoryStore)
    pid: str = ""
    seen: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = SeededIds(self.role)
        around = Surroundings(self.store, self.clock, self.ids, self.me, lambda _: None, self._changed, self._asked)
        self.exchange: Exchange[Any, Any] = Exchange(self.machinery, around)

    async def _asked(self, _peer: str, _url: str) -> Answer:
        return self.ask(self.role.other)

    def _changed(self, record: Any) -> None:
        self.pid = record.key
        self.seen.append(record)

    @property
    def record(self) -> Any:
        """Our copy of the process; None before there is one."""
        return done(self.exchange.get(self.pid)) if self.pid else None

    def queued(self) -> list[Outgoing]:
        """What still has to be acknowledged."""
        return done(self.store.read(lambda tx: tx.queued()))

    def rows(self) -> tuple[bytes, int]:
        """Everything that is stored about the process, to the byte."""
        found = self.record
        return shape(type(found)).encode(found) if found else b"", done(self.store.read(lambda tx: tx.log_size()))

    def say(self, record: Any, message: Any) -> None:
        """Queue a message; `IllegalTransition` or `Conflict` where it may not be said now."""
        done(self.exchange.say(record, Saying(lambda _: message)))

    def take(self, wire: Wire, caller: Caller, name: str) -> Answer:
        """Take a message in, as the endpoint does; an error is an answer too."""
        body = wire.outgoing.body
        incoming = Incoming(caller, body, name, name, digest(body), START + timedelta(days=1))
        opening = self._opening(wire.message) if wire.begins else None
        try:
            reply = done(
                self.exchange.take(incoming, wire.message, pid=self.pid if opening is None else "", opening=opening)
            )
        except TrustspaceError as error:
            return Answer(error.status, dsp.encode_error(error, self.machinery.name))
        return Answer(reply.status, reply.body)

    def _opening(self, message: Any) -> Any:
        now = self.clock.now()
        more = {"agreement": message.agreement} if self.machinery.kind is Transfer else {}
        return self.machinery.kind(
            key=self.ids.uuid(), role=self.role, peer=self.peer, created=now, changed=now, **more
        )


class Pair:
    """Both sides and what is on its way between them. The same message may arrive as often as a test likes."""

    def __init__(
        self, machinery: Machinery[Any, Any], made: Made, *, store: Callable[[], MemoryStore] = MemoryStore
    ) -> None:
        self.clock, self.made, self.machinery = SteppedClock(), made, machinery
        people = ((Role.CONSUMER, PLANNER, BUS), (Role.PROVIDER, BUS, PLANNER))
        sides = (Side(*who, machinery, self.clock, self._shown, store()) for who in people)
        self.sides = {side.role: side for side in sides}
        self.messages: dict[str, Any] = {}
        self.old: list[Wire] = []
        self.back: list[Back] = []
        self.tokens = 0

    def _shown(self, role: Role) -> Answer:
        record = self.sides[role].record
        return Answer(200, dsp.encode_state(record)) if record is not None else Answer(404)

    def begin(self) -> None:
        """The consumer asks."""
        side, now = self.sides[Role.CONSUMER], self.clock.now()
        more: dict[str, Any] = {"agreement": "urn:uuid:agreement"} if self.machinery.kind is Transfer else {}
        new = self.machinery.kind(
            key=side.ids.uuid(),
            role=Role.CONSUMER,
            peer=BUS,
            callback="https://bus.example/dsp",
            created=now,
            changed=now,
            **more,
        )
        self._say(side, new, "request")

    def act(self, role: Role, verb: str) -> None:
        """Say something; raises where that may not be said."""
        side = self.sides[role]
        self._say(side, side.record, verb)

    def _say(self, side: Side, record: Any, verb: str) -> None:
        message = self.made(record, verb)
        side.say(record, message)
        self.messages[side.queued()[-1].id] = message

    def wires(self) -> list[Wire]:
        """What is not acknowledged yet, and so is sent again and again; a process keeps its order."""
        found = [(role, side.queued()) for role, side in self.sides.items()]
        for role, queued in found:
            for one in queued:
                if one.id not in self.messages:  # a farewell that the services said themselves
                    self.messages[one.id] = self.machinery.farewell(self.sides[role].record, "over")
        return [Wire(role, queued[0], self.messages[queued[0].id]) for role, queued in found if queued]

    def deliver(self, wire: Wire, *, caller: str = "", signs: bool = True) -> Answer:
        """Let it arrive."""
        self.tokens += 1
        receiver = self.sides[wire.sender.other]
        sender = Caller(caller or self.sides[wire.sender].me, signs=signs)
        return receiver.take(wire, sender, f"token-{self.tokens}")

    def settle(self, back: Back) -> None:
        """Let an answer arrive."""
        side = self.sides[back.wire.sender]
        if any(one.id == back.wire.outgoing.id for one in side.queued()):
            done(side.exchange.settle(back.wire.outgoing, back.answer))

    def drain(self) -> None:
        """From now on nothing is lost: everything arrives and is answered."""
        for _ in range(50):
            for wire in self.wires():
                self.settle(Back(wire, self.deliver(wire)))
            if not self.wires():
                return
        raise AssertionError("they do not come to an end")


def negotiating(record: Negotiation, verb: str) -> Any:
    """A message of the negotiation."""
    consumer, provider = record.consumer_pid, record.provider_pid
    agreement = Agreement(
        id=f"urn:uuid:{record.version}",
        target=TERMS.target,
        assigner=BUS,
        assignee=PLANNER,
        timestamp="2026-11-24T08:00:00Z",
        policy=TERMS.policy,
        members={},
    )
    made: dict[str, Callable[[], Any]] = {
        "request": lambda: c.ContractRequest(consumer, provider or None, TERMS, "https://planner.example/dsp"),
        "offer": lambda: c.ContractOffer(consumer, provider, TERMS),
        "accept": lambda: c.ContractEvent(consumer, provider, c.Event.ACCEPTED),
        "agree": lambda: c.ContractAgreement.of(consumer, provider, agreement),
        "verify": lambda: c.ContractVerification(consumer, provider),
        "finalize": lambda: c.ContractEvent(consumer, provider, c.Event.FINALIZED),
        "terminate": lambda: c.ContractTermination(consumer, provider, "over", (f"said by the {record.role}",)),
    }
    return made[verb]()


def transferring(record: Transfer, verb: str) -> Any:
    """A message of the transfer."""
    consumer, provider = record.consumer_pid, record.provider_pid
    address = t.DataAddress("urn:x", "https://bus.example/data", ()) if record.role is Role.PROVIDER else None
    made: dict[str, Callable[[], Any]] = {
        "request": lambda: t.TransferRequest(
            consumer, record.agreement, "HttpData-PULL", "https://planner.example/dsp"
        ),
        "start": lambda: t.TransferStart(consumer, provider, address),
        "suspend": lambda: t.TransferSuspension(consumer, provider, "", ()),
        "complete": lambda: t.TransferCompletion(consumer, provider),
        "terminate": lambda: t.TransferTermination(consumer, provider, "over", (f"said by the {record.role}",)),
    }
    return made[verb]()


def negotiation() -> Pair:
    """Two sides of a negotiation."""
    return Pair(NEGOTIATION, negotiating)


def forgetful() -> Pair:
    """Two sides of a negotiation without that defence."""
    return Pair(NEGOTIATION, negotiating, store=Forgetful)


def transfer() -> Pair:
    """Two sides of a transfer."""
    return Pair(TRANSFER, transferring)
