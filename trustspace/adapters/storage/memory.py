"""A store in memory, with the promises of the durable one: for tests and simulations; it draws nothing from outside."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from trustspace.adapters.storage.codec import Columns, asked, distinct, micros, shape
from trustspace.adapters.storage.sequencer import Frontier, grow
from trustspace.core.canon import digest
from trustspace.core.errors import Conflict, MisusedError, NotFound, Unavailable
from trustspace.core.record import Record
from trustspace.ports import Entry, Leaf, Outgoing, Tx

R = TypeVar("R", bound=Record)
T = TypeVar("T")
_Table = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A stored record: its place among first saves, its bytes, and the fields it is found by."""

    seq: int
    version: int
    body: bytes
    columns: Columns


@dataclass(slots=True)
class Tables:
    """Everything that the store keeps."""

    records: dict[str, dict[str, Row]] = field(default_factory=dict)
    terms: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    replies: dict[str, bytes] = field(default_factory=dict)
    tokens: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    outbox: dict[str, tuple[int, Outgoing]] = field(default_factory=dict)
    entries: list[Leaf] = field(default_factory=list)
    chains: dict[str, int] = field(default_factory=dict)
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)
    last: int = 0


class MemoryTx:
    """One body's view of the tables; each write notes how it is undone."""

    def __init__(self, tables: Tables, *, writable: bool) -> None:
        self._tables, self._writable, self._over = tables, writable, False
        self._undo: list[Callable[[], object]] = []
        self.leaves: list[Leaf] = []

    def finish(self, *, keep: bool) -> None:
        """End the body, undoing its writes unless `keep`."""
        while self._undo and not keep:
            self._undo.pop()()
        self._over = True

    def _reading(self) -> Tables:
        if self._over:
            raise MisusedError("this transaction is over")
        return self._tables

    def _writing(self) -> Tables:
        if not self._writable:
            raise MisusedError("this transaction only reads", hint="use run, not read")
        return self._reading()

    def _put(self, table: _Table, key: Hashable, value: object) -> None:
        if key in table:
            self._undo.append(lambda old=table[key]: table.__setitem__(key, old))  # type: ignore[misc]  # bound early
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def _next(self) -> int:
        """A number greater than all before; one that is undone is not given again."""
        self._tables.last += 1
        return self._tables.last

    def get(self, kind: type[R], key: str) -> R | None:
        """See `Tx.get`."""
        row = self._reading().records.get(kind.KIND, {}).get(key)
        return None if row is None else shape(kind).decode(row.body)

    def save(self, record: R, *, expect: int) -> R:
        """See `Tx.save`."""
        form = shape(type(record))
        table = self._writing().records.setdefault(form.name, {})
        row, saved = table.get(record.key), form.at(record, expect + 1)
        body, columns = form.encode(saved), form.columns(saved)
        if (row.version if row else 0) != expect:
            raise Conflict(f"{record.key} is not at version {expect} any more", where=form.name)
        self._put(table, record.key, Row(row.seq if row else self._next(), expect + 1, body, columns))
        return saved

    def _where(self, kind: type[R], where: dict[str, str]) -> list[Row]:
        places = shape(kind).places(where)
        rows = self._reading().records.get(kind.KIND, {}).values()
        return [row for row in rows if all(row.columns[place] == value for place, value in places)]

    def find(self, kind: type[R], /, *, after: int = 0, limit: int = 100, **where: str) -> list[R]:
        """See `Tx.find`."""
        return [shape(kind).decode(row.body) for row in self._where(kind, where)[after : after + limit]]

    def count(self, kind: type[R], /, **where: str) -> int:
        """See `Tx.count`."""
        return len(self._where(kind, where))

    def values(self, kind: type[R], field: str) -> list[str]:
        """See `Tx.values`."""
        place, rows = shape(kind).column(field) - 1, self._reading().records.get(kind.KIND, {}).values()
        return sorted({value for row in rows if (value := row.columns[place]) is not None})

    def page(
        self, kind: type[R], field: str, values: Sequence[str], *, after: str = "", before: str = "", limit: int = 100
    ) -> list[R]:
        """See `Tx.page`."""
        place, rows = shape(kind).column(field) - 1, self._reading().records.get(kind.KIND, {})
        if (mark := before or after) and mark not in rows:
            raise NotFound(f"there is no {kind.KIND} {mark}")
        at = rows[mark].seq if mark else 0
        beyond = [row for row in rows.values() if (row.seq < at if before else row.seq > at)]
        found = [row for row in beyond if row.columns[place] in values]
        chosen = found[max(0, len(found) - limit) :] if before else found[:limit]
        return [shape(kind).decode(row.body) for row in chosen]

    def index(self, kind: type[R], key: str, terms: Iterable[str]) -> None:
        """See `Tx.index`."""
        if key not in self._writing().records.get(kind.KIND, {}):
            raise NotFound(f"there is no {kind.KIND} {key} to index")
        words = distinct(terms)
        self._put(self._tables.terms, (kind.KIND, key), frozenset(["", *words] if words else []))

    def search(self, kind: type[R], terms: Sequence[str], *, after: int = 0, limit: int = 20) -> tuple[list[R], int]:
        """See `Tx.search`."""
        wanted, indexed = frozenset(asked(terms)), self._reading().terms
        rows = reversed(self._tables.records.get(kind.KIND, {}).items())
        found = [row.body for key, row in rows if wanted <= indexed.get((kind.KIND, key), frozenset())]
        return [shape(kind).decode(body) for body in found[after : after + limit]], len(found)

    def seen(self, key: str) -> bytes | None:
        """See `Tx.seen`."""
        return self._reading().replies.get(key)

    def reply(self, key: str, answer: bytes) -> None:
        """See `Tx.reply`."""
        if self._writing().replies.get(key, answer) != answer:
            raise Conflict("this message was answered otherwise before", where=key)
        self._put(self._tables.replies, key, answer)

    def once(self, issuer: str, name: str, digest: str, expires: datetime) -> str:
        """See `Tx.once`."""
        until = micros(expires)
        if (issuer, name) not in self._writing().tokens:
            self._put(self._tables.tokens, (issuer, name), (digest, until))
        return self._tables.tokens[issuer, name][0]

    def keep(self, data: bytes) -> str:
        """See `Tx.keep`."""
        name = digest(data)
        self._put(self._writing().blobs, name, data)
        return name

    def blob(self, digest: str) -> bytes | None:
        """See `Tx.blob`."""
        return self._reading().blobs.get(digest)

    def outbox(self, message: Outgoing) -> None:
        """See `Tx.outbox`."""
        if message.id in self._writing().outbox:
            raise Conflict("a message of that id is queued already", where=message.id)
        self._put(self._tables.outbox, message.id, (self._next(), message))

    def queued(self, *, process: str = "", limit: int = 1000) -> list[Outgoing]:
        """See `Tx.queued`."""
        rows = sorted(self._reading().outbox.values(), key=lambda row: row[0])
        return [message for _, message in rows if process in ("", message.process)][:limit]

    def sent(self, name: str) -> None:
        """See `Tx.sent`."""
        if (row := self._writing().outbox.pop(name, None)) is not None:
            self._undo.append(lambda: self._tables.outbox.__setitem__(name, row))

    def postpone(self, name: str, *, attempts: int, due: datetime, error: str) -> None:
        """See `Tx.postpone`."""
        if (row := self._writing().outbox.get(name)) is not None:
            later = replace(row[1], attempts=attempts, due=due, error=error)
            self._put(self._tables.outbox, name, (row[0], later))

    def evidence(self, leaf: Leaf) -> None:
        """See `Tx.evidence`."""
        self._writing()
        self.leaves.append(leaf)

    def link(self, chain: str) -> int:
        """See `Tx.link`."""
        place = self._writing().chains.get(chain, 0) + 1
        self._put(self._tables.chains, chain, place)
        return place

    def linked(self, chain: str) -> int:
        """See `Tx.linked`."""
        return self._reading().chains.get(chain, 0)

    def log_size(self) -> int:
        """See `Tx.log_size`."""
        return self._reading().frontier.size

    def entry(self, index: int) -> Entry | None:
        """See `Tx.entry`."""
        return Entry(index, self._tables.entries[index].body) if 0 <= index < self.log_size() else None

    def entries(self, subject: str, *, after: int = -1, limit: int = 10_000) -> list[Entry]:
        """See `Tx.entries`."""
        places = enumerate(self._reading().entries)
        found = (Entry(n, leaf.body) for n, leaf in places if n > after and (not subject or subject in leaf.subjects))
        return [entry for _, entry in zip(range(limit), found, strict=False)]

    def node(self, level: int, index: int) -> bytes | None:
        """See `Tx.node`."""
        return self._reading().nodes.get((level, index))

    def purge(self, now: datetime) -> int:
        """See `Tx.purge`."""
        tokens, limit = self._writing().tokens, micros(now)
        old = {name: token for name, token in tokens.items() if token[1] < limit}
        for name in old:
            del tokens[name]
        self._undo.append(lambda: tokens.update(old))
        return len(old)


class MemoryStore:
    """`Store` in memory, or in tables that somebody keeps.

    With `rehearse` every writing body is run, undone and run again: it has to be repeatable.
    """

    def __init__(self, *, rehearse: bool = False, tables: Tables | None = None) -> None:
        self._tables, self._rehearse, self._open = tables or Tables(), rehearse, True

    async def run(self, body: Callable[[Tx], T], *, patience: float = 0.0) -> T:  # noqa: ARG002 -- nothing here takes time
        """See `Store.run`; here it is done before anything else happens on the loop."""
        self._check_open()
        if self._rehearse:
            self._attempt(body, keep=False)
        return self._attempt(body, keep=True)

    async def read(self, body: Callable[[Tx], T]) -> T:
        """See `Store.read`."""
        self._check_open()
        tx = MemoryTx(self._tables, writable=False)
        try:
            return body(tx)
        finally:
            tx.finish(keep=False)

    async def close(self) -> None:
        """See `Store.close`; what was kept is kept, and `reopen` shows it again."""
        self._open = False

    def reopen(self) -> None:
        """Open the store again, as a node does that starts anew on the same folder."""
        self._open = True

    def _check_open(self) -> None:
        if not self._open:
            raise Unavailable("the store is closed")

    def _attempt(self, body: Callable[[Tx], T], *, keep: bool) -> T:
        tx = MemoryTx(self._tables, writable=True)
        try:
            value = body(tx)
        except BaseException:
            tx.finish(keep=False)
            raise
        tx.finish(keep=keep)
        if keep:
            self._sequence(tx.leaves)
        return value

    def _sequence(self, leaves: Sequence[Leaf]) -> None:
        tables = self._tables
        tables.frontier, nodes = grow(tables.frontier, [leaf.body for leaf in leaves])
        tables.entries.extend(leaves)
        tables.nodes.update({(level, index): digest for level, index, digest in nodes})
