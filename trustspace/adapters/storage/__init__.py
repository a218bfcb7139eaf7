"""Stores: SQLite in a folder, and memory for tests; a folder belongs to one process."""

from trustspace.adapters.storage.folder import FolderLock
from trustspace.adapters.storage.memory import MemoryStore
from trustspace.adapters.storage.sqlite import SqliteStore

__all__ = ["FolderLock", "MemoryStore", "SqliteStore"]
