"""A folder belongs to one process: a lock that ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from trustspace.core.errors import Conflict, Unavailable

NAME: Final = "lock"
"""The file in the folder that is locked; it holds the process id of the last holder."""
ATTEMPTS: Final = 5
PAUSE: Final = 0.002
"""How often, and after how many seconds, a lock that is taken is tried again."""


class FolderLock:
    """The lock on a folder, held from `acquire` until `release`, the end of a `with`, or the end of the process.

    It is a `flock` on `FOLDER/lock`: the system lets go of it even after `kill -9`. A file system that cannot lock is
    refused, since two writers would each believe to be alone.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Take the lock; `Conflict` names the process that has it, `Unavailable` where the folder cannot be used."""
        path = folder / NAME
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"the folder cannot be used: {error.strerror}", where=str(folder)) from error
        try:
            _lock(folder, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(folder, descriptor)

    def release(self) -> None:
        """Let go of the folder; the file stays, since removing it would race with the next holder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _lock(folder: Path, descriptor: int) -> None:
    try:
        _take(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        raise Conflict(
            f"the folder belongs to the running process {holder}", where=str(folder), hint="stop it, or be its client"
        ) from error
    except OSError as error:
        raise Unavailable(f"the folder cannot be locked: {error.strerror}", where=str(folder)) from error


def _take(descriptor: int) -> None:
    """The lock for ourselves; whoever asks for the `holder` at this very moment is waited for, briefly."""
    for left in range(ATTEMPTS, 0, -1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left == 1:
                raise
            time.sleep(PAUSE)
        else:
            return


def holder(folder: Path) -> int | None:
    """The process that holds the folder now, or None; asking writes nothing, and does not make the folder ours."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        return int(text) if text.isdecimal() else None
    finally:
        os.close(descriptor)
    return None
