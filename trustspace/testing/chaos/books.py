"""What two nodes have in their books after all that happened to them, and whether it is what they had said.

Acknowledged is what a node has told anybody: the answer of its management interface, the size and root of its log. All
of it has to be there afterwards, once, and the same on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trustspace.adapters.storage import FolderLock, SqliteStore
from trustspace.adapters.storage.sequencer import Frontier, grow
from trustspace.core.canon import loads_object
from trustspace.core.contract import Contract, Negotiation, State
from trustspace.core.evidence.merkle import root
from trustspace.node.folder import Folder
from trustspace.node.logview import head
from trustspace.ports import Tx

MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """What a node said about a negotiation: the key that it was asked with, its pid, state and contract."""

    key: str
    pid: str
    state: str
    contract: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """One node's negotiations, contracts and log; `head` is the size and root that the stored hashes give."""

    negotiations: Mapping[str, Negotiation]
    contracts: Mapping[str, Contract]
    leaves: Sequence[bytes]
    head: tuple[int, str]
    queued: int = 0


@dataclass(slots=True)
class Verdict:
    """What was found, each with a line that says which."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    divergent: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.duplicated or self.divergent)

    def line(self) -> str:
        """The counts."""
        return (
            f"acknowledged {self.acknowledged}, lost {len(self.lost)}, duplicated {len(self.duplicated)}, "
            f"divergent {len(self.divergent)}"
        )


async def read_books(path: Path) -> Books:
    """The books of a node that does not run."""
    store = SqliteStore.open(Folder(path).database, lock=FolderLock.acquire(path))
    try:
        return await store.read(_books)
    finally:
        await store.close()


def _books(tx: Tx) -> Books:
    size, top = head(tx)
    return Books(
        {one.key: one for one in tx.find(Negotiation, limit=MANY)},
        {one.key: one for one in tx.find(Contract, limit=MANY)},
        [entry.body for entry in tx.entries("", limit=MANY)],
        (size, top.hex()),
        len(tx.queued(limit=MANY)),
    )


def check(
    told: Iterable[Told], shown: Mapping[str, Iterable[tuple[int, str]]], consumer: Books, provider: Books
) -> Verdict:
    """Hold what was said against the books; `shown` are sizes and roots of the logs, by `consumer` and `provider`."""
    told = list(dict.fromkeys(told))
    verdict = Verdict(acknowledged=len(told))
    verdict.lost += [line for one in told for line in _lost(one, consumer, provider)]
    verdict.duplicated += [*_twice(told), *_unpaired(consumer, provider), *_contracts_twice(consumer, provider)]
    verdict.divergent += [line for one in consumer.negotiations.values() for line in _differs(one, consumer, provider)]
    for side, books in (("consumer", consumer), ("provider", provider)):
        verdict.divergent += [f"the {side}'s log: {line}" for line in _wrong_log(books)]
        verdict.lost += [f"the {side}'s log: {line}" for line in _forgotten(books, shown.get(side, ()))]
    return verdict


def _lost(told: Told, consumer: Books, provider: Books) -> Iterator[str]:
    mine = consumer.negotiations.get(told.pid)
    if mine is None or mine.state is None:
        yield f"{told.key}: the negotiation {told.pid} is not there any more"
        return
    if mine.peer_pid and mine.peer_pid not in provider.negotiations:
        yield f"{told.key}: the provider knows nothing of {mine.peer_pid}"
    if told.state in {State.FINALIZED, State.TERMINATED} and mine.state != told.state:
        yield f"{told.key}: it was {told.state} and is {mine.state}"
    for side, books in (("consumer", consumer), ("provider", provider)):
        if told.contract and told.contract not in books.contracts:
            yield f"{told.key}: the {side} does not have the contract {told.contract}"


def _twice(told: Sequence[Told]) -> Iterator[str]:
    """One key stands for one negotiation and one contract."""
    for name, pairs in (
        ("negotiations", {(one.key, one.pid) for one in told}),
        ("contracts", {(one.key, one.contract) for one in told if one.contract}),
    ):
        yield from (f"{key}: {many} {name}" for key, many in Counter(key for key, _ in pairs).items() if many > 1)


def _unpaired(consumer: Books, provider: Books) -> Iterator[str]:
    """Each negotiation here is one there, and the other way round."""
    peers = Counter(one.peer_pid for one in consumer.negotiations.values() if one.peer_pid)
    yield from (f"{pid} belongs to {many} negotiations" for pid, many in peers.items() if many > 1)
    yield from (f"nobody asked for {pid}" for pid in provider.negotiations if pid not in peers)


def _contracts_twice(consumer: Books, provider: Books) -> Iterator[str]:
    for books in (consumer, provider):
        made = Counter(one.negotiation for one in books.contracts.values())
        yield from (f"{pid} has {many} contracts" for pid, many in made.items() if many > 1)
        signed = Counter(_agreements(books.leaves))
        yield from (f"{name} is signed {many} times in the log" for name, many in signed.items() if many > 1)


def _agreements(leaves: Iterable[bytes]) -> Iterator[str]:
    for body in leaves:
        leaf = loads_object(body)
        if leaf["kind"] == "agreement-signed":
            yield leaf["subjects"][-1]


def _differs(mine: Negotiation, consumer: Books, provider: Books) -> Iterator[str]:
    theirs = provider.negotiations.get(mine.peer_pid)
    if theirs is None:
        if not mine.ended:
            yield f"{mine.key} is {mine.state} and has no other side"
        return
    if mine.state != theirs.state or not mine.ended:
        yield f"{mine.key} is {mine.state}, pending {mine.pending}; there {theirs.state}, pending {theirs.pending}"
    name = mine.agreed.id if mine.agreed else ""
    ours, their = consumer.contracts.get(name), provider.contracts.get(name)
    final = mine.state is State.FINALIZED
    if final and (ours is None or their is None or ours.digest != their.digest or ours.status != their.status):
        yield f"{mine.key}: the contract {name} is not the same on both sides"
    if not final and ours is not None:
        yield f"{mine.key} is {mine.state} and has a contract"


def _wrong_log(books: Books) -> Iterator[str]:
    if books.head != (len(books.leaves), _roots(books.leaves, [len(books.leaves)])[len(books.leaves)]):
        yield "its hashes are not those of its entries"


def _forgotten(books: Books, shown: Iterable[tuple[int, str]]) -> Iterator[str]:
    seen = [(size, top) for size, top in dict.fromkeys(shown) if size]
    roots = _roots(books.leaves, [size for size, _ in seen if size <= len(books.leaves)])
    yield from (f"it showed another one of {size} entries" for size, top in seen if roots.get(size) != top)


def _roots(leaves: Sequence[bytes], sizes: Iterable[int]) -> dict[int, str]:
    """The root of the log at each of these sizes, from the entries themselves."""
    _, nodes = grow(Frontier(), leaves)
    hashes = {(level, index): value for level, index, value in nodes}
    return {size: root(size, lambda level, index: hashes[level, index]).hex() for size in sizes}
