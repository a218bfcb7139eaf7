"""`Tx` over one SQLite connection: every statement of the store stands here, as constant text."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from trustspace.adapters.storage.codec import Columns, Shape, asked, distinct, micros, moment, shape
from trustspace.adapters.storage.paging import equal, matching, page_of, values_of
from trustspace.adapters.storage.recent import Place, Recent
from trustspace.core.canon import digest
from trustspace.core.errors import (
    Conflict,
    InvalidInput,
    MisusedError,
    NotFound,
    StorageFull,
    TrustspaceError,
    Unavailable,
)
from trustspace.core.record import Record
from trustspace.ports import Entry, Leaf, Outgoing

R = TypeVar("R", bound=Record)
Faults = Callable[[str], None]
"""Called before each step of the writer with its name; what it raises is taken for what the disk did."""

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_GET: Final = "SELECT body FROM records WHERE kind = ? AND key = ?"
_INSERT: Final = (
    "INSERT INTO records (kind, key, version, body, i1, i2, i3) VALUES (?, ?, 1, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_UPDATES: Final = tuple(
    f"UPDATE records SET version = version + 1, body = ?{columns} WHERE kind = ? AND key = ? AND version = ?"  # noqa: S608  # constant text
    for columns in (
        "",
        ", i1 = ?",
        ", i2 = ?",
        ", i1 = ?, i2 = ?",
        ", i3 = ?",
        ", i1 = ?, i3 = ?",
        ", i2 = ?, i3 = ?",
        ", i1 = ?, i2 = ?, i3 = ?",
    )
)
"""By which of the columns change, as bits: an index whose column is named is written, changed or not."""
_ONCE: Final = "INSERT INTO tokens VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_QUEUE: Final = (
    "INSERT INTO outbox (id, process, kind, verb, receiver, url, body, created, attempts, due, error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_QUEUED: Final = "SELECT id, process, kind, verb, receiver, url, body, created, attempts, due, error FROM outbox"
_LINK: Final = "INSERT INTO chains VALUES (?, 1) ON CONFLICT DO UPDATE SET leaves = leaves + 1 RETURNING leaves"
_ABOUT: Final = (
    "SELECT place, body FROM subjects JOIN entries USING (place) WHERE subject = ? AND place > ? ORDER BY place LIMIT ?"
)


_OVER: Final = MisusedError("this transaction is over")
_MISTAKES: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    UnicodeEncodeError,
    OverflowError,
)
"""What is wrong with the values that a body gave, not with the disk."""


class StorageFailure(Exception):
    """SQLite could not do its work, and the transaction is lost; `cause` is what a caller may be told."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__(str(error))
        self.cause = explain(error)


def explain(error: sqlite3.Error) -> TrustspaceError:
    """The error of ours for one of SQLite's."""
    if (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF == sqlite3.SQLITE_FULL:
        return StorageFull("there is no room to store this", hint="make room on the disk; nothing else has to be done")
    return Unavailable(f"the storage failed: {error}", hint="look at the disk and the system's log")


class Entangled(Exception):
    """A body failed after it had written, and without a savepoint of its own: the batch has to run again with them."""


class SqliteTx:
    """One body's view of the database; where it is guarded, its first write opens a savepoint to undo it by."""

    __slots__ = (
        "_connection",
        "_faults",
        "_guarded",
        "_over",
        "_recent",
        "_view",
        "_writable",
        "leaves",
        "saved",
        "wrote",
    )

    def __init__(
        self,
        connection: sqlite3.Connection,
        faults: Faults,
        *,
        writable: bool,
        guarded: bool = False,
        recent: Recent | None = None,
    ) -> None:
        self._connection, self._faults, self._writable, self._guarded = connection, faults, writable, guarded
        self._recent = recent or Recent()
        self._view = self._recent.view
        self.saved: dict[Place, Any] = {}
        self._over: Exception | None = None
        self.wrote = False
        self.leaves: list[Leaf] = []

    def finish(self, *, keep: bool) -> None:
        """End the body, undoing it unless `keep`; raises where the disk failed, even if the body hid that."""
        if isinstance(self._over, StorageFailure):
            raise self._over
        if self.wrote and self._guarded:
            for statement in ("RELEASE body",) if keep else ("ROLLBACK TO body", "RELEASE body"):
                self._rows(statement)
        elif self.wrote and not keep:
            raise Entangled
        self.end()

    def end(self) -> None:
        """The body is over: who kept the transaction and uses it later is told so."""
        self._over = _OVER

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """What a statement gives; once the disk has failed, nothing more is done in this transaction."""
        if self._over is not None:
            raise self._over
        try:
            if not (self._writable or self._connection.in_transaction):
                self._connection.execute("BEGIN")  # only now: what is remembered needs no snapshot
            return self._connection.execute(sql, values).fetchall()
        except (*_MISTAKES, sqlite3.Error) as error:
            raise self._wrong(error) from error

    def _wrong(self, error: Exception) -> Exception:
        """A mistake of the body stays one; a failure of the disk ends the transaction."""
        if isinstance(error, (UnicodeEncodeError, OverflowError)):
            return InvalidInput(f"this cannot be stored: {error}")
        if isinstance(error, _MISTAKES):
            return MisusedError(f"this cannot be stored: {error}")
        self._over = StorageFailure(error) if isinstance(error, sqlite3.Error) else error
        return self._over

    def _change(self, sql: str, values: Sequence[Any]) -> int:
        """Run a writing statement; returns how many rows it changed."""
        return self._write(sql, values).rowcount

    def _written(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """Run a writing statement; returns the rows that it gives."""
        cursor = self._write(sql, values)
        try:
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise self._wrong(error) from error

    def _write(self, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
        if self._over is not None:
            raise self._over
        if not self._writable:
            raise MisusedError("this transaction only reads", hint="use run, not read")
        try:
            self._faults("write")
            if self._guarded and not self.wrote:
                self._connection.execute("SAVEPOINT body")
            self.wrote = True
            return self._connection.execute(sql, values)
        except (*_MISTAKES, sqlite3.Error) as error:
            raise self._wrong(error) from error

    def get(self, kind: type[R], key: str) -> R | None:
        """See `Tx.get`."""
        place = kind.KIND, key
        known: R | None = self._known(place)
        if known is not None:
            return known
        rows = self._rows(_GET, place)
        if not rows:
            return None
        record = shape(kind).decode(rows[0][0])
        if not self.wrote:
            self._recent.learn(place, record, self._view)
        return record

    def _known(self, place: Place) -> Any | None:
        """The record, where it was saved or read lately."""
        if self._over is not None:
            raise self._over
        if self._writable:
            return self.saved.get(place) or self._recent.current(place)
        return self._recent.committed(place) if self._view is not None else None

    def save(self, record: R, *, expect: int) -> R:
        """See `Tx.save`."""
        form = shape(type(record))
        saved = form.at(record, expect + 1)
        body, columns = form.encode(saved), form.columns(saved)
        place = form.name, record.key
        if expect == 0:
            changed = self._change(_INSERT, (*place, body, *columns))
        else:
            which, values = self._differing(form, place, expect, columns)
            changed = self._change(_UPDATES[which], (body, *values, *place, expect))
        if changed != 1:
            raise Conflict(f"{record.key} is not at version {expect} any more", where=form.name)
        self.saved[place] = saved
        return saved

    def _differing(self, form: Shape[R], place: Place, version: int, columns: Columns) -> tuple[int, list[str | None]]:
        """Which columns are to be written, as bits, and their values: all of them where the old ones are not known."""
        known = self._known(place)
        if known is None or known.version != version:
            return 7, list(columns)
        changed = [n for n, (old, new) in enumerate(zip(form.columns(known), columns, strict=True)) if old != new]
        return sum(1 << n for n in changed), [columns[n] for n in changed]

    def find(self, kind: type[R], /, *, after: int = 0, limit: int = 100, **where: str) -> list[R]:
        """See `Tx.find`."""
        form = shape(kind)
        condition, values = _condition(form.places(where))
        sql = f"SELECT body FROM records WHERE kind = ?{condition} ORDER BY seq LIMIT ? OFFSET ?"  # noqa: S608  # column numbers
        return [form.decode(body) for (body,) in self._rows(sql, (form.name, *values, limit, after))]

    def count(self, kind: type[R], /, **where: str) -> int:
        """See `Tx.count`."""
        form = shape(kind)
        condition, values = _condition(form.places(where))
        sql = f"SELECT count(*) FROM records WHERE kind = ?{condition}"  # noqa: S608  # column numbers
        return int(self._rows(sql, (form.name, *values))[0][0])

    def values(self, kind: type[R], field: str) -> list[str]:
        """See `Tx.values`."""
        return values_of(self._rows, kind.KIND, shape(kind).column(field))

    def page(
        self, kind: type[R], field: str, values: Sequence[str], *, after: str = "", before: str = "", limit: int = 100
    ) -> list[R]:
        """See `Tx.page`."""
        form = shape(kind)
        column, bounds = form.column(field), {"after": after, "before": before}
        return [form.decode(body) for body in page_of(self._rows, form.name, column, values, limit=limit, **bounds)]

    def index(self, kind: type[R], key: str, terms: Iterable[str]) -> None:
        """See `Tx.index`."""
        rows = self._rows("SELECT seq FROM records WHERE kind = ? AND key = ?", (kind.KIND, key))
        if not rows:
            raise NotFound(f"there is no {kind.KIND} {key} to index")
        self._change("DELETE FROM terms WHERE seq = ?", rows[0])
        words = distinct(terms)
        for term in ["", *words] if words else []:
            self._change("INSERT INTO terms VALUES (?, ?, ?)", (kind.KIND, term, *rows[0]))

    def search(self, kind: type[R], terms: Sequence[str], *, after: int = 0, limit: int = 20) -> tuple[list[R], int]:
        """See `Tx.search`."""
        form = shape(kind)
        bodies, total = matching(self._rows, form.name, asked(terms), after=after, limit=limit)
        return [form.decode(body) for body in bodies], total

    def seen(self, key: str) -> bytes | None:
        """See `Tx.seen`."""
        return _only(self._rows("SELECT answer FROM replies WHERE key = ?", (key,)))

    def reply(self, key: str, answer: bytes) -> None:
        """See `Tx.reply`."""
        added = self._change("INSERT INTO replies VALUES (?, ?) ON CONFLICT DO NOTHING", (key, answer))
        if not added and self.seen(key) != answer:
            raise Conflict("this message was answered otherwise before", where=key)

    def once(self, issuer: str, name: str, digest: str, expires: datetime) -> str:
        """See `Tx.once`."""
        if self._change(_ONCE, (issuer, name, digest, micros(expires))):
            return digest
        rows = self._rows("SELECT digest FROM tokens WHERE issuer = ? AND name = ?", (issuer, name))
        return str(rows[0][0])

    def keep(self, data: bytes) -> str:
        """See `Tx.keep`."""
        name = digest(data)
        self._change("INSERT INTO blobs VALUES (?, ?) ON CONFLICT DO NOTHING", (bytes.fromhex(name), data))
        return name

    def blob(self, digest: str) -> bytes | None:
        """See `Tx.blob`."""
        name = bytes.fromhex(digest) if _DIGEST.fullmatch(digest) else b""
        return _only(self._rows("SELECT data FROM blobs WHERE digest = ?", (name,)))

    def outbox(self, message: Outgoing) -> None:
        """See `Tx.outbox`."""
        due = message.due.isoformat() if message.due else None
        head = (message.id, message.process, message.kind, message.verb, message.to, message.url, message.body)
        tail = (message.created.isoformat(), message.attempts, due, message.error)
        if not self._change(_QUEUE, (*head, *tail)):
            raise Conflict("a message of that id is queued already", where=message.id)

    def queued(self, *, process: str = "", limit: int = 1000) -> list[Outgoing]:
        """See `Tx.queued`."""
        if process:
            rows = self._rows(f"{_QUEUED} WHERE process = ? ORDER BY seq LIMIT ?", (process, limit))
        else:
            rows = self._rows(f"{_QUEUED} ORDER BY seq LIMIT ?", (limit,))
        return [_outgoing(row) for row in rows]

    def sent(self, name: str) -> None:
        """See `Tx.sent`."""
        self._change("DELETE FROM outbox WHERE id = ?", (name,))

    def postpone(self, name: str, *, attempts: int, due: datetime, error: str) -> None:
        """See `Tx.postpone`."""
        sql = "UPDATE outbox SET attempts = ?, due = ?, error = ? WHERE id = ?"
        self._change(sql, (attempts, due.isoformat(), error, name))

    def evidence(self, leaf: Leaf) -> None:
        """See `Tx.evidence`."""
        if self._over is not None:
            raise self._over
        if not self._writable:
            raise MisusedError("this transaction only reads", hint="use run, not read")
        self.leaves.append(leaf)

    def link(self, chain: str) -> int:
        """See `Tx.link`."""
        return int(self._written(_LINK, (chain,))[0][0])

    def linked(self, chain: str) -> int:
        """See `Tx.linked`."""
        rows = self._rows("SELECT leaves FROM chains WHERE chain = ?", (chain,))
        return int(rows[0][0]) if rows else 0

    def log_size(self) -> int:
        """See `Tx.log_size`."""
        return int(self._rows("SELECT ifnull(max(place) + 1, 0) FROM entries")[0][0])

    def entry(self, index: int) -> Entry | None:
        """See `Tx.entry`."""
        body = _only(self._rows("SELECT body FROM entries WHERE place = ?", (index,)))
        return None if body is None else Entry(index, body)

    def entries(self, subject: str, *, after: int = -1, limit: int = 10_000) -> list[Entry]:
        """See `Tx.entries`."""
        if subject:
            rows = self._rows(_ABOUT, (subject, after, limit))
        else:
            rows = self._rows("SELECT place, body FROM entries WHERE place > ? ORDER BY place LIMIT ?", (after, limit))
        return [Entry(place, body) for place, body in rows]

    def node(self, level: int, index: int) -> bytes | None:
        """See `Tx.node`."""
        return _only(self._rows("SELECT hash FROM nodes WHERE number = ?", (node_number(level, index),)))

    def purge(self, now: datetime) -> int:
        """See `Tx.purge`."""
        return self._change("DELETE FROM tokens WHERE expires < ?", (micros(now),))


def _condition(places: Sequence[tuple[int, str]]) -> tuple[str, list[str]]:
    """SQL over the columns i1..i3, and its values."""
    return "".join(equal(place + 1, value) for place, value in places), [value for _, value in places]


def _only(rows: Sequence[Sequence[Any]]) -> bytes | None:
    return rows[0][0] if rows else None


def _outgoing(row: Sequence[Any]) -> Outgoing:
    name, process, kind, verb, to, url, body, created, attempts, due, error = row
    when = datetime.fromisoformat(created)
    return Outgoing(name, process, kind, verb, to, url, body, when, attempts, moment(due), error)


def node_number(level: int, index: int) -> int:
    """The row of a node: how many nodes are complete before it.

    The leaf that completes it is the last below it; before that leaf, leaf by leaf, 2n - popcount(n) nodes were.
    """
    last = ((index + 1) << level) - 1
    return 2 * last - last.bit_count() + level


def log_rows(places: Mapping[int, Leaf]) -> tuple[list[tuple[int, bytes]], list[tuple[str, int]]]:
    """Rows of `entries` and of `subjects` for leaves that were given their places."""
    about = [(subject, place) for place, leaf in places.items() for subject in dict.fromkeys(leaf.subjects)]
    return [(place, leaf.body) for place, leaf in places.items()], about
