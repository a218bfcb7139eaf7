"""A database comes to its present shape, or stays as it was."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trustspace.adapters.storage import SqliteStore
from trustspace.adapters.storage.migrations import Script, bundled, migrate
from trustspace.core.errors import MisusedError, NotVerified

FIRST = Script(1, "first", "CREATE TABLE a (x TEXT); -- one; only\nINSERT INTO a VALUES ('a;b');\n")
SECOND = Script(2, "second", "ALTER TABLE a ADD COLUMN y TEXT;\nUPDATE a SET y = x;\n")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    yield made
    made.close()


def test_scripts_run_once_in_order(connection: sqlite3.Connection) -> None:
    assert migrate(connection, [FIRST]) == 1
    assert migrate(connection, [FIRST, SECOND]) == 1
    assert migrate(connection, [FIRST, SECOND]) == 0
    assert connection.execute("SELECT x, y FROM a").fetchall() == [("a;b", "a;b")]


def test_failing_script_leaves_nothing(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        migrate(connection, [FIRST, replace(SECOND, sql=SECOND.sql + "DROP TABLE none;\n")])
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_newer_database_is_not_touched(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, SECOND])
    with pytest.raises(MisusedError, match=r"version 2, this library knows version 1 \(upgrade trustspace"):
        migrate(connection, [FIRST])


def test_changed_script_is_found(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST])
    with pytest.raises(NotVerified, match=r"migration 1 \(first\) is not the one that was run"):
        migrate(connection, [replace(FIRST, sql=FIRST.sql + "\n"), SECOND])


def test_unfinished_statement_is_a_mistake_of_the_script(connection: sqlite3.Connection) -> None:
    with pytest.raises(MisusedError, match="within a statement"):
        migrate(connection, [replace(FIRST, sql="CREATE TABLE a (x TEXT")])


def test_bundled_scripts_are_numbered_without_gaps() -> None:
    scripts = bundled("sqlite")
    assert [script.version for script in scripts] == list(range(1, len(scripts) + 1))


def test_store_names_the_database_that_is_too_new(tmp_path: Path) -> None:
    path = tmp_path / "space.db"
    asyncio.run(_open_and_close(path))
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO schema_versions VALUES (9999, 'later', '')")
    raw.close()
    with pytest.raises(MisusedError, match=r"space\.db: the database is of version 9999"):
        asyncio.run(_open_and_close(path))


async def _open_and_close(path: Path) -> None:
    await SqliteStore.open(path).close()
