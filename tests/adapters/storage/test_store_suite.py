"""Every store keeps the same promises."""

from __future__ import annotations

from pathlib import Path

from trustspace.adapters.storage import MemoryStore, SqliteStore
from trustspace.ports import Store
from trustspace.testing.store_suite import StoreSuite


class TestSqliteStore(StoreSuite):
    def open_store(self, folder: Path) -> Store:
        return SqliteStore.open(folder / "space.db")


class TestMemoryStore(StoreSuite):
    rehearse = False

    def open_store(self, folder: Path) -> Store:
        stores: dict[Path, MemoryStore] = self.__dict__.setdefault("stores", {})
        store = stores.setdefault(folder, MemoryStore(rehearse=self.rehearse))
        store.reopen()
        return store


class TestRehearsingMemoryStore(TestMemoryStore):
    rehearse = True
