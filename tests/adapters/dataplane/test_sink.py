"""A pulled file is whole under its name or not there; what has arrived survives."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.adapters.dataplane.sink import BATCH, FileSink
from trustspace.core.errors import Conflict, InvalidInput, MisusedError, NotVerified, StorageFull, Unavailable
from trustspace.ports import Content


def content_of(data: bytes, name: str = "feed.zip") -> Content:
    return Content(hashlib.sha256(data).hexdigest(), len(data), "application/zip", name)


async def chunked(data: bytes, size: int = 1 << 20, broken: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
    if broken:
        raise Unavailable("reset")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", [0, 1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH + 5])
def test_the_file_appears_whole_and_alone(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)

    async def go() -> None:
        sink, content = FileSink(tmp_path / "feed.zip"), content_of(data)
        assert await sink.offset(content) == 0
        await sink.write(content, 0, chunked(data))
        assert "feed.zip" not in names(tmp_path)
        assert await sink.finish(content) == tmp_path / "feed.zip"

    asyncio.run(go())
    assert names(tmp_path) == ["feed.zip"]
    assert (tmp_path / "feed.zip").read_bytes() == data
    assert (tmp_path / "feed.zip").stat().st_mode & 0o777 == 0o600


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.data())
def test_broken_anywhere_and_resumed_by_another_process(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, draws: st.DataObject
) -> None:
    target = tmp_path_factory.mktemp("sink") / "feed.zip"
    content = content_of(data)

    async def go() -> None:
        while (start := await FileSink(target).offset(content)) < len(data):
            stop = draws.draw(st.integers(start + 1, len(data)))
            sink = FileSink(target)
            if stop == len(data):
                await sink.write(content, start, chunked(data[start:], 7))
            else:
                with pytest.raises(Unavailable):
                    await sink.write(content, start, chunked(data[start:stop], 7, broken=True))
            assert await sink.offset(content) == stop
        await FileSink(target).finish(content)

    asyncio.run(go())
    assert target.read_bytes() == data


def test_a_stream_that_ends_early_is_no_file(tmp_path: Path) -> None:
    async def go() -> None:
        sink, content = FileSink(tmp_path / "x"), content_of(b"whole")
        with pytest.raises(Unavailable, match="4 of 5"):
            await sink.write(content, 0, chunked(b"whol"))
        assert await sink.offset(content) == 4

    asyncio.run(go())


@pytest.mark.parametrize("wrong", [b"wh0le", b"whole and more"])
def test_wrong_bytes_leave_nothing_and_touch_nothing(tmp_path: Path, wrong: bytes) -> None:
    (tmp_path / "x").write_bytes(b"older")

    async def go() -> None:
        sink, content = FileSink(tmp_path / "x"), content_of(b"whole")
        with pytest.raises(NotVerified):
            await sink.write(content, 0, chunked(wrong))
        assert await sink.offset(content) == 0

    asyncio.run(go())
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"older"


def test_a_part_altered_on_disk_is_found_out(tmp_path: Path) -> None:
    async def go() -> None:
        content = content_of(b"whole")
        await FileSink(tmp_path / "x").write(content, 0, chunked(b"whole"))
        (tmp_path / f".x.{content.digest[:16]}.part").write_bytes(b"wh0le")
        with pytest.raises(NotVerified):
            await FileSink(tmp_path / "x").finish(content)

    asyncio.run(go())
    assert names(tmp_path) == []


def test_pulled_before_is_not_pulled_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"whole")

    async def go() -> None:
        sink, content = FileSink(tmp_path / "x"), content_of(b"whole")
        assert await sink.offset(content) == 5
        assert await sink.finish(content) == tmp_path / "x"
        assert await sink.offset(content_of(b"other")) == 0

    asyncio.run(go())


def test_two_at_once_on_one_file(tmp_path: Path) -> None:
    async def go() -> None:
        content, more = content_of(b"whole"), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"who"
            await more.wait()
            yield b"le"

        first = asyncio.create_task(FileSink(tmp_path / "x").write(content, 0, slow()))
        await asyncio.sleep(0.1)
        with pytest.raises(Conflict):
            await FileSink(tmp_path / "x").write(content, 0, chunked(b"whole"))
        more.set()
        await first

    asyncio.run(go())


def test_a_cancelled_pull_lets_go_of_the_file(tmp_path: Path) -> None:
    async def go() -> None:
        data = os.urandom(2 * BATCH)
        content = content_of(data)

        async def endless() -> AsyncIterator[bytes]:
            yield data[:-1]
            await asyncio.sleep(60)

        task = asyncio.create_task(FileSink(tmp_path / "x").write(content, 0, endless()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)
        sink = FileSink(tmp_path / "x")
        start = await sink.offset(content)
        await sink.write(content, start, chunked(data[start:]))
        assert (await sink.finish(content)).read_bytes() == data

    asyncio.run(go())


def test_used_wrongly(tmp_path: Path) -> None:
    content = content_of(b"whole")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none" / "x", tmp_path / "folder"):
        with pytest.raises(MisusedError):
            asyncio.run(FileSink(path).offset(content))
    with pytest.raises(InvalidInput, match="3 bytes"):
        asyncio.run(FileSink(tmp_path / "x").write(content, 3, chunked(b"le")))


def test_a_link_at_the_part_is_not_followed(tmp_path: Path) -> None:
    content = content_of(b"whole")
    (tmp_path / f".x.{content.digest[:16]}.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        asyncio.run(FileSink(tmp_path / "x").write(content, 0, chunked(b"whole")))
    assert "elsewhere" not in names(tmp_path)


def test_a_name_of_85_chinese_characters(tmp_path: Path) -> None:
    async def go() -> None:
        name = "公" * 85
        sink, content = FileSink(tmp_path / name), content_of(b"whole")
        await sink.write(content, 0, chunked(b"whole"))
        assert (await sink.finish(content)).name == name

    asyncio.run(go())


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from tests.adapters.dataplane.test_sink import content_of, chunked
from trustspace.adapters.dataplane.sink import FileSink
from trustspace.core.errors import StorageFull
data, target = bytes(9 << 20), Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def go():
    sink, content = FileSink(target), content_of(data)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 << 20, resource.RLIM_INFINITY))
    try:
        await sink.write(content, 0, chunked(data))
    except StorageFull as error:
        print("full at", await sink.offset(content), error.hint)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    start = await sink.offset(content)
    await sink.write(content, start, chunked(data[start:]))
    await sink.finish(content)
asyncio.run(go())
"""

BIG = """
import asyncio, resource, sys
from pathlib import Path
from trustspace.adapters.dataplane.files import FileSource
from trustspace.adapters.dataplane.sink import FileSink
async def go(folder):
    source = FileSource(folder)
    content = await source.describe("big")
    sink = FileSink(folder / "copy")
    await sink.write(content, 0, source.read("big", content))
    await sink.finish(content)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
asyncio.run(go(Path(sys.argv[1])))
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def child(code: str, argument: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code, str(argument)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_keeps_what_came_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    assert child(FULL, tmp_path / "x").startswith(f"full at {5 << 20} make room")
    assert (tmp_path / "x").read_bytes() == bytes(9 << 20)
    assert issubclass(StorageFull, Unavailable)


def test_memory_is_flat_whatever_the_size(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(256 << 20)
    unit = 1 if sys.platform == "darwin" else 1024
    before, peak = (int(text) * unit for text in child(BIG, tmp_path).split())
    assert peak - before < 40 << 20
