"""Keys behind the `Signer` port: files on disk, and seeds for tests."""

from __future__ import annotations

from trustspace.adapters.keys.file import FileKey, find_passphrase
from trustspace.adapters.keys.memory import MemoryKey

__all__ = ["FileKey", "MemoryKey", "find_passphrase"]
