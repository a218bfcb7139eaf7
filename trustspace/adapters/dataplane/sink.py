"""Where pulled data lands: a part file beside the target, hashed as it is written, named only when it is whole.

One batch is hashed and written in threads while the next one comes in: hashing and writing let go of the interpreter,
so that the loop goes on receiving, and two batches are all that is ever in memory.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from trustspace.core.errors import Conflict, InvalidInput, MisusedError, NotVerified, StorageFull, Unavailable
from trustspace.ports import Content

BATCH: Final = 4 << 20
_CHUNK: Final = 1 << 20
_SYNC: Final = 64 << 20
_NAME_BYTES: Final = 255
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FileSink:
    """`ports.Sink` into one file. What has arrived of a content survives in `.<name>.<digest>.part` beside it.

    Files are made with mode 0600: the data is under a contract.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._verified = ""

    async def offset(self, content: Content) -> int:
        """How many bytes are here: of the part, or all where the target is this content already."""
        return await asyncio.to_thread(self._offset, content)

    async def write(self, content: Content, start: int, chunks: AsyncIterator[bytes]) -> None:
        """Write from `start` on; what an earlier attempt left is hashed again first.

        Raises `NotVerified` where digest or size are wrong (nothing is left then), `StorageFull` and `Unavailable`
        where the disk or the stream ends early (the part stays, for a later attempt), `Conflict` where another
        process is writing it.
        """
        part = await asyncio.to_thread(_Part, self._part(content), content, start)
        batches = _Batches(part)
        try:
            await _pour(batches, chunks)
            await asyncio.to_thread(part.verify)
            self._verified = content.digest
        finally:
            batches.close()

    async def finish(self, content: Content) -> Path:
        """Give the verified part its name, durably. Raises `NotVerified` where it is not that content."""
        await asyncio.to_thread(self._finish, content)
        return self._path

    def _part(self, content: Content) -> Path:
        """Short enough for any file system: a Chinese name of 80 characters has 240 bytes already."""
        name = f".{self._path.name}.{content.digest[:16]}.part"
        if len(os.fsencode(name)) > _NAME_BYTES:
            name = f".{content.digest}.part"
        return self._path.with_name(name)

    def _offset(self, content: Content) -> int:
        if not self._path.parent.is_dir():
            raise MisusedError("there is no such folder", where=str(self._path.parent), hint="create it first")
        if self._path.is_dir():
            raise MisusedError("this is a folder", where=str(self._path), hint="name the file to write")
        if _is(self._path, content):
            return content.size
        with suppress(FileNotFoundError):
            return min(self._part(content).stat().st_size, content.size)
        return 0

    def _finish(self, content: Content) -> None:
        part = self._part(content)
        if not part.exists() and _is(self._path, content):
            return
        if self._verified != content.digest and not _is(part, content):
            part.unlink(missing_ok=True)
            raise NotVerified("the file is not what was announced", where=str(self._path), hint="pull it again")
        try:
            _sync(part)
            part.replace(self._path)
            _sync(self._path.parent)
        except OSError as error:
            raise _disk_error(error, self._path) from error


class _Part:
    """The open part file and the hash of all that is in it; every method blocks, and runs in a thread."""

    def __init__(self, path: Path, content: Content, start: int) -> None:
        self.path, self.content, self.position = path, content, start
        self._hash = hashlib.sha256()
        self._descriptor = _open(path)
        try:
            self._lock()
            self._resume(start)
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            hint = "wait for the other one, or save under another name"
            raise Conflict("this file is being pulled already", where=str(self.path), hint=hint) from error

    def _resume(self, start: int) -> None:
        if os.fstat(self._descriptor).st_size < start:
            raise InvalidInput(f"there are no {start} bytes to go on from", where=str(self.path))
        os.ftruncate(self._descriptor, start)
        while chunk := os.read(self._descriptor, _CHUNK):  # leaves the descriptor at `start`
            self._hash.update(chunk)

    def hash(self, batch: memoryview) -> None:
        self._hash.update(batch)

    def append(self, batch: memoryview) -> None:
        self.position += len(batch)
        if self.position > self.content.size:
            self._discard("more bytes came than were announced")
        try:
            while batch:
                batch = batch[os.write(self._descriptor, batch) :]
        except OSError as error:
            raise _disk_error(error, self.path) from error

    def sync(self) -> None:
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise _disk_error(error, self.path) from error

    def verify(self) -> None:
        if self.position < self.content.size:
            what = f"the stream ended after {self.position} of {self.content.size} bytes"
            raise Unavailable(what, where=str(self.path), hint="try again: what has arrived is kept")
        if self._hash.hexdigest() != self.content.digest:
            self._discard(f"the SHA-256 is {self._hash.hexdigest()}, announced was {self.content.digest}")

    def _discard(self, what: str) -> None:
        self.path.unlink(missing_ok=True)
        raise NotVerified(what, where=str(self.path), hint="nothing was kept; ask the provider")

    def close(self) -> None:
        os.close(self._descriptor)


class _Batches:
    """Two buffers, used in turns: one fills on the loop while the other is hashed and written in two threads.

    Few large steps, because a thread that comes back from hashing or writing waits for the interpreter each time; and
    always the same memory. The disk is set to work early, so that the last fsync has little left to do.
    """

    def __init__(self, part: _Part) -> None:
        self._part = part
        self._filling, self._other, self._filled = bytearray(BATCH), bytearray(BATCH), 0
        self._busy: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Future[None] | None = None
        self._synced = part.position

    async def add(self, chunk: bytes) -> None:
        """Take a chunk of any size."""
        view = memoryview(chunk)
        while view:
            step = min(len(view), BATCH - self._filled)
            self._filling[self._filled : self._filled + step] = view[:step]
            self._filled += step
            view = view[step:]
            if self._filled == BATCH:
                await self._turn()

    async def drain(self) -> None:
        """Wait until all that was added is hashed and written."""
        if self._filled:
            await self._turn()
        await self._written()
        if self._syncing is not None:
            await asyncio.shield(self._syncing)

    def close(self) -> None:
        """Close the part as soon as no thread uses it: a cancelled caller does not wait for that."""
        running = [future for future in (*self._busy, self._syncing) if future is not None and not future.done()]
        if running:
            asyncio.gather(*running, return_exceptions=True).add_done_callback(lambda _: self._part.close())
        else:
            self._part.close()

    async def _turn(self) -> None:
        """Hand the full buffer to the threads when they are through with the other one."""
        await self._written()
        batch = memoryview(self._filling)[: self._filled]
        self._busy = [_in_thread(self._part.hash, batch), _in_thread(self._part.append, batch)]
        self._filling, self._other, self._filled = self._other, self._filling, 0

    async def _written(self) -> None:
        for future in self._busy:
            await asyncio.shield(future)
        if self._part.position - self._synced >= _SYNC and (self._syncing is None or self._syncing.done()):
            if self._syncing is not None:
                self._syncing.result()
            self._syncing, self._synced = _in_thread(self._part.sync), self._part.position


async def _pour(batches: _Batches, chunks: AsyncIterator[bytes]) -> None:
    """Write all chunks; where the stream fails, what has arrived before is written all the same."""
    try:
        async for chunk in chunks:
            await batches.add(chunk)
    except Exception:
        await batches.drain()
        raise
    await batches.drain()


def _in_thread(work: Callable[..., None], *arguments: memoryview) -> asyncio.Future[None]:
    return asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _disk_error(error, path) from error


def _is(path: Path, content: Content) -> bool:
    """Whether that file is there and is this content."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != content.size:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == content.digest
    except OSError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_error(error: OSError, path: Path) -> Unavailable:
    if error.errno in _FULL:
        return StorageFull(
            "the disk has no room", where=str(path), hint="make room and pull again: it goes on from here"
        )
    return Unavailable(f"the disk refuses: {error.strerror}", where=str(path), hint="check the folder's owner and mode")
