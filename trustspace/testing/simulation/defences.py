"""The defences of a node, each of which can be switched off from outside: a simulation that then finds nothing is bad.

The node's own code knows nothing of it: what is switched off stands between it and its store or its peers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from trustspace.core.canon import canonical
from trustspace.core.errors import Conflict
from trustspace.core.record import Record
from trustspace.node.engine import Engine
from trustspace.ports import Answer, Outgoing, Peer, Stream, Tx
from trustspace.services.exchange import Reply

IDEMPOTENCY: Final = "idempotency"
ANSWER: Final = "answer"
VERSION: Final = "version"
RECONCILIATION: Final = "reconciliation"
RECEIPT: Final = "receipt"
DEFENCES: Final[Mapping[str, str]] = {
    IDEMPOTENCY: "the same message twice has one effect",
    ANSWER: "the same message twice gets the first answer again",
    VERSION: "a record is saved only over the version that was read",
    RECONCILIATION: "a refusal is believed only once the peer's state has been asked for",
    RECEIPT: "an acknowledgement counts only with the peer's receipt",
}
_REFUSAL: Final = canonical({"code": "illegal-transition", "reason": ["this cannot be said here now"]})
_STATE: Final = re.compile(r"/dsp/2025-1/(negotiations|transfers)/[^/]+$")


@dataclass(frozen=True, slots=True)
class Defences:
    """All of them, without the one that is named; "" for none left out."""

    without: str = ""

    def tx(self, tx: Tx) -> Tx:
        """What a body sees of its transaction."""
        left_out: Mapping[str, Callable[[Tx], Any]] = {IDEMPOTENCY: Forgetting, ANSWER: Curt, VERSION: Overwriting}
        return cast(Tx, left_out[self.without](tx)) if self.without in left_out else tx

    def peer(self, peer: Peer) -> Peer:
        """The way to other nodes."""
        return Unasked(peer) if self.without == RECONCILIATION else peer

    def engine(self, *given: Any) -> Engine:
        """A node's engine."""
        return Credulous(*given) if self.without == RECEIPT else Engine(*given)


class _Around:
    """A transaction with something else in it."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


class Forgetting(_Around):
    """It knows no message again."""

    def seen(self, key: str) -> bytes | None:
        """Nothing was ever seen."""
        del key
        return None

    def reply(self, key: str, answer: bytes) -> None:
        """Another answer is as good."""
        with suppress(Conflict):
            self._tx.reply(key, answer)


class Curt(_Around):
    """It knows a message again and refuses it, instead of giving the answer again."""

    def seen(self, key: str) -> bytes | None:
        """A refusal in place of the stored answer."""
        known = self._tx.seen(key)
        return None if known is None else Reply(400, "", "", _REFUSAL).pack()


class Overwriting(_Around):
    """It saves over whatever is there."""

    def save(self, record: Record, *, expect: int) -> Record:
        """Whatever version was expected."""
        stored = self._tx.get(type(record), record.key)
        del expect
        return self._tx.save(record, expect=stored.version if stored else 0)


class Unasked:
    """A peer that nobody asks how a process stands."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.close = peer.close

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        limit: int = 1 << 20,
    ) -> Answer:
        """The question for a state finds nothing, and is never sent."""
        if method == "GET" and _STATE.search(url):
            return Answer(404, _REFUSAL)
        return await self._peer.request(method, url, body=body, headers=headers, timeout=timeout, limit=limit)

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> AbstractAsyncContextManager[Stream]:
        """As it is."""
        return self._peer.stream(method, url, headers=headers, timeout=timeout)


class Credulous(Engine):
    """A node that believes every answer."""

    async def _check_receipt(self, outgoing: Outgoing, answer: Answer) -> None:
        del outgoing, answer
