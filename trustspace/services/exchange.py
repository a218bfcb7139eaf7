"""What negotiation and transfer share: take a message in once, send one until it is answered, and book the answer.

Received: one transaction claims the token, looks for the stored answer, asks the core, and saves state, evidence and
answer together. Sent: what has to be signed is made from the state that was read; the transaction then checks that the
state still holds and queues the exact bytes. A state changes for the sender when the peer has acknowledged it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from trustspace.core.canon import JsonObject, digest
from trustspace.core.contract.exchange import Exchange as Process
from trustspace.core.errors import Conflict, InvalidInput, NotFound, TrustspaceError, Unauthenticated, Unavailable
from trustspace.ports import Answer, Outgoing, Tx
from trustspace.services.logging import log
from trustspace.services.machinery import (
    COMPANY,
    Ahead,
    Also,
    Follow,
    Machinery,
    OvertakenError,
    Saying,
    Surroundings,
    idempotency_key,
    nothing,
    verb_of,
)
from trustspace.services.subjects import subjects

RECEIPT: Final = "trustspace-receipt"
"""The header of an answer that carries its receipt."""
GONE: Final = 410
"""Nobody answered in time, or the process is gone there: there is nobody to tell."""
NOT_FOUND: Final = NotFound.status
TERMINATE: Final = "terminate"
OVERTAKEN: Final = 3
"""How often what we say at once is worked out again before it becomes a step of its own."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a message, as established by its token: participant id, identifier, credit code, name.

    `signs`: whether this peer signs contracts, or ever did, so that it must go on doing so; `receipts`: whether it says
    now that it gives a receipt with each answer. `keys` are the public keys (DER) of its signing certificates that
    stand, by thumbprint; `endpoint` is the base address of its protocol.
    """

    participant: str
    identifier: str = ""
    credit_code: str = ""
    name: str = ""
    signs: bool = False
    receipts: bool = False
    keys: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    endpoint: str = ""

    @property
    def aliases(self) -> tuple[str, ...]:
        """The lasting names beside the participant id."""
        return tuple(name for name in (self.identifier, self.credit_code) if name)


@dataclass(frozen=True, slots=True)
class Incoming:
    """An authenticated message: its bytes, and the token that is good for these bytes only."""

    caller: Caller
    body: bytes
    token: str
    token_name: str
    request: str
    expires: datetime
    target: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it is stored before it is given: status, the state it speaks of, the process, the body.

    `todo` is what is ours to do next, "" also where the answer is given again: that was begun with the first. `then`
    is what we said in the same transaction; it may leave once the answer has been given.
    """

    status: int
    state: str
    process: str
    body: bytes
    todo: str = ""
    then: Outgoing | None = None

    def pack(self) -> bytes:
        """One line and the body."""
        return f"{self.status} {self.state or '-'} {self.process or '-'}\n".encode() + self.body

    @classmethod
    def unpack(cls, data: bytes) -> Reply:
        """What `pack` made."""
        line, _, body = data.partition(b"\n")
        status, state, process = line.decode().split(" ")
        return cls(int(status), state.strip("-"), process.strip("-"), body)


R = TypeVar("R", bound=Process[Any, Any])
M = TypeVar("M")


def claim(tx: Tx, incoming: Incoming) -> None:
    """Bind the token to its request: the same token with another request is refused."""
    if (
        tx.once(incoming.caller.participant, incoming.token_name, incoming.request, incoming.expires)
        != incoming.request
    ):
        raise Unauthenticated("this token was used for another request", hint="make a new token for each request")


class Exchange(Generic[R, M]):
    """Receiving, sending and booking for the records of one machine."""

    def __init__(self, machinery: Machinery[R, M], around: Surroundings, *, ending: Also[R] = nothing) -> None:
        self.machinery, self.around, self.ending = machinery, around, ending

    async def take(
        self,
        incoming: Incoming,
        message: M,
        *,
        pid: str,
        opening: R | None = None,
        also: Also[R] = nothing,
        follow: Follow[R, M] | None = None,
    ) -> Reply:
        """Take a message in: the same bytes twice have one effect and one answer.

        What `follow` has to say at once goes into the same transaction. Raises `NotFound` for a process that is not
        there or belongs to another peer, `IllegalTransition` from the core.
        """
        for _ in range(OVERTAKEN if follow else 0):
            ahead = await self._ahead(incoming, message, pid, opening, follow)
            try:
                return await self._take(incoming, message, pid, opening, also, ahead)
            except OvertakenError:  # our own booking of an earlier answer came in between
                continue
        return await self._take(incoming, message, pid, opening, also, None)

    async def _take(
        self,
        incoming: Incoming,
        message: M,
        pid: str,
        opening: R | None,
        also: Also[R],
        said: Ahead[R] | None,
    ) -> Reply:
        now, verb = self.around.clock.now(), verb_of(message)
        key = idempotency_key(incoming.caller.participant, pid, verb, incoming.body)

        def body(tx: Tx) -> tuple[Reply, R | None]:
            if said and opening is None and self._of(tx, pid, incoming.caller.participant).version != said.version:
                raise OvertakenError
            claim(tx, incoming)
            stored = tx.seen(key)
            if stored is not None and not self._anew(tx, incoming.caller, pid, message, Reply.unpack(stored)):
                return Reply.unpack(stored), None
            before = opening if opening is not None else self._of(tx, pid, incoming.caller.participant)
            taken = said.taken if said else self._received(tx, before, message, now)
            after = tx.save(said.after if said else taken, expect=before.version)
            also(tx, taken)
            self.ended(tx, taken)
            status, text = self.machinery.codec.answer(taken, created=opening is not None)
            reply = Reply(status, str(taken.state), after.key, text, after.todo, said.outgoing if said else None)
            self._log(tx, "message-received", taken, verb, incoming.body, now, incoming)
            if stored is None:
                tx.reply(key, reply.pack())
            if said:
                self._queue(tx, after, said.outgoing, now)
                said.also(tx, after)
            return reply, after

        reply, after = await self.around.store.run(body)
        if after is not None:
            self.around.changed(after)
        return reply

    def _anew(self, tx: Tx, caller: Caller, pid: str, message: M, stored: Reply) -> bool:
        """Whether a peer that does not number its rounds says the same again: the process has been elsewhere since."""
        record = self._of(tx, pid, caller.participant) if pid and not caller.signs else None
        elsewhere = record is not None and str(record.state) != stored.state
        return elsewhere and self.machinery.rules.takes(record, message, now=self.around.clock.now())

    def _received(self, tx: Tx, before: R, message: M, now: datetime) -> R:
        return self.around.plan.planned(tx, self.machinery.rules.receive(before, message, now=now))

    async def _ahead(
        self, incoming: Incoming, message: M, pid: str, opening: R | None, follow: Follow[R, M] | None
    ) -> Ahead[R] | None:
        """The message and our next one, where nothing is wrong with either; else each is done, and refused, alone."""
        now = self.around.clock.now()
        try:
            before = opening
            if before is None:
                before = await self.around.store.read(lambda tx: self._of(tx, pid, incoming.caller.participant))
            taken = self.machinery.rules.receive(before, message, now=now)
            saying = await follow(taken) if follow and taken.todo else None
            word = saying.make(taken) if saying else None
            if saying is None or word is None:
                return None
            after = self.machinery.rules.send(taken, word, now=now)
            outgoing = self._outgoing(taken, word, self.around.ids.uuid(), now)
        except Exception:  # even a defect: the step is done again on its own, where it is told and held up
            return None
        return Ahead(before.version, taken, after, outgoing, saying.also)

    async def say(self, record: R, saying: Saying[R, M]) -> R:
        """Send it; made again where the state has moved on meanwhile. A record of version 0 is new."""
        while True:
            try:
                return await self._say(record, saying)
            except Conflict:
                fresh = await self.get(record.key)
                if fresh.version == record.version:  # not overtaken: something of ours is on its way still
                    raise
                record = fresh

    async def _say(self, record: R, saying: Saying[R, M]) -> R:
        message, now = saying.make(record), self.around.clock.now()
        if message is None:
            return record
        after = self.machinery.rules.send(record, message, now=now)
        outgoing = self._outgoing(record, message, self.around.ids.uuid(), now)

        def body(tx: Tx) -> R:
            saved = tx.save(after, expect=record.version)
            self._queue(tx, saved, outgoing, now)
            saying.also(tx, saved)
            return saved

        saved = await self.around.store.run(body)
        self.around.changed(saved)
        self.around.kick([outgoing])
        return saved

    async def settle(self, outgoing: Outgoing, answer: Answer) -> str:
        """Take the peer's final answer into the books: acknowledged, or refused with its reason.

        Returns what is ours to do next. `Unavailable` where a refusal cannot be held against the peer's state now.
        """
        if answer.status >= 300 and await self.took_it(outgoing, sure=answer.status != GONE):
            answer = Answer(200)
        now, spare = self.around.clock.now(), self.around.ids.uuid()

        def body(tx: Tx) -> tuple[R | None, list[Outgoing]]:
            before = tx.get(self.machinery.kind, outgoing.process)
            current = [one for one in tx.queued(process=outgoing.process) if one.kind == outgoing.kind][-1:]
            tx.sent(outgoing.id)
            if before is None:
                return None, []
            self._log_receipt(tx, before, outgoing, answer, now)
            if str(before.pending or "") != outgoing.verb or [one.id for one in current] != [outgoing.id]:
                return before, []  # the peer's next message overtook this answer, and was the acknowledgement itself
            after, word = self._booked(before, answer, now)
            saved = tx.save(self.around.plan.planned(tx, after), expect=before.version)
            self.ended(tx, saved)
            if word is None:
                return saved, []
            farewell = self._outgoing(saved, word, spare, now)
            self._queue(tx, saved, farewell, now)
            return saved, [farewell]

        after, farewells = await self.around.store.run(body, patience=COMPANY)
        if after is None:
            return ""
        self.around.changed(after)
        self.around.kick(farewells)
        return str(after.todo)

    def _booked(self, before: R, answer: Answer, now: datetime) -> tuple[R, M | None]:
        """The process after the answer, and our last word to a peer that refused and goes on waiting."""
        rules = self.machinery.rules
        reason = "" if answer.status < 300 else self._refusal(answer)
        if not reason:
            peer_pid, _ = self.machinery.codec.acknowledgement(before, answer.body)
            try:
                return rules.acknowledged(before, now=now, peer_pid=peer_pid), None
            except (NotFound, InvalidInput) as error:  # it took the message and names another process, or none
                reason = f"the peer's answer does not hold: {error}"
        after = rules.failed(before, reason, now=now)
        if answer.status == GONE or not self._goes_on(before, after):
            return after, None
        word = self.machinery.farewell(before, reason)
        return rules.send(replace(before, pending=None, refusal=reason), word, now=now), word

    def _goes_on(self, before: R, after: R) -> bool:
        """Whether the peer, whose error changed no state (DSP), still waits for us in a process that ends here."""
        machine, ends = self.machinery.rules.machine, self.machinery.rules.machine.final(after.state)
        told = str(before.pending) == TERMINATE
        return ends and not told and (before.state, before.role, TERMINATE) in machine.moves and bool(before.peer_pid)

    async def get(self, pid: str) -> R:
        """The record; `NotFound` where there is none."""
        record = await self.around.store.read(lambda tx: tx.get(self.machinery.kind, pid))
        if record is None:
            raise NotFound(f"there is no {self.machinery.name} {pid} here")
        return record

    def _of(self, tx: Tx, pid: str, participant: str) -> R:
        record = tx.get(self.machinery.kind, pid)
        if record is None or record.peer != participant:
            raise NotFound(f"there is no {self.machinery.name} {pid} of yours here")
        return record

    async def took_it(self, outgoing: Outgoing, *, sure: bool = False) -> bool:
        """Whether the peer stands where our message would have brought it: its first answer may have been lost.

        `sure`: raises `Unavailable` where it cannot be asked now.
        """
        record = await self.around.store.read(lambda tx: tx.get(self.machinery.kind, outgoing.process))
        if record is None or not record.peer_pid or str(record.pending or "") != outgoing.verb:
            return False
        try:
            return await self._shown(record) == self.machinery.rules.target(record)
        except TrustspaceError as error:
            if sure and isinstance(error, Unavailable):
                raise
            return False

    async def ask(self, record: R) -> str | None:
        """The state in which the peer shows it: "" where it knows nothing of it, None where it does not say."""
        try:
            return await self._shown(record)
        except TrustspaceError:
            return None

    async def _shown(self, record: R) -> str | None:
        answer = await self.around.ask(record.peer, record.callback + self.machinery.codec.path(record, "state"))
        shown = self.machinery.codec.acknowledgement(record, answer.body)[1] if answer.status < 300 else ""
        return shown if shown or answer.status == NOT_FOUND else None

    def ended(self, tx: Tx, record: R) -> None:
        """What belongs to the end of a process, in the transaction of its last state."""
        if record.state is not None and self.machinery.rules.machine.final(record.state):
            self.ending(tx, record)

    def _refusal(self, answer: Answer) -> str:
        return self.machinery.codec.reason(answer.body) or f"the peer answered {answer.status}"

    def _queue(self, tx: Tx, record: R, outgoing: Outgoing, now: datetime) -> None:
        tx.outbox(outgoing)
        self._log(tx, "message-sent", record, outgoing.verb, outgoing.body, now)

    def _outgoing(self, record: R, message: M, name: str, now: datetime) -> Outgoing:
        verb, body = verb_of(message), self.machinery.codec.encode(message)
        leads_to = self.machinery.rules.machine.moves.get((record.state, record.role, verb))
        if (times := record.reached.get(str(leads_to), 0)) > 0:  # the same bytes twice would be one message
            body = self.machinery.codec.again(body, times + 1)
        return Outgoing(
            id=name,
            process=record.key,
            kind=self.machinery.name,
            verb=verb,
            to=record.peer,
            url=record.callback + self.machinery.codec.path(record, verb),
            body=body,
            created=now,
        )

    def _log(
        self, tx: Tx, kind: str, record: R, verb: str, body: bytes, now: datetime, incoming: Incoming | None = None
    ) -> None:
        data: JsonObject = {
            "machine": self.machinery.name,
            "message": verb,
            "peer": record.peer,
            "state": str(record.state or ""),
            "digest": tx.keep(self.machinery.codec.redacted(body) if verb in self.machinery.secret else body),
        }
        if verb in self.machinery.secret:
            data["exact"] = digest(body)
        if incoming:
            data |= {"origin": tx.keep(incoming.token.encode()), "path": incoming.target}
        log(tx, kind, time=now, subjects=subjects(record), data=data)

    def _log_receipt(self, tx: Tx, record: R, outgoing: Outgoing, answer: Answer, now: datetime) -> None:
        data: JsonObject = {
            "machine": self.machinery.name,
            "message": outgoing.verb,
            "peer": record.peer,
            "sent": digest(outgoing.body),
            "status": answer.status,
            "answer": tx.keep(answer.body),
        }
        if receipt := answer.headers.get(RECEIPT, ""):
            data["receipt"] = tx.keep(receipt.encode())
        log(tx, "receipt", time=now, subjects=subjects(record), data=data)
