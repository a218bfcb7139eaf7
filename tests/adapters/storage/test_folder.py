"""A folder belongs to one process."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trustspace.adapters.storage import FolderLock, SqliteStore
from trustspace.adapters.storage.folder import holder
from trustspace.core.errors import Conflict, Unavailable
from trustspace.testing.store_samples import increment

HOLD = """
import sys, time
from pathlib import Path
from trustspace.adapters.storage.folder import FolderLock
lock = FolderLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_second_process_is_told_who_has_the_folder_until_that_one_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Conflict, match=f"running process {child.pid}"):
            FolderLock.acquire(tmp_path)
        with pytest.raises(Conflict, match=str(child.pid)):
            SqliteStore.open(tmp_path / "space.db")
        assert holder(tmp_path) == child.pid
        child.send_signal(signal.SIGKILL)
    with FolderLock.acquire(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_lock_is_free_after_release(tmp_path: Path) -> None:
    with FolderLock.acquire(tmp_path) as lock, pytest.raises(Conflict, match=str(os.getpid())):
        FolderLock.acquire(tmp_path)
    lock.release()
    assert holder(tmp_path) is None


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        FolderLock.acquire(tmp_path / "none")


def test_store_takes_a_lock_that_is_handed_in_and_lets_go_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path / "space.db", lock=FolderLock.acquire(tmp_path))
        assert holder(tmp_path) == os.getpid()
        await store.close()

    asyncio.run(story())
    assert holder(tmp_path) is None


def test_store_that_cannot_open_lets_go_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "space.db").write_bytes(b"this is no database at all, but something longer than that" * 100)
    with pytest.raises(Unavailable, match="not a database"):
        SqliteStore.open(tmp_path / "space.db")
    assert holder(tmp_path) is None


def test_database_is_for_its_owner_only(tmp_path: Path) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path / "space.db")
        await store.run(increment)
        modes.update(_modes(tmp_path))
        await store.close()

    modes: dict[str, int] = {}
    asyncio.run(story())
    assert modes == dict.fromkeys(["space.db", "space.db-wal", "space.db-shm", "lock"], 0o600)


def _modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


def test_asking_for_the_holder_writes_nothing_and_hinders_nobody(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    assert not (tmp_path / "lock").exists()
    (tmp_path / "lock").write_text("12345\n")
    assert holder(tmp_path) is None
    assert (tmp_path / "lock").read_text() == "12345\n", "the last holder's, still"
    with (tmp_path / "lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        timer = threading.Timer(0.004, asking.close)
        timer.start()
        with FolderLock.acquire(tmp_path):
            assert holder(tmp_path) == os.getpid()
        timer.join()
