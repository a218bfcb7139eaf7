"""What both processes of two parties have in common: what is on its way, what is due, who wins when messages cross.

A state changes for the sender when the peer has acknowledged the message (DSP 2025-1, contract negotiation protocol and
transfer process protocol); until then the message is `pending`. Three rules follow, the same for both machines:

- *Overtaking*: a message that is legal only after our pending one is itself the acknowledgement of it.
  Where that would lead round to the state we are in (suspended, started, suspended), the message may as well be an old
  one that crossed our last; it is taken once our pending one is answered, and until then the peer sends it again.
- *Crossing*: where both moves are legal now, the one that leaves the other legal goes through. Where each shuts the
  other out, the later verb of `Rules.rank` wins, and of two of the same that end nothing the provider's: one side takes
  the other's message, the other side refuses, and both come to the same state.
- *Both end it*: both are taken, and the provider's copy decides whose reason stands: what arrives there first.

Our message stays pending until it is answered, even where it has lost: so there is never more than one on its way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, TypeVar

from trustspace.core.contract.patience import OURS, STEP, Awaited, Limit
from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput, NotFound
from trustspace.core.machine import Machine
from trustspace.core.record import Record, evolve


class Role(StrEnum):
    """Which side of the process one is: the provider (数据提供方) or the consumer (数据使用方)."""

    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> Role:
        """The role of the counterparty."""
        return Role.PROVIDER if self is Role.CONSUMER else Role.CONSUMER


S = TypeVar("S", bound=StrEnum)
V = TypeVar("V", bound=StrEnum)

MISSED: Final = "the peer shows that it has ended this; its message with the reason never came"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(Record, Generic[S, V]):
    """One side's copy of a process; `key` is our own pid, `peer_pid` the peer's ("" until known).

    `peer` is the counterparty's participant id, `callback` the URL base that we send to. `state` is what the peer has
    acknowledged (None: not even begun), `pending` our message that it has not answered yet. `todo` is what *we* have to
    do next ("" for nothing), `tag` is free for the services. `refusal` is the last reason the peer gave for refusing
    a message. `code`, `reasons` and `ended_by` describe a termination; `pending_code` and `pending_reasons` the one
    that is on its way. `WAITS` says what is waited for in a state in which nothing is to be done by us.
    """

    WAITS: ClassVar[Mapping[tuple[Any, Role], Awaited]] = {}

    role: Role
    peer: str
    peer_pid: str = ""
    callback: str = ""
    state: S | None = None
    pending: V | None = None
    pending_code: str = ""
    pending_reasons: tuple[str, ...] = ()
    code: str = ""
    reasons: tuple[str, ...] = ()
    ended_by: Role | None = None
    refusal: str = ""
    todo: str = ""
    reached: dict[str, int] = field(default_factory=dict, hash=False)
    spoke: int = 0
    tag: str = ""
    created: datetime
    changed: datetime

    @property
    def consumer_pid(self) -> str:
        """The consumer's pid of this process, "" while unknown."""
        return self.key if self.role is Role.CONSUMER else self.peer_pid

    @property
    def provider_pid(self) -> str:
        """The provider's pid of this process, "" while unknown."""
        return self.key if self.role is Role.PROVIDER else self.peer_pid

    @property
    def round(self) -> int:
        """How often the process has come to its present state, from 1; 0 before it has begun."""
        return self.reached.get(str(self.state), 0)

    @property
    def silent(self) -> bool:
        """Whether we have said nothing since the process came to its present state."""
        return self.spoke != sum(self.reached.values())

    @property
    def awaited(self) -> Awaited | None:
        """What it waits for, and how long it may; None once it has ended."""
        if self.pending is not None:
            return Awaited(f"the peer's answer to our {self.pending}", Limit.ANSWER)
        return OURS.get(self.todo, STEP) if self.todo else self.WAITS.get((self.state, self.role))


E = TypeVar("E", bound=Exchange[Any, Any])


@dataclass(frozen=True, slots=True)
class Rules(Generic[S, V]):
    """A machine and what the exchange of messages adds to it.

    `rank` orders the verbs: of two crossing messages that shut each other out the later one wins. `todo` says what has
    to be done by whom in which state. In a `lasting` state a refused message leaves the state as it is.
    """

    machine: Machine[S, Role, V]
    rank: tuple[V, ...]
    terminate: V
    terminated: S
    todo: Mapping[tuple[S, Role], str]
    lasting: frozenset[S] = frozenset()

    def received(self, mine: E, verb: V, *, now: datetime, code: str = "", reasons: tuple[str, ...] = ()) -> E:
        """The process after the peer's message; `IllegalTransition` where it may not come now, `Conflict` not yet."""
        *states, pending = self._incoming(mine, verb)
        ended = {"code": code, "reasons": reasons, "ended_by": mine.role.other} if verb == self.terminate else {}
        return self._settled(mine, now, _moved(mine, *states) | ended | ({} if pending else _ANSWERED))

    def sent(self, mine: E, verb: V, *, now: datetime, code: str = "", reasons: tuple[str, ...] = ()) -> E:
        """The process with our message on its way; `IllegalTransition`, or `Conflict` where another one is already."""
        if mine.pending is not None:
            raise Conflict(
                f"{mine.pending} is on its way and not answered yet",
                where=self.machine.name,
                hint="wait for the peer's answer; status shows what holds it up",
            )
        self.machine.after(mine.state, mine.role, verb)
        said = {"pending": verb, "pending_code": code, "pending_reasons": reasons}
        return self._settled(mine, now, said | {"spoke": sum(mine.reached.values())})

    def acknowledged(self, mine: E, *, now: datetime, peer_pid: str = "") -> E:
        """The process once the peer has said yes to the pending message; the same one where that is known already.

        Raises `NotFound` where the peer's pid is another than before, `InvalidInput` where it should be given and is
        not.
        """
        after = bind(mine, peer_pid)
        if mine.pending is None:
            return after
        if not after.peer_pid:
            raise InvalidInput("the answer does not name the peer's pid", where=self.machine.name)
        if mine.pending == self.terminate and (mine.role is Role.CONSUMER or not self._final(mine)):
            return self._ended(after, now)
        then = self.machine.moves.get((mine.state, mine.role, mine.pending), mine.state)  # the same: it had lost
        return self._settled(after, now, _ANSWERED | ({} if then == mine.state else _moved(after, then)))

    def failed(self, mine: E, reason: str, *, now: datetime, code: str = "") -> E:
        """The process once the peer has refused the pending message for good.

        An error changes no state at the peer (DSP), so in a lasting state the message is only withdrawn; elsewhere
        nothing can come of the process any more and it ends with the peer's reason. Our own termination stands anyway.
        """
        if mine.pending is None:
            return mine
        if mine.pending == self.terminate and not self._final(mine):
            return self._ended(mine, now)
        told = {"refusal": reason} | _ANSWERED
        if self._final(mine) or mine.state in self.lasting:
            return self._settled(mine, now, told)
        end = {"code": code, "reasons": (reason,), "ended_by": mine.role.other}
        return self._settled(mine, now, told | end | _moved(mine, self.terminated))

    def next(self, mine: E) -> str:
        """What is to be done by us where the process stands, "" for nothing."""
        return self._due(mine.state, mine.role, mine.pending)

    def expired(self, mine: E, reason: str, *, now: datetime, code: str = "") -> E:
        """The process ended here because it waited for too long, where there is nobody to tell or no word to say it."""
        end = {"code": code, "reasons": (reason,), "ended_by": mine.role}
        return self._settled(mine, now, _moved(mine, self.terminated) | end | _ANSWERED)

    def caught_up(self, mine: E, theirs: str, bare: Collection[V], *, now: datetime) -> E | None:
        """The process once the peer shows it in the state `theirs`; None where that tells nothing that could be taken.

        It is taken where one message of the peer leads there, of a verb in `bare`: those that carry nothing we lack.
        """
        for (was, who, verb), then in self.machine.moves.items():
            if (was, who, then) == (mine.state, mine.role.other, theirs) and verb in bare:
                return self.received(mine, verb, now=now, reasons=(MISSED,) if then == self.terminated else ())
        return None

    def _incoming(self, mine: E, verb: V) -> tuple[Any, ...]:
        """The states that the peer's move leads to, and what of ours is still on its way."""
        peer, pending, moves = mine.role.other, mine.pending, self.machine.moves
        ours = moves.get((mine.state, mine.role, pending)) if pending is not None else None
        if ours is not None and (ours, peer, verb) in moves:
            if mine.state in self.lasting and moves[ours, peer, verb] == mine.state:
                what = f"whether {verb} came before or after our {pending} shows when that is answered"
                raise Conflict(what, where=self.machine.name, hint="send the same again")
            return ours, moves[ours, peer, verb], None  # it overtook the answer to ours
        theirs = self.machine.after(mine.state, peer, verb)
        shut_out = ours is not None and (theirs, mine.role, pending) not in moves
        if shut_out and not self._yields(mine, verb, theirs):
            raise IllegalTransition(f"{verb} crossed our {pending}, which goes first", where=self.machine.name)
        return theirs, pending

    def _yields(self, mine: E, verb: V, theirs: S) -> bool:
        """Whether the peer's message goes before ours, where each shuts the other out."""
        if verb == mine.pending:
            return self.machine.final(theirs) or mine.role is Role.CONSUMER
        return self.rank.index(verb) > self.rank.index(mine.pending)

    def _final(self, mine: E) -> bool:
        return mine.state is not None and self.machine.final(mine.state)

    def _ended(self, mine: E, now: datetime) -> E:
        """Ended by us, with the reasons that were on their way."""
        ended = {"code": mine.pending_code, "reasons": mine.pending_reasons, "ended_by": mine.role}
        return self._settled(mine, now, _moved(mine, self.terminated) | ended | _ANSWERED)

    def _settled(self, mine: E, now: datetime, changes: dict[str, Any]) -> E:
        """With these changes at its new time, and with what is to be done derived again."""
        state, pending = changes.get("state", mine.state), changes.get("pending", mine.pending)
        return evolve(mine, **changes, todo=self._due(state, mine.role, pending), changed=now)

    def _due(self, state: S | None, role: Role, pending: V | None) -> str:
        return "" if pending is not None or state is None else self.todo.get((state, role), "")


_ANSWERED: Final[dict[str, Any]] = {"pending": None, "pending_code": "", "pending_reasons": ()}
"""Nothing of ours is on its way any more."""


def _moved(mine: Exchange[Any, Any], *states: Any) -> dict[str, Any]:
    """In the last of the states that the process came through."""
    reached = dict(mine.reached)
    for state in states:
        reached[str(state)] = reached.get(str(state), 0) + 1
    return {"state": states[-1], "reached": reached}


def bind(mine: E, peer_pid: str) -> E:
    """The process knowing the peer's pid; `NotFound` where it is known to be another."""
    if mine.peer_pid and peer_pid and mine.peer_pid != peer_pid:
        raise NotFound("this pid belongs to another process", where=f"{mine.role.other}Pid")
    return evolve(mine, peer_pid=peer_pid) if peer_pid and not mine.peer_pid else mine


def addressed(mine: E, consumer_pid: str | None, provider_pid: str | None) -> E:
    """The process that a message with these pids belongs to, if it is `mine`; else `NotFound`.

    Only a message that begins a process may leave out the receiver's pid.
    """
    consumer = mine.role is Role.CONSUMER
    own, theirs = (consumer_pid, provider_pid) if consumer else (provider_pid, consumer_pid)
    begins = own is None and mine.state is None and mine.pending is None
    if own != mine.key and not begins:
        raise NotFound("there is no such process here", where=f"{mine.role}Pid")
    return bind(mine, theirs or "")
