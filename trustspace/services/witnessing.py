"""Watching the logs of others (对方日志): the last checkpoint seen, and whether the log has only grown since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from trustspace.core.errors import NotVerified, TrustspaceError
from trustspace.core.evidence.checkpoint import Checkpoint, check_growth, read_checkpoint, unverified
from trustspace.core.record import Record
from trustspace.ports import Clock, Store, Tx
from trustspace.services.exchange import Caller
from trustspace.services.logging import log


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLog(Record):
    """What was seen of a peer's log; the key is the peer's participant id. `note` is its signed checkpoint."""

    KIND: ClassVar[str] = "peer-log"

    note: str = ""
    size: int = 0
    root: str = ""
    seen: datetime
    consistent: bool = True
    reason: str = ""

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The checkpoint, None before the first."""
        return unverified(self.note) if self.note else None


class Witness:
    """Keeps what was seen of the logs of others; a log that went back or forked is remembered as such."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def last(self, peer: str) -> PeerLog:
        """What was seen of a peer's log; of size 0 where nothing was."""
        found = await self._store.read(lambda tx: tx.get(PeerLog, peer))
        return found or PeerLog(key=peer, seen=self._clock.now())

    async def saw(self, before: PeerLog, note: str, proof: list[bytes], peer: Caller) -> PeerLog:
        """Compare a new checkpoint with the last one; the verdict is kept, in the log too."""
        now = self._clock.now()
        try:
            new = _signed(note, peer)
            if before.checkpoint is not None:
                check_growth(before.checkpoint, new, proof)
        except TrustspaceError as error:
            bad = replace(before, consistent=False, reason=str(error), seen=now)
            return await self._store.run(lambda tx: tx.save(bad, expect=before.version))
        after = replace(before, note=note, size=new.size, root=new.root.hex(), seen=now, consistent=before.consistent)

        def body(tx: Tx) -> PeerLog:
            saved = tx.save(after, expect=before.version)
            if before.size != new.size:
                data = {"origin": new.origin, "size": new.size, "root": new.root.hex(), "note": tx.keep(note.encode())}
                log(tx, "peer-checkpoint", time=now, subjects=(f"log of {peer.participant}",), data=data)
            return saved

        return await self._store.run(body)


def _signed(note: str, peer: Caller) -> Checkpoint:
    """The checkpoint, signed by one of the peer's keys that stand."""
    for key in peer.keys.values():
        try:
            return read_checkpoint(note, key, peer.participant)
        except NotVerified:
            continue
    raise NotVerified("the checkpoint is not signed by the peer", where=peer.participant)
