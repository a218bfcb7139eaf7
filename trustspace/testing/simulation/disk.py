"""A disk that outlives its node: what was committed is there in the next life, what waited for its commit is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from trustspace.adapters.storage.memory import MemoryStore, Tables
from trustspace.core.errors import StorageFull, Unavailable
from trustspace.ports import Tx

if TYPE_CHECKING:
    from trustspace.testing.simulation.nodes import Life

T = TypeVar("T")
Body = Callable[[Tx], T]
WRITES: Final = ("save", "index", "reply", "once", "keep", "outbox", "sent", "postpone", "evidence", "purge")


class Disk:
    """The durable half. Each writing body is rehearsed: done, undone and done again."""

    def __init__(self) -> None:
        self.wipe()

    def wipe(self) -> None:
        """Lose everything."""
        self.restore(Tables())

    def restore(self, tables: Tables) -> None:
        """Be as this backup was."""
        self.tables = tables
        self.store = MemoryStore(rehearse=True, tables=tables)

    def backup(self) -> Tables:
        """A copy of all that is durable now; rows themselves never change."""
        return Tables(**{field.name: _copied(getattr(self.tables, field.name)) for field in fields(Tables)})


def _copied(table: Any) -> Any:
    """A table of its own, of the same rows."""
    if isinstance(table, dict):
        return {key: _copied(row) if isinstance(row, dict) else row for key, row in table.items()}
    return list(table) if isinstance(table, list) else table


class LifeStore:
    """`ports.Store` for one life of a node: commits take time, and may fail or be the last thing that it does."""

    def __init__(self, life: Life, disk: Disk, around: Callable[[Tx], Tx]) -> None:
        self._life, self._disk, self._around = life, disk, around

    async def run(self, body: Body[T], *, patience: float = 0.0) -> T:
        """See `Store.run`."""
        plan = self._life.plan
        await self._life.step()
        await asyncio.sleep(patience + plan.commit())
        await self._life.step()
        written = self._broken(body) if plan.happens("write failed", plan.odds.disk) else body
        try:
            value = await self._disk.store.run(lambda tx: written(self._around(tx)))
        finally:
            self._life.committed()
        await self._life.step()  # durable, and nobody knows it yet
        await asyncio.sleep(plan.commit())
        await self._life.step()
        return value

    async def read(self, body: Body[T]) -> T:
        """See `Store.read`."""
        await self._life.step(alive=True)
        await asyncio.sleep(0)
        return await self._disk.store.read(body)

    async def close(self) -> None:
        """Nothing is held."""

    def _broken(self, body: Body[T]) -> Body[T]:
        """The body on a disk whose n-th write fails, or which is full."""
        dice = self._life.plan.random("disk")
        number, full = dice.randint(1, 6), dice.random() < 0.5
        error = StorageFull("there is no room to store this") if full else Unavailable("the storage failed")

        def broken(tx: Tx) -> T:
            body(cast(Tx, _Failing(tx, number, error)))
            raise error  # fewer writes than that: the commit itself fails

        return broken


class _Failing:
    """A transaction whose n-th write raises."""

    def __init__(self, tx: Tx, number: int, error: Exception) -> None:
        self._tx, self._left, self._error = tx, number, error

    def __getattr__(self, name: str) -> Any:
        if name in WRITES:
            self._left -= 1
            if self._left <= 0:
                raise self._error
        return getattr(self._tx, name)
