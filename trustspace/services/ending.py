"""Ending a contract (合约终止): access dies, open uses close, the other side is told, both logs say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trustspace.core.canon import JsonObject, canonical, loads_object
from trustspace.core.contract import Contract, Status, end
from trustspace.core.errors import InvalidInput, NotFound
from trustspace.core.usage import OPEN, Access, Use, closed
from trustspace.ports import Clock, Ids, Outgoing, Store, Tx
from trustspace.services.exchange import Caller
from trustspace.services.logging import log
from trustspace.services.transfer import closed_access
from trustspace.services.usage import NOTICE, Stamp

ENDINGS: Final = "/trustspace/v1/endings"
"""Where a node takes signed endings, below its public address."""
MANY: Final = 100_000


class Endings:
    """Ending contracts, ours and the peer's word for it. `cut` stops the deliveries that run in this process."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        stamp: Stamp,
        *,
        cut: Callable[[str], int],
        kick: Callable[[list[Outgoing]], None],
    ) -> None:
        self._store, self._clock, self._ids, self._stamp = store, clock, ids, stamp
        self._cut, self._kick = cut, kick

    async def end(self, name: str, reason: str, me: str, peer: Caller) -> Contract:
        """End a contract of ours; one that has ended stays as it is."""
        if not reason.strip():
            raise InvalidInput("the other side reads why: a reason is needed", where="reason")
        now = self._clock.now()
        told: JsonObject = {"kind": "ended", "agreement": name, "by": me, "reason": reason, "time": now.isoformat()}
        statement = self._stamp.statement("end", canonical(told))
        notice = Outgoing(  # behind what its negotiation has still to say: the peer may not have the contract yet
            id=self._ids.uuid(),
            process=await self._negotiation(name),
            kind=NOTICE,
            verb="ended",
            to=peer.participant,
            url=f"{peer.endpoint}{ENDINGS}",
            body=canonical({"statement": statement}),
            created=now,
        )

        def body(tx: Tx) -> Contract:
            contract = tx.get(Contract, name)
            if contract is None:
                raise NotFound("there is no such contract here", where=name)
            if contract.status is Status.ENDED:
                return contract
            tx.outbox(notice)
            return _end(tx, end(contract, me, reason, now), statement)

        contract = await self._store.run(body)
        self._cut(name)
        self._kick([notice])
        return contract

    async def _negotiation(self, name: str) -> str:
        contract = await self._store.read(lambda tx: tx.get(Contract, name))
        return contract.negotiation if contract else name

    async def told(self, statement: str, peer: Caller) -> None:
        """The peer ended a contract between us: it ends here too."""
        said = loads_object(self._stamp.check_statement("end", statement, peer), where="statement")
        name, reason, now = str(said.get("agreement", "")), str(said.get("reason", "")), self._clock.now()

        def body(tx: Tx) -> None:
            contract = tx.get(Contract, name)
            if contract is None or contract.peer != peer.participant or said.get("kind") != "ended":
                raise NotFound("there is no such contract between us", where="agreement")
            if contract.status is Status.ACTIVE:
                _end(tx, end(contract, peer.participant, reason, now), statement)

        await self._store.run(body)
        self._cut(name)


def _end(tx: Tx, contract: Contract, statement: str) -> Contract:
    saved = tx.save(contract, expect=contract.version)
    for access in tx.find(Access, limit=MANY, agreement=contract.key):
        if not access.closed:
            tx.save(closed_access(access), expect=access.version)
    for use in tx.find(Use, limit=MANY, agreement=contract.key, state=OPEN):
        tx.save(closed(use, "the contract ended"), expect=use.version)
    data: JsonObject = {
        "by": contract.ended_by,
        "reason": contract.ended_reason,
        "statement": tx.keep(statement.encode()),
    }
    log(tx, "contract-ended", time=contract.ended_at or contract.created, subjects=(contract.key,), data=data)
    return saved
