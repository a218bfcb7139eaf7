"""Files beneath a folder: nothing outside it, nothing that has changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest

from trustspace.adapters.dataplane.files import CHUNK, FileSource
from trustspace.core.errors import Forbidden, InvalidInput, NotFound, TrustspaceError, Unavailable
from trustspace.ports import Content


async def gathered(source: FileSource, content: Content, reference: str, **span: int) -> list[bytes]:
    return [chunk async for chunk in source.read(reference, content, **span)]


def test_what_is_described_is_what_is_read(tmp_path: Path) -> None:
    data = os.urandom(2 * CHUNK + 17)
    (tmp_path / "bus").mkdir()
    (tmp_path / "bus" / "时刻表.zip").write_bytes(data)

    async def go() -> None:
        source = FileSource(tmp_path)
        content = await source.describe("bus/时刻表.zip")
        assert content == Content(hashlib.sha256(data).hexdigest(), len(data), "application/zip", "时刻表.zip")
        chunks = await gathered(source, content, "bus/时刻表.zip")
        assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 17]
        assert b"".join(chunks) == data
        part = await gathered(source, content, "bus/时刻表.zip", start=5, stop=CHUNK + 9)
        assert b"".join(part) == data[5 : CHUNK + 9]
        assert await gathered(source, content, "bus/时刻表.zip", start=7, stop=7) == []
        assert b"".join(await gathered(FileSource(tmp_path), content, "bus/时刻表.zip")) == data

    asyncio.run(go())


OUTSIDE = [
    "", ".", "..", "/etc/passwd", "../secret", "a/../../secret", "a/..", "./a", "a//b", "a/", "a\0b",
    "link", "linked/secret", "loop", "pipe", "folder", "file/x", "none", "x" * 300, "folder/none",
]  # fmt: skip


@pytest.mark.parametrize("reference", OUTSIDE)
def test_no_way_out(tmp_path: Path, reference: str) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (root / "file").write_text("x")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "linked").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    with pytest.raises((InvalidInput, Forbidden, NotFound)):
        asyncio.run(FileSource(root).describe(reference))


def test_a_link_swapped_in_between_never_leads_out(tmp_path: Path) -> None:
    root, stop = tmp_path / "root", threading.Event()
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (root / "file").write_text("public")

    def swap() -> None:
        while not stop.is_set():
            (root / "new").symlink_to(tmp_path / "secret")
            (root / "new").replace(root / "file")
            (root / "new").write_text("public")
            (root / "new").replace(root / "file")

    async def go() -> set[str]:
        source, seen = FileSource(root), set[str]()
        for _ in range(300):
            try:
                content = await source.describe("file")
                seen.update(chunk.decode() for chunk in await gathered(source, content, "file"))
            except TrustspaceError:
                continue
        return seen

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        assert asyncio.run(go()) <= {"public"}
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("change", ["touch", "grow", "shrink", "replace", "remove"])
def test_a_file_that_changed_is_not_served(tmp_path: Path, change: str) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(b"first")
    source = FileSource(tmp_path)
    content = asyncio.run(source.describe("feed.zip"))
    changes = {"touch": b"other", "grow": b"first and more", "shrink": b"f"}
    if change in changes:
        path.write_bytes(changes[change])
        os.utime(path, ns=(1, 1))
    else:
        path.unlink()
    if change == "replace":
        path.write_bytes(b"third")
    with pytest.raises(NotFound if change == "remove" else Unavailable):
        asyncio.run(gathered(source, content, "feed.zip"))


def test_a_file_that_shrinks_under_a_running_stream(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 4 * CHUNK)

    async def go() -> None:
        source = FileSource(tmp_path)
        content = await source.describe("big")
        chunks = source.read("big", content)
        await anext(chunks)
        os.truncate(path, CHUNK)
        with pytest.raises(Unavailable, match="changed"):
            [chunk async for chunk in chunks]  # one may have been read ahead

    asyncio.run(go())


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_a_reader_that_leaves_early_holds_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 4 * CHUNK)

    async def go() -> None:
        source = FileSource(tmp_path)
        content = await source.describe("big")
        before = descriptors()
        for _ in range(20):
            chunks = source.read("big", content)
            await anext(chunks)
            await chunks.aclose()
        await asyncio.sleep(0.05)
        assert descriptors() <= before

    asyncio.run(go())
