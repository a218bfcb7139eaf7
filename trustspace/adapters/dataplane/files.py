"""Files beneath a folder as data to publish: no way out of the folder, and no silent change of what was described."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import mimetypes
import os
import stat
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trustspace.core.errors import Forbidden, InvalidInput, NotFound, TrustspaceError, Unavailable
from trustspace.ports import Content

CHUNK: Final = 1 << 20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # NONBLOCK: a named pipe must not hold us


@dataclass(frozen=True, slots=True)
class _Identity:
    """What tells that a file is the one that was hashed: device, inode, size, time of change in nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int


class FileSource:
    """`ports.Source` of regular files beneath `root`; a reference is a relative path with `/`.

    Each part of the path is opened without following links, so that neither `..` nor a link swapped in between leads
    out. Digests are kept by the file's identity and computed off the loop.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._digests: dict[_Identity, str] = {}

    async def describe(self, reference: str) -> Content:
        """What lies there now; raises `InvalidInput`, `Forbidden`, `NotFound`, `Unavailable`."""
        digest, size = await asyncio.to_thread(self._described, reference)
        name = reference.rsplit("/", 1)[-1]
        return Content(digest, size, mimetypes.guess_type(name)[0] or "application/octet-stream", name)

    async def read(
        self, reference: str, content: Content, *, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Bytes [start, stop) in chunks of 1 MiB, one read ahead; `Unavailable` where the file is another by now."""
        end = content.size if stop is None else min(stop, content.size)
        loop = asyncio.get_running_loop()
        descriptor = await asyncio.to_thread(self._unchanged, reference, content)
        pending: asyncio.Future[bytes] | None = None
        try:
            while start < end:
                chunk = await (pending or loop.run_in_executor(None, _pread, descriptor, start, end))
                if not chunk:
                    raise _changed(reference)
                start += len(chunk)
                pending = loop.run_in_executor(None, _pread, descriptor, start, end) if start < end else None
                yield chunk
        finally:
            await _close(descriptor, pending)

    def _described(self, reference: str) -> tuple[str, int]:
        descriptor = open_beneath(self._root, reference)
        try:
            return self._digest(descriptor, reference)
        finally:
            os.close(descriptor)

    def _unchanged(self, reference: str, content: Content) -> int:
        """The open file, if it is that content."""
        descriptor = open_beneath(self._root, reference)
        try:
            if os.fstat(descriptor).st_size != content.size:
                raise _changed(reference)
            if self._digest(descriptor, reference)[0] != content.digest:
                raise _changed(reference)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _digest(self, descriptor: int, reference: str) -> tuple[str, int]:
        """SHA-256 and size of the open file; `Unavailable` where it is being written to meanwhile."""
        before = _identity(descriptor)
        known = self._digests.get(before)
        if known is None:
            known = _sha256(descriptor)
            if _identity(descriptor) != before:
                raise _changed(reference)
            self._digests[before] = known
        return known, before.size


def open_beneath(root: Path, reference: str) -> int:
    """A descriptor of the regular file at `reference` beneath `root`, opened part by part without following links."""
    *folders, name = _parts(reference)
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in folders:
                deeper = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = deeper
            return _regular(os.open(name, _FILE, dir_fd=folder), reference)
        finally:
            os.close(folder)
    except OSError as error:
        raise _not_opened(error, reference) from error


def _parts(reference: str) -> list[str]:
    parts = reference.split("/")
    if "\0" in reference or any(part in ("", ".", "..") for part in parts):
        raise InvalidInput(
            "a file is named by a path beneath its folder", where=reference, hint="no `..`, no leading `/`"
        )
    return parts


def _regular(descriptor: int, reference: str) -> int:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Forbidden("only regular files are published", where=reference)
    return descriptor


def _not_opened(error: OSError, reference: str) -> TrustspaceError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        return Forbidden("the path leads over a link or a file", where=reference, hint="publish the file itself")
    if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
        return NotFound("there is no such file", where=reference)
    return Unavailable(f"the file cannot be opened: {error.strerror}", where=reference)


def _identity(descriptor: int) -> _Identity:
    found = os.fstat(descriptor)
    return _Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _sha256(descriptor: int) -> str:
    """The digest of the whole file; runs in a thread, and lets go of the interpreter while it hashes."""
    state, offset = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, CHUNK, offset):
        state.update(chunk)
        offset += len(chunk)
    return state.hexdigest()


def _pread(descriptor: int, start: int, end: int) -> bytes:
    try:
        return os.pread(descriptor, min(CHUNK, end - start), start)
    except OSError as error:
        raise Unavailable(f"the disk failed: {error.strerror}") from error


async def _close(descriptor: int, pending: asyncio.Future[bytes] | None) -> None:
    """Close after the read ahead is through: a number closed under it might be another file's by then."""
    if pending is None or pending.done():
        os.close(descriptor)
    else:
        pending.add_done_callback(lambda _: os.close(descriptor))


def _changed(reference: str) -> Unavailable:
    return Unavailable("the file has changed since it was published", where=reference, hint="publish it again")
