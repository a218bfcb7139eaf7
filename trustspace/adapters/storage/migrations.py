"""How a database comes to its present shape: numbered SQL scripts, each run once, never changed afterwards."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from trustspace.core.canon import digest
from trustspace.core.errors import MisusedError, NotVerified

_NAME: Final = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Script:
    """One step: its number (from 1, without gaps), what it is for, and its SQL."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, in hexadecimal."""
        return digest(self.sql.encode())


def bundled(dialect: str) -> list[Script]:
    """The scripts that this version of the library brings for `sqlite` or another dialect, in order."""
    folder = resources.files(__package__) / "schema" / dialect
    found = [(match, file) for file in folder.iterdir() if (match := _NAME.fullmatch(file.name))]
    scripts = [Script(int(match[1]), match[2], file.read_text(encoding="utf-8")) for match, file in found]
    return sorted(scripts, key=lambda script: script.version)


def migrate(connection: sqlite3.Connection, scripts: Sequence[Script], *, where: str = "") -> int:
    """Bring the database to the last script, all in one transaction; returns how many scripts were run.

    Raises `MisusedError` where a newer version of the library wrote it, `NotVerified` where a script that was run has
    another checksum now. Either way nothing was changed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = _done(connection)
        _check(done, scripts, where)
        for script in scripts[len(done) :]:
            _run(connection, script)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK") if connection.in_transaction else None
        raise
    return len(scripts) - len(done)


def _done(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_versions"
        " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"
    )
    return connection.execute("SELECT version, checksum FROM schema_versions ORDER BY version").fetchall()


def _check(done: Sequence[tuple[int, str]], scripts: Sequence[Script], where: str) -> None:
    if len(done) > len(scripts):
        raise MisusedError(
            f"the database is of version {done[-1][0]}, this library knows version {len(scripts)}",
            where=where,
            hint="upgrade trustspace, or restore the backup that was made before",
        )
    for (version, checksum), script in zip(done, scripts, strict=False):
        if (version, checksum) != (script.version, script.checksum):
            raise NotVerified(
                f"migration {script.version} ({script.name}) is not the one that was run", where=where,
                hint="install an unchanged trustspace; a changed schema takes a new script",
            )  # fmt: skip


def _run(connection: sqlite3.Connection, script: Script) -> None:
    for statement in statements(script.sql):
        connection.execute(statement)
    connection.execute("INSERT INTO schema_versions VALUES (?, ?, ?)", (script.version, script.name, script.checksum))


def statements(sql: str) -> Iterator[str]:
    """The single statements of a script (`executescript` would end our transaction)."""
    part = ""
    for line in sql.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""
    if part.strip():
        raise MisusedError("a migration ends within a statement", hint=part.strip()[:80])
