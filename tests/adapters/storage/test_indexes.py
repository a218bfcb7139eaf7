"""What is looked for is found by its index: it costs no more however many others there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import pytest

from trustspace.adapters.storage import SqliteStore
from trustspace.adapters.storage.sqlite import connect
from trustspace.adapters.storage.transaction import SqliteTx
from trustspace.core.record import Record
from trustspace.ports import Tx

pytestmark = pytest.mark.anyio

MANY: Final = 3000
STEPS: Final = 1000
"""SQLite's own steps that any of these may take; a walk past all the others takes far more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk(Record):
    """A record found by two fields."""

    KIND: ClassVar[str] = "talk"
    INDEX: ClassVar[tuple[str, ...]] = ("state", "todo")

    state: str
    todo: str = ""


def ended(tx: Tx) -> None:
    """Many that have ended, and two that have not."""
    for number in range(MANY):
        tx.save(Talk(key=f"old {number:05}", state="ENDED"), expect=0)
    tx.save(Talk(key="new 1", state="OPEN", todo="decide"), expect=0)
    tx.save(Talk(key="new 2", state="OPEN"), expect=0)


LOOKS: Final[dict[str, Callable[[Tx], object]]] = {
    "find": lambda tx: [one.key for one in tx.find(Talk, state="OPEN")] == ["new 1", "new 2"],
    "find by two": lambda tx: [one.key for one in tx.find(Talk, state="OPEN", todo="decide")] == ["new 1"],
    "find nothing": lambda tx: tx.find(Talk, state="NEVER") == [],
    "count": lambda tx: tx.count(Talk, state="OPEN") == 2,
    "a page": lambda tx: [one.key for one in tx.page(Talk, "state", ["NEVER", "OPEN"])] == ["new 1", "new 2"],
    "the next page": lambda tx: [one.key for one in tx.page(Talk, "state", ["OPEN"], after="new 1")] == ["new 2"],
    "the page before": lambda tx: [one.key for one in tx.page(Talk, "state", ["OPEN"], before="new 2")] == ["new 1"],
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("indexes") / "store.sqlite"
    store = SqliteStore.open(path)
    await store.run(ended)
    await store.close()
    return path


@pytest.mark.parametrize("look", LOOKS)
async def test_what_has_ended_is_not_walked_past(database: Path, look: str) -> None:
    connection, steps = connect(database, "query_only = ON"), list[int]()
    connection.set_progress_handler(lambda: steps.append(1), 1)
    try:
        assert LOOKS[look](SqliteTx(connection, lambda _: None, writable=False))
    finally:
        connection.close()
    assert len(steps) < STEPS


async def test_values_are_told_from_the_empty_one(database: Path) -> None:
    store = SqliteStore.open(database)
    try:
        assert await store.read(lambda tx: tx.values(Talk, "state")) == ["ENDED", "OPEN"]
        assert await store.read(lambda tx: tx.values(Talk, "todo")) == ["", "decide"]
    finally:
        await store.close()
