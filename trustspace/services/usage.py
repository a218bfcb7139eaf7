"""Deciding, counting and recording uses (使用控制): the provider's gate, and the consumer's books."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from trustspace.core.canon import JsonObject, canonical, digest, loads_object
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Role, Status
from trustspace.core.errors import Conflict, InvalidInput, NotFound, Refused
from trustspace.core.identity.keys import aware
from trustspace.core.policy import Decision, DecisionValue, due
from trustspace.core.usage import (
    DELIVERED,
    LIFETIME,
    OPEN,
    REFUSED,
    Access,
    Asked,
    Counter,
    Duty,
    Use,
    check_open,
    count,
    delivered,
    delivery_statement,
    denial_statement,
    judge,
)
from trustspace.ports import Clock, Ids, Outgoing, Store, Tx
from trustspace.services.exchange import Caller
from trustspace.services.logging import log
from trustspace.services.transfer import accessed

NAME_LIMIT: Final = 100
DENIALS: Final = "/trustspace/v1/denials"
"""Where a node takes signed denials, below its public address."""
DELIVERIES: Final = "/trustspace/v1/deliveries"
"""Where a node takes signed receipts of deliveries."""
NOTICE: Final = "notice"
"""The kind of outgoing message that brings a signed statement to the other node."""


class Stamp(Protocol):
    """Signs statements and checks those of others."""

    def statement(self, kind: str, payload: bytes) -> str:
        """Our compact JWS over the payload."""

    def check_statement(self, kind: str, statement: str, peer: Caller) -> bytes:
        """The payload of the peer's statement, verified; raises `NotVerified`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a consumer asks for: a use by the name it gives it, its purpose, and duties it says it has fulfilled."""

    name: str
    purpose: str = ""
    fulfilled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Granted:
    """A decided use, and the token for its bytes ("" where it is refused); `todo` are the duties that come first."""

    use: Use
    token: str = ""
    todo: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a decision is made from: what the token opens, under which contract, used how often; the use if known."""

    access: Access
    contract: Contract
    counter: Counter
    product: Published
    known: Use | None

    def judge(self, asked: Asked) -> Decision:
        """The decision on one more use."""
        return judge(self.contract.agreed.policy, self.counter, asked)


class Gate:
    """The provider's side: each use is one decision in one transaction, with the counter and the evidence."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        stamp: Stamp,
        *,
        kick: Callable[[list[Outgoing]], None],
    ) -> None:
        self._store, self._clock, self._ids, self._stamp = store, clock, ids, stamp
        self._kick = kick

    async def ask(self, token: str, transfer: str, wish: Wish, caller: Caller) -> Granted:
        """Decide one use, named by the consumer: the same name again is the same use, whatever came of it.

        `caller` is who the access token's peer is. Raises `Unauthenticated` or `Forbidden` for the token; a refusal by
        the policy is returned as a use that was refused, with the signed denial.
        """
        _check_text(wish.name, "use", least=1)
        _check_text(wish.purpose, "purpose")
        secret = self._ids.token()
        while True:
            try:
                return await self._ask(token, transfer, wish, caller, secret)
            except Conflict:  # the same use was decided between our look and our decision: look again
                continue

    async def _ask(self, token: str, transfer: str, wish: Wish, caller: Caller, secret: str) -> Granted:
        key = digest(token.encode())
        look = await self._store.read(lambda tx: _look(tx, key, transfer, wish.name))
        if look.known is not None:
            return await self._again(look.known, wish.purpose, secret)
        asked = Asked(caller.participant, caller.aliases, wish.purpose, self._clock.now(), wish.fulfilled)
        decision = look.judge(asked)
        if decision.permitted:  # decided once more where it is counted: others ask at the same time
            settled = await self._store.run(lambda tx: self._permit(tx, key, transfer, wish.name, asked, secret))
            if isinstance(settled, Use):
                return Granted(settled, secret)
            decision = settled
        use = self._use(look, asked, decision, wish.name)
        if decision.value is DecisionValue.CONDITIONAL:  # nothing is counted: the duties first, then asked again
            return Granted(use, todo=decision.todo)
        return Granted(await self._deny(use, wish.name, asked, decision, caller))

    def _permit(self, tx: Tx, key: str, transfer: str, name: str, asked: Asked, secret: str) -> Use | Decision:
        """Count the use and write it down; or the decision, where it is no longer permitted."""
        look = _look(tx, key, transfer, name)
        decision = look.judge(asked)
        if not decision.permitted:
            return decision
        use = self._use(look, asked, decision, name)
        use = replace(use, token=digest(secret.encode()), number=look.counter.used + 1)
        return self._record(tx, use, look.counter, decision)

    async def _deny(self, use: Use, name: str, asked: Asked, decision: Decision, caller: Caller) -> Use:
        """Sign the denial and tell the other side. It stays true whatever is decided meanwhile: counts only grow."""
        denial = denial_statement(use.agreement, name, asked, decision)
        use = replace(use, state=REFUSED, statement=self._stamp.statement("denial", canonical(denial)))
        url = f"{caller.endpoint}{DENIALS}"
        notice = outgoing_statement(self._ids.uuid(), use, "denied", url, use.statement, use.at)

        def body(tx: Tx) -> Use:
            contract = tx.get(Contract, use.agreement)
            if contract is None or contract.status is Status.ENDED:
                raise Refused("the contract ended", where=use.agreement)
            tx.outbox(notice)
            return self._record(tx, use, tx.get(Counter, use.agreement) or Counter(key=use.agreement), decision)

        saved = await self._store.run(body)
        self._kick([notice])
        return saved

    def _record(self, tx: Tx, use: Use, counter: Counter, decision: Decision) -> Use:
        tx.save(count(counter, decision), expect=counter.version)
        saved = tx.save(use, expect=0)
        log_use(tx, saved)
        return saved

    async def _again(self, known: Use, purpose: str, secret: str) -> Granted:
        """The same use again: a new token while it is open, since the first answer may have been lost."""
        if known.purpose != purpose:
            raise InvalidInput(f"this use was asked for with the purpose {known.purpose!r}", where="purpose")
        if known.state != OPEN:
            return Granted(known)
        renewed = replace(known, token=digest(secret.encode()))
        return Granted(await self._store.run(lambda tx: tx.save(renewed, expect=known.version)), secret)

    def _use(self, look: Look, asked: Asked, decision: Decision, name: str) -> Use:
        contract, access, product = look.contract, look.access, look.product
        return Use(
            key=use_key(contract.key, name),
            role=Role.PROVIDER.value,
            agreement=contract.key,
            transfer=access.transfer,
            peer=access.peer,
            purpose=asked.purpose,
            decision=decision.value.value,
            reason=decision.reason,
            at=asked.at,
            expires=asked.at + LIFETIME,
            digest=product.digest,
            size=product.size,
            name=product.name,
            media_type=product.media_type,
            reference=product.reference,
            report=canonical(decision.report).decode(),
        )

    async def open(self, token: str) -> Use:
        """The use whose bytes this token opens; raises with the reason where it opens none (any more)."""
        key, now = digest(token.encode()), self._clock.now()

        def body(tx: Tx) -> Use:
            use = check_open(next(iter(tx.find(Use, token=key, limit=1)), None), now=now)
            contract = tx.get(Contract, use.agreement)
            if contract is None or contract.status is Status.ENDED:
                raise Refused("the contract ended", where=use.agreement, hint="make a new contract")
            return use

        return await self._store.read(body)

    async def receipt(self, statement: str, caller: Caller) -> Use:
        """The consumer's signed word that it has the data: the use is delivered and its token dies."""
        payload = loads_object(self._stamp.check_statement("delivery", statement, caller), where="statement")
        now = self._clock.now()

        def body(tx: Tx) -> Use:
            use = tx.get(Use, _member(payload, "use"))
            if use is None or use.peer != caller.participant or use.role != Role.PROVIDER.value:
                raise NotFound("there is no such use of yours here", where="receipt.use")
            if use.state == DELIVERED:
                return use
            _check_receipt(use, payload)
            saved = tx.save(delivered(use, statement, now=now), expect=use.version)
            log_delivery(tx, saved)
            return saved

        return await self._store.run(body)


class Books:
    """The consumer's side: what it was granted, refused and has received."""

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, stamp: Stamp, *, kick: Callable[[list[Outgoing]], None]
    ) -> None:
        self._store, self._clock, self._ids, self._stamp, self._kick = store, clock, ids, stamp, kick

    async def enter(self, use: Use) -> Use:
        """Write down a use that the provider granted; the same one again changes nothing."""

        def body(tx: Tx) -> Use:
            known = tx.get(Use, use.key)
            if known is not None:
                return known
            saved = tx.save(use, expect=0)
            _tally(tx, use)
            log_use(tx, saved)
            return saved

        return await self._store.run(body)

    async def refused(self, statement: str, peer: Caller) -> Use:
        """Write down the provider's signed denial, whichever way it came; raises where it is not about our contract."""
        told = loads_object(self._stamp.check_statement("denial", statement, peer), where="statement")
        contract = await self._store.read(lambda tx: tx.get(Contract, _member(told, "agreement")))
        if contract is None or contract.peer != peer.participant:
            raise NotFound("there is no such agreement between us", where="agreement")
        at = _time(told)
        use = Use(
            key=use_key(contract.key, _member(told, "use")),
            role=Role.CONSUMER.value,
            agreement=contract.key,
            transfer="",
            peer=peer.participant,
            purpose=str(told.get("purpose", "")),
            decision=_member(told, "decision"),
            reason=_member(told, "reason"),
            state=REFUSED,
            at=at,
            expires=at,
            report=canonical(told.get("report")).decode(),
            statement=statement,
        )
        return await self.enter(use)

    async def received(self, use: Use, peer: Caller) -> Use:
        """Sign for the data once it is here and verified; the receipt goes to the provider, obligations get dates."""
        now = self._clock.now()
        receipt = self._stamp.statement("delivery", canonical(delivery_statement(use, now=now)))
        url = f"{peer.endpoint}{DELIVERIES}"
        notice = outgoing_statement(self._ids.uuid(), use, "delivered", url, receipt, now)

        def body(tx: Tx) -> tuple[Use, list[Outgoing]]:
            known = tx.get(Use, use.key) or use
            if known.state == DELIVERED:
                return known, []
            saved = tx.save(delivered(known, receipt, now=now), expect=known.version)
            tx.outbox(notice)
            log_delivery(tx, saved)
            note_duties(tx, saved, now)
            return saved, [notice]

        saved, notices = await self._store.run(body)
        self._kick(notices)
        return saved


def outgoing_statement(name: str, use: Use, verb: str, url: str, statement: str, now: datetime) -> Outgoing:
    """A signed statement about a use on its way to the peer's node."""
    return Outgoing(
        id=name,
        process=use.key,
        kind=NOTICE,
        verb=verb,
        to=use.peer,
        url=url,
        body=canonical({"statement": statement}),
        created=now,
    )


def use_key(agreement: str, name: str) -> str:
    """The key of a use: its name counts within its agreement."""
    return f"{agreement}#{name}"


def log_use(tx: Tx, use: Use) -> None:
    """The leaf of a decision: the report is kept beside it, and the signed denial where there is one."""
    if use.state == REFUSED:
        data: JsonObject = {"use": use.key, "reason": use.reason, "digest": tx.keep(use.statement.encode())}
        log(tx, "use-denied", time=use.at, subjects=(use.key, use.agreement), data=data)
    else:
        data = {"use": use.key, "number": use.number, "purpose": use.purpose, "digest": tx.keep(use.report.encode())}
        log(tx, "use-permitted", time=use.at, subjects=(use.key, use.agreement), data=data)


def log_delivery(tx: Tx, use: Use) -> None:
    """The leaf of a delivery, with the consumer's signed receipt."""
    data: JsonObject = {
        "use": use.key,
        "content": use.digest,
        "size": use.size,
        "digest": tx.keep(use.receipt.encode()),
    }
    log(tx, "delivered", time=use.delivered or use.at, subjects=(use.key, use.agreement), data=data)


def _tally(tx: Tx, use: Use) -> None:
    counter = tx.get(Counter, use.agreement) or Counter(key=use.agreement)
    refused = 1 if use.state == REFUSED else 0
    after = replace(counter, used=counter.used + 1 - refused, refused=counter.refused + refused)
    tx.save(after, expect=counter.version)


def note_duties(tx: Tx, use: Use, now: datetime) -> None:
    """Obligations get the dates on which they fall due, counted from now."""
    contract = tx.get(Contract, use.agreement)
    for number, duty in enumerate(due(contract.agreed.policy, anchor=now) if contract else ()):
        key = f"{use.key}#{number}"
        tx.save(Duty(key=key, agreement=use.agreement, use=use.key, action=duty.action, due=duty.due), expect=0)
        data: JsonObject = {"duty": duty.action, "due": duty.due.isoformat(), "use": use.key}
        log(tx, "duty-due", time=now, subjects=(use.key, use.agreement), data=data)


def _look(tx: Tx, key: str, transfer: str, name: str) -> Look:
    access = accessed(tx, key, transfer)
    contract = tx.get(Contract, access.agreement)
    if contract is None or access.transfer != transfer:
        raise NotFound("there is no such transfer of yours here")
    if contract.status is Status.ENDED:
        raise Refused(f"the contract ended: {contract.ended_reason}", where=contract.key)
    product = tx.get(Published, contract.target)
    if product is None:
        raise NotFound("the data of this contract is no longer here", where=contract.target)
    counter = tx.get(Counter, contract.key) or Counter(key=contract.key)
    return Look(access, contract, counter, product, tx.get(Use, use_key(contract.key, name)))


def _check_text(text: str, where: str, *, least: int = 0) -> None:
    if not least <= len(text) <= NAME_LIMIT or not text.isprintable() or "#" in text:
        raise InvalidInput(f"{least} to {NAME_LIMIT} printable characters without # are expected", where=where)


def _check_receipt(use: Use, payload: JsonObject) -> None:
    for member, expected in (
        ("use", use.key),
        ("agreement", use.agreement),
        ("digest", use.digest),
        ("size", use.size),
    ):
        if payload.get(member) != expected:
            raise InvalidInput(f"the receipt says {payload.get(member)!r}, not {expected!r}", where=f"receipt.{member}")


def _time(told: JsonObject) -> datetime:
    try:
        return aware(datetime.fromisoformat(_member(told, "time")), "statement.time")
    except ValueError as error:
        raise InvalidInput("a time with its offset is expected", where="statement.time") from error


def _member(told: JsonObject, name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise InvalidInput("a text is expected", where=f"statement.{name}")
    return value
