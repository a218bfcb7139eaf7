"""A past for a node: flows that really happened there, copied under other names while it does not run.

Two flows of a kind are looked at in a store: what both have in common (product, policy, parties, certificates) belongs
to no single one and is not copied; what only one has is. So a copy has all that a flow leaves behind (records, leaves,
kept bytes, remembered answers) at the size that it really has. Signatures of copies are made up: nobody reads them.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trustspace.adapters.storage import SqliteStore
from trustspace.adapters.storage.codec import shape
from trustspace.core.canon import digest
from trustspace.core.contract import Contract, Negotiation, State
from trustspace.core.errors import NotFound
from trustspace.core.evidence.leaves import Leaf, read_leaf
from trustspace.core.record import Record
from trustspace.core.transfer import Transfer
from trustspace.core.usage import Access
from trustspace.node.folder import Folder
from trustspace.ports import Entry, Store, Tx
from trustspace.services.machinery import idempotency_key

BATCH: Final = 200
"""How many copies are stored in one transaction."""
_DIGEST: Final = re.compile(b"[0-9a-f]{64}")
_NAME: Final = re.compile(rb"(?<![0-9a-f])([0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])")
_TAIL: Final = 32
Pieces = tuple[bytes, ...]
"""A text cut at its names: every second piece is one."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What one flow left in one store."""

    records: tuple[Record, ...]
    leaves: tuple[bytes, ...]
    blobs: dict[str, bytes]
    replies: tuple[bytes, ...]

    def texts(self) -> Iterator[bytes]:
        """Everything that names of it may stand in."""
        yield from (shape(type(record)).encode(record) for record in self.records)
        yield from (*self.leaves, *self.blobs.values(), *self.replies)

    def names(self) -> set[bytes]:
        """The uuids and digests in it."""
        return {name for text in self.texts() for name in _NAME.findall(text)}


def remains(tx: Tx, negotiation: Negotiation) -> Remains:
    """Everything that a negotiation, its contract and its transfers left."""
    agreement = negotiation.agreed.id if negotiation.agreed else ""
    about = tx.entries(negotiation.key) + (tx.entries(agreement) if agreement else [])
    entries = {entry.index: entry for entry in about}.values()
    leaves = [entry.body for entry in entries]
    found = [text for leaf in leaves for text in _strings(read_leaf(leaf).data) if _DIGEST.fullmatch(text.encode())]
    blobs = {name: data for name in found if (data := tx.blob(name)) is not None}
    return Remains(tuple(_records(tx, negotiation, agreement)), tuple(leaves), blobs, tuple(_replies(tx, entries)))


def _records(tx: Tx, negotiation: Negotiation, agreement: str) -> Iterator[Record]:
    yield negotiation
    if agreement:
        contract = tx.get(Contract, agreement)
        yield from [contract] if contract else []
        yield from tx.find(Transfer, agreement=agreement)
        yield from tx.find(Access, agreement=agreement)


def _replies(tx: Tx, entries: Iterable[Entry]) -> Iterator[bytes]:
    """The remembered answers, as far as the messages that they answered are kept whole."""
    for said in (read_leaf(entry.body) for entry in entries):
        body = tx.blob(str(said.data.get("digest", ""))) if said.kind == "message-received" else None
        for pid in ("", *said.subjects) if body is not None else ():
            answer = tx.seen(idempotency_key(str(said.data["peer"]), pid, str(said.data["message"]), body or b""))
            yield from [answer] if answer is not None else []


def _strings(data: dict[str, Any]) -> list[str]:
    return [value for value in data.values() if isinstance(value, str)]


@dataclass(frozen=True, slots=True)
class Copy:
    """A flow under other names, ready to be stored."""

    records: tuple[Record, ...]
    leaves: tuple[Leaf, ...]
    blobs: tuple[bytes, ...]
    replies: tuple[tuple[str, bytes], ...]

    def store(self, tx: Tx) -> None:
        """Put it there."""
        for record in self.records:
            tx.save(record, expect=0)
        for data in self.blobs:
            tx.keep(data)
        for leaf in self.leaves:
            tx.link(leaf.subjects[-1])
            tx.evidence(leaf)
        for key, answer in self.replies:
            tx.reply(key, answer)


class Mould:
    """Makes copies of a flow; `like` is another one of its kind, to tell what is its own."""

    def __init__(self, flow: Remains, like: Remains) -> None:
        self._own = flow.names() - like.names()
        self._kinds = [type(record) for record in flow.records]
        self._records = [self._cut(shape(type(record)).encode(record)) for record in flow.records]
        self._leaves = [(self._cut(body), read_leaf(body).subjects) for body in flow.leaves]
        own = {name: data for name, data in flow.blobs.items() if name not in like.blobs}
        self._blobs = {name.encode(): self._cut(data) for name, data in own.items()}
        self._replies = [self._cut(answer) for answer in flow.replies]

    def _cut(self, text: bytes) -> Pieces:
        return tuple(_NAME.split(text))

    def copy(self, number: int) -> Copy:
        """The copy of that number: the same one each time."""
        names = {name: _other(name, number) for name in self._own}
        blobs = {name: self._blob(pieces, names, number) for name, pieces in self._blobs.items()}
        names |= {name: digest(data).encode() for name, data in blobs.items()}
        records = [_joined(pieces, names, kind) for kind, pieces in zip(self._kinds, self._records, strict=True)]
        leaves = [Leaf(_join(body, names), _renamed(about, names)) for body, about in self._leaves]
        replies = [_join(pieces, names) for pieces in self._replies]
        keyed = [(digest(b"%d %d " % (number, at) + answer), answer) for at, answer in enumerate(replies)]
        return Copy(tuple(records), tuple(leaves), tuple(blobs.values()), tuple(keyed))

    def _blob(self, pieces: Pieces, names: dict[bytes, bytes], number: int) -> bytes:
        """Kept bytes of the copy; where no name of the flow stands in the clear (a token, a signature), of its own."""
        data = _join(pieces, names)
        if data != b"".join(pieces) or len(data) < _TAIL:
            return data
        return data[:-_TAIL] + digest(b"%d " % number + data)[:_TAIL].encode()


def _other(name: bytes, number: int) -> bytes:
    """Another name of the same form."""
    text = digest(b"%d " % number + name)
    if len(name) == len(text):
        return text.encode()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32])).encode()


def _join(pieces: Pieces, names: dict[bytes, bytes]) -> bytes:
    return b"".join([names.get(piece, piece) for piece in pieces])


def _joined(pieces: Pieces, names: dict[bytes, bytes], kind: type[Record]) -> Record:
    return shape(kind).decode(_join(pieces, names))


def _renamed(subjects: Iterable[str], names: dict[bytes, bytes]) -> tuple[str, ...]:
    return tuple(_join(tuple(_NAME.split(one.encode())), names).decode() for one in subjects)


async def load(store: Store, state: State, count: int, *, first: int = 0) -> None:
    """Copy one of the negotiations in that state so often; `NotFound` unless there are two of them."""
    if count:
        mould = await store.read(lambda tx: _mould(tx, state))
        for start in range(first, first + count, BATCH):
            await store.run(_batch(mould, range(start, min(start + BATCH, first + count))))


def _mould(tx: Tx, state: State) -> Mould:
    found = tx.find(Negotiation, state=str(state), limit=2)
    if len(found) < 2:
        raise NotFound(f"two negotiations that are {state} are needed to copy one", where="history")
    like, flow = (remains(tx, one) for one in found)
    return Mould(flow, like)


def _batch(mould: Mould, numbers: range) -> Callable[[Tx], None]:
    copies = [mould.copy(number) for number in numbers]

    def body(tx: Tx) -> None:
        for copy in copies:
            copy.store(tx)

    return body


async def main(folder: Path, finished: int, held: int) -> dict[str, float]:
    """Load the node of a folder; the seconds that took, and the MB of its database."""
    started, database = time.perf_counter(), Folder(folder).database
    store = SqliteStore.open(database)
    try:
        await load(store, State.FINALIZED, finished)
        await load(store, State.REQUESTED, held, first=finished)
    finally:
        await store.close()
    return {"seconds": time.perf_counter() - started, "mb": database.stat().st_size / 1e6}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))
