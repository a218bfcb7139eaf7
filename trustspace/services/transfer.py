"""Opening and closing transfers (数据传输) under a contract: messages in, our next step, what a person asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from trustspace.core.canon import digest
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Role, Status
from trustspace.core.errors import IllegalTransition, InvalidInput, NotFound, Refused
from trustspace.core.policy import CLOSE, lapsed
from trustspace.core.rules import Action, Rule
from trustspace.core.transfer import (
    DataAddress,
    Message,
    State,
    Transfer,
    TransferCompletion,
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferTermination,
    suspended,
)
from trustspace.core.usage import Access, Use, check_access
from trustspace.ports import Tx
from trustspace.services.exchange import Caller, Exchange, Incoming, Reply
from trustspace.services.machinery import Machinery, Saying, Surroundings, nothing
from trustspace.services.naming import name, named
from trustspace.services.negotiation import People
from trustspace.services.planning import default

Next = Saying[Transfer, Message]
PULL: Final = "HttpData-PULL"
"""The one format offered: the consumer fetches over HTTP."""
ENDPOINT_TYPE: Final = "https://w3id.org/idsa/v4.1/HTTP"
DIGEST: Final = "urn:trustspace:v1:sha256"
SIZE: Final = "urn:trustspace:v1:size"
ENDED: Final = "this side ended the transfer"
MANY: Final = 100_000


class Transfers:
    """The use cases of a transfer, both roles. `root` is the address of the data plane, `base` that of the protocol."""

    def __init__(
        self, machinery: Machinery[Transfer, Message], around: Surroundings, people: People, *, root: str, base: str
    ) -> None:
        self._exchange = self.exchange = Exchange(machinery, around, ending=self._close)
        self._a, self._people, self._root, self._base = around, people, root, base
        self.settle = self._exchange.settle
        self.get = self._exchange.get
        self._acts: Mapping[Action, Callable[[Transfer, Rule], Awaitable[Transfer]]] = {
            Action.START: lambda transfer, _: self.start(transfer.key),
            Action.SUSPEND: lambda transfer, rule: self.suspend(transfer.key, rule.reason),
            Action.COMPLETE: lambda transfer, _: self.complete(transfer.key),
            Action.REFUSE: lambda transfer, rule: self.terminate(transfer.key, rule.reason, code="refused"),
            Action.TERMINATE: lambda transfer, rule: self.terminate(transfer.key, rule.reason or ENDED),
        }

    async def take(self, incoming: Incoming, message: Message, *, pid: str = "") -> Reply:
        """Take a message in; without a pid it asks for a transfer under a contract."""
        opening = None if pid else await self._opened(incoming.caller, message)
        also: Callable[[Tx, Transfer], None] = nothing if pid else self._admit
        return await self._exchange.take(incoming, message, pid=pid, opening=opening, also=also, follow=self._at_once)

    async def _opened(self, caller: Caller, message: Message) -> Transfer:
        if not isinstance(message, TransferRequest):
            raise IllegalTransition(f"{message.verb} does not begin a transfer", where="transfer process")
        await self._people.check_callback(caller, message.callback)
        if message.format != PULL:
            raise Refused(f"this data is offered as {PULL} only", where="format")
        return self._new(Role.PROVIDER, caller.participant, message.agreement)

    def _admit(self, tx: Tx, transfer: Transfer) -> None:
        """Under a contract that stands; asked for again once it has ended, the first answer is given again."""
        contract = tx.get(Contract, transfer.agreement)
        if contract is None or contract.peer != transfer.peer or contract.role is not Role.PROVIDER:
            raise NotFound("there is no such agreement of yours here", where="agreementId")
        if contract.status is Status.ENDED:
            raise Refused(f"the contract ended: {contract.ended_reason}", where="agreementId")
        if over := lapsed(contract.agreed.policy, now=transfer.created - CLOSE):
            raise Refused(f"the contract allows no use since {over}", where="agreementId", hint="make a new contract")

    async def advance(self, pid: str) -> Transfer:
        """Do what is ours to do next, if anything: what a rule says, or start what was asked for."""
        transfer, rule = await self._a.store.read(self._a.plan.now(Transfer, pid))
        if rule is None or not transfer.todo:
            saying = await self._by_default(transfer)
            return await self._exchange.say(transfer, saying) if saying else transfer
        if rule.then is Action.HOLD or self._a.plan.early(transfer, rule, self._a.clock.now()):
            return transfer
        return await self._acts[rule.then](transfer, rule)

    async def _by_default(self, transfer: Transfer) -> Next | None:
        """What we say where no rule says otherwise; None where it is not our turn."""
        return await self._start(transfer) if default(transfer) == "start" else None

    async def _at_once(self, transfer: Transfer) -> Next | None:
        """What we say in the transaction that takes a message in: rules look at what is stored, and so come after."""
        return None if self._a.plan.rules else await self._by_default(transfer)

    async def start(self, pid: str) -> Transfer:
        """Let the data flow: what was asked for, or again after a suspension."""
        transfer = await self.get(pid)
        if transfer.role is Role.PROVIDER:
            return await self._exchange.say(transfer, await self._start(transfer))
        return await self._exchange.say(transfer, Saying(lambda now: TransferStart(now.consumer_pid, now.provider_pid)))

    async def suspend(self, pid: str, reason: str = "") -> Transfer:
        """Let no data flow for now; either side may start it again."""
        reasons = (reason,) if reason else ()
        return await self._exchange.say(
            await self.get(pid),
            Saying(lambda now: TransferSuspension(now.consumer_pid, now.provider_pid, "suspended", reasons)),
        )

    async def _start(self, transfer: Transfer) -> Next:
        product = await self._a.store.read(lambda tx: _product(tx, transfer))
        if product is None:
            return self._terminating("the contract ended or its data is no longer here")
        token = self._a.ids.token()

        def make(current: Transfer) -> Message:
            address = DataAddress(
                ENDPOINT_TYPE,
                f"{self._root}/data/{current.key}",
                (
                    ("authorization", f"Bearer {token}"),
                    ("authType", "bearer"),
                    (DIGEST, product.digest),
                    (SIZE, str(product.size)),
                ),
            )
            return TransferStart(current.consumer_pid, current.provider_pid, address)

        def open_access(tx: Tx, saved: Transfer) -> None:
            key = digest(token.encode())
            access = Access(
                key=key, agreement=saved.agreement, transfer=saved.key, peer=saved.peer, created=saved.changed
            )
            self._close(tx, saved)  # what a start before a suspension opened
            tx.save(access, expect=0)

        return Saying(make, open_access)

    async def request(self, contract: Contract, endpoint: str, *, key: str = "") -> Transfer:
        """Ask the provider for a transfer; the same `key` under the same contract again is the same transfer."""
        own = f"{contract.key} {key}" if key else ""
        if known := await self._a.store.read(lambda tx: named(tx, "transfer", own)):
            return await self.get(known)
        if contract.status is Status.ENDED:
            raise Refused(f"the contract ended: {contract.ended_reason}", where=contract.key)
        new = self._new(Role.CONSUMER, contract.peer, contract.key, callback=endpoint)
        message = TransferRequest(new.key, contract.key, PULL, self._base)
        return await self._exchange.say(
            new, Saying(lambda _: message, lambda tx, made: name(tx, "transfer", own, made.key))
        )

    async def complete(self, pid: str) -> Transfer:
        """Say that all data has flowed."""
        completion: Next = Saying(lambda now: TransferCompletion(now.consumer_pid, now.provider_pid), self._close)
        return await self._exchange.say(await self.get(pid), completion)

    async def terminate(self, pid: str, reason: str, *, code: str = "ended") -> Transfer:
        """End it with a reason that the other side reads."""
        if not reason.strip():
            raise InvalidInput("the other side reads why: a reason is needed", where="reason")
        return await self._exchange.say(await self.get(pid), self._terminating(reason, code=code))

    def _terminating(self, reason: str, *, code: str = "ended") -> Next:
        return Saying(lambda current: farewell(current, reason, code=code), self._close)

    def _new(self, role: Role, peer: str, agreement: str, *, callback: str = "") -> Transfer:
        now = self._a.clock.now()
        return Transfer(
            key=self._a.ids.uuid(),
            role=role,
            peer=peer,
            callback=callback,
            agreement=agreement,
            created=now,
            changed=now,
        )

    def _close(self, tx: Tx, transfer: Transfer) -> None:
        """The access tokens of a transfer die with it."""
        for access in tx.find(Access, transfer=transfer.key):
            if not access.closed:
                tx.save(closed_access(access), expect=access.version)

    def last_used(self, tx: Tx, transfer: Transfer) -> datetime | None:
        """When data was asked for last through this transfer; None where it never was."""
        uses = tx.find(Use, limit=MANY, agreement=transfer.agreement)
        return max((use.at for use in uses if use.transfer == transfer.key), default=None)


def farewell(transfer: Transfer, reason: str, *, code: str = "refused") -> TransferTermination:
    """The message that ends a transfer."""
    return TransferTermination(transfer.consumer_pid, transfer.provider_pid, code, (reason,))


def _product(tx: Tx, transfer: Transfer) -> Published | None:
    """What the contract is about, as long as it stands."""
    contract = tx.get(Contract, transfer.agreement)
    stands = contract is not None and contract.status is Status.ACTIVE
    return tx.get(Published, contract.target) if contract and stands else None


def accessed(tx: Tx, key: str, transfer: str) -> Access:
    """The access of a token (by its SHA-256), while data may flow; raises `Unauthenticated`, `Forbidden`, `Refused`."""
    access, process = check_access(tx.get(Access, key)), tx.get(Transfer, transfer)
    if process is not None and suspended(process):
        raise Refused("this transfer is suspended", where=transfer, hint="either side may start it again")
    return access


def closed_access(access: Access) -> Access:
    """The access once its transfer or contract has ended."""
    return replace(access, closed=True)


def running(transfer: Transfer) -> bool:
    """Whether data may flow."""
    return transfer.state is State.STARTED
