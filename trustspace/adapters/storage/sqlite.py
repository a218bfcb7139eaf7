"""The embedded store: SQLite in WAL mode, synced on every commit, one writer with group commit, readers beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self, TypeVar

from trustspace.adapters.storage.folder import FolderLock
from trustspace.adapters.storage.migrations import bundled, migrate
from trustspace.adapters.storage.recent import Recent
from trustspace.adapters.storage.sequencer import Frontier, grow, recover
from trustspace.adapters.storage.transaction import Faults, SqliteTx, StorageFailure, explain, log_rows, node_number
from trustspace.adapters.storage.writer import Writer
from trustspace.core.errors import MisusedError, Unavailable
from trustspace.ports import Leaf, Tx

T = TypeVar("T")

_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS only: its fsync alone does not reach the disk
    "checkpoint_fullfsync = ON",
    "wal_autocheckpoint = 4000",
    "journal_size_limit = 67108864",
    "cache_size = -32768",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
)


def no_fault(step: str) -> None:  # the disk does what it should
    """The usual `faults`: none."""


class SqliteSession:
    """The writer's connection, its running transaction, and the sequencer of the log."""

    def __init__(self, path: Path, *, max_pages: int | None, faults: Faults) -> None:
        self._path, self._faults = path, faults
        self.max_pages = max_pages
        self._connection: sqlite3.Connection | None = None
        self._bound: int | None = None
        self._leaves: list[Leaf] = []
        self._frontier = Frontier()
        self._guarded = True
        self._number = 0
        self.recent = Recent()
        self._sealed = self._number, self._frontier
        self._open()

    def _open(self) -> sqlite3.Connection:
        """Open the database and learn where it stands: the last batch, and the frontier of the log."""
        self._faults("open")
        connection = connect(self._path)
        try:
            ((self._number,),) = connection.execute("SELECT number FROM batches").fetchall()
            tx = SqliteTx(connection, self._faults, writable=False)
            self._frontier = recover(tx.log_size(), lambda level, index: tx.node(level, index) or b"")
            connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        self._connection, self._bound = connection, None
        return connection

    def _apply_bound(self, connection: sqlite3.Connection) -> None:
        self._bound = self.max_pages
        connection.execute(f"PRAGMA max_page_count = {self._bound or 0xFFFFFFFE}")

    def _current(self) -> sqlite3.Connection:
        if self._connection is None:
            raise MisusedError("there is no transaction: begin comes first")
        return self._connection

    def begin(self, *, guarded: bool) -> None:
        """See `Session.begin`."""
        self._leaves, self._guarded = [], guarded
        self.recent.begin()
        try:
            connection = self._connection or self._open()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if self._bound != self.max_pages:
                self._apply_bound(connection)
            self._faults("begin")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StorageFailure(error) from error

    def attempt(self, body: Callable[[Tx], T]) -> T:
        """See `Session.attempt`."""
        tx = SqliteTx(self._current(), self._faults, writable=True, guarded=self._guarded, recent=self.recent)
        try:
            value = body(tx)
        except BaseException:
            tx.finish(keep=False)
            raise
        tx.finish(keep=True)
        self._leaves += tx.leaves
        self.recent.merge(tx.saved)
        return value

    def seal(self) -> None:
        """See `Session.seal`: the leaves get their places, and the batch its number."""
        connection, number = self._current(), self._number if self._leaves else self._number + 1
        try:
            self._sealed = number, self._sequence(connection)
            self._faults("seal")
            if not self._leaves:  # else the size of the log says which batch was the last
                connection.execute("UPDATE batches SET number = ?", (number,))
        except sqlite3.Error as error:
            raise StorageFailure(error) from error
        self.recent.sealed()

    def commit(self) -> None:
        """See `Session.commit`. A commit that fails is never tried again on the same connection: see `_recover`."""
        connection = self._current()
        try:
            self._faults("commit")
            connection.execute("COMMIT")
            self._faults("committed")
        except sqlite3.Error as error:
            self.recent.clear()
            self._recover(error)
        except BaseException:
            self.recent.clear()
            raise
        else:
            self._number, self._frontier = self._sealed
            self.recent.commit()

    def _sequence(self, connection: sqlite3.Connection) -> Frontier:
        """Give the leaves of this batch their places, and keep the nodes that they complete."""
        if not self._leaves:
            return self._frontier
        self._faults("evidence")
        frontier, nodes = grow(self._frontier, [leaf.body for leaf in self._leaves])
        entries, subjects = log_rows(dict(enumerate(self._leaves, self._frontier.size)))
        connection.executemany("INSERT INTO entries VALUES (?, ?)", entries)
        connection.executemany("INSERT INTO subjects VALUES (?, ?)", subjects)
        rows = [(node_number(level, place), digest) for level, place, digest in nodes]
        connection.executemany("INSERT INTO nodes VALUES (?, ?)", rows)
        return frontier

    def _recover(self, error: sqlite3.Error) -> None:
        """After a failed commit nobody knows what reached the disk: look at it with a new connection.

        A failed sync may have lost pages that the system now calls clean, so the commit is not repeated. If the batch
        is there, a checkpoint writes it anew into the database file and syncs that; else the transaction is lost.
        """
        self._abandon()
        try:
            connection = self._open()
            number, frontier = self._sealed
            if (self._number, self._frontier.size) == (number, frontier.size):
                self._faults("checkpoint")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return
        except sqlite3.Error as again:
            self._abandon()
            raise StorageFailure(again) from error
        raise StorageFailure(error) from error

    def _abandon(self) -> None:
        """Drop the connection, and with it what it had not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """See `Session.close`."""
        self._abandon()


class SqliteStore:
    """`Store` in one file of one folder; `open` makes it, `close` lets go of it."""

    def __init__(self, session: SqliteSession, reader: sqlite3.Connection, lock: FolderLock) -> None:
        self._session, self._reader, self._lock = session, reader, lock
        self._writer, self._closed = Writer(session), False

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        lock: FolderLock | None = None,
        max_pages: int | None = None,
        faults: Faults = no_fault,
    ) -> Self:
        """Open or create the database file `path`, and bring its schema up to date; quick, and not async.

        The folder is locked for this process, unless its `lock` is handed in; `close` releases it either way.
        `max_pages` bounds the file (4096 bytes a page). `faults` is called with the name of each writing step, for
        tests of what happens when the disk fails. Raises `Conflict` where another process has the folder,
        `MisusedError` where a newer version wrote the database, `NotVerified` where a migration was changed,
        `Unavailable` where the disk fails or the file is none of ours.
        """
        held = lock or FolderLock.acquire(path.parent)
        try:
            _prepare(path)
            session = SqliteSession(path, max_pages=max_pages, faults=faults)
            return cls(session, connect(path, "query_only = ON"), held)
        except sqlite3.Error as error:
            held.release()
            raise explain(error) from error
        except BaseException:
            held.release()
            raise

    def limit(self, max_pages: int | None) -> None:
        """Bound the file anew, from the next transaction on; None: as far as the disk goes."""
        self._session.max_pages = max_pages

    async def run(self, body: Callable[[Tx], T], *, patience: float = 0.0) -> T:
        """See `Store.run`."""
        return await self._writer.run(body, patience)

    async def read(self, body: Callable[[Tx], T]) -> T:
        """See `Store.read`."""
        if self._closed:
            raise Unavailable("the store is closed")
        return snapshot(self._reader, body, self._session.recent)

    async def close(self) -> None:
        """See `Store.close`; closing twice is nothing."""
        if not self._closed:
            self._closed = True
            await self._writer.close()
            self._reader.close()
            self._lock.release()


def connect(path: Path, *more: str) -> sqlite3.Connection:
    """A connection with our settings; transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    try:
        for pragma in (*_PRAGMAS, *more):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def snapshot(connection: sqlite3.Connection, body: Callable[[Tx], T], recent: Recent) -> T:
    """Run a body that only reads, over one state of the database."""
    tx = SqliteTx(connection, no_fault, writable=False, recent=recent)
    try:
        return body(tx)
    except StorageFailure as failure:
        raise failure.cause from failure
    except sqlite3.Error as error:
        raise explain(error) from error
    finally:
        tx.end()
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _prepare(path: Path) -> None:
    """Make the file, for its owner only, known to its folder; then its schema."""
    if not path.exists():
        path.touch(mode=0o600)
        _sync_folder(path.parent)
    connection = connect(path)
    try:
        migrate(connection, bundled("sqlite"), where=str(path))
    finally:
        connection.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
