"""What happens when the process dies, the disk is full, or any single step of writing fails."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trustspace.adapters.storage import SqliteStore
from trustspace.core.errors import StorageFull, Unavailable
from trustspace.ports import Leaf, Tx
from trustspace.testing.store_samples import Note, increment, merkle

CHILD = Path(__file__).with_name("child.py")


def state(folder: Path) -> tuple[int, list[int]]:
    """The counter, and the numbers in the log, after a new start; the nodes are those of the leaves."""

    async def look() -> tuple[int, list[int]]:
        store = SqliteStore.open(folder / "space.db")
        try:
            return await store.read(_look)
        finally:
            await store.close()

    return asyncio.run(look())


def _look(tx: Tx) -> tuple[int, list[int]]:
    note, leaves = tx.get(Note, "n"), [entry.body for entry in tx.entries("n")]
    size = len(leaves)
    for level in range(size.bit_length()):
        last = (size >> level) - 1
        part = leaves[last << level : (last + 1) << level]
        assert tx.node(level, last) == merkle(part)
    return note.count if note else 0, [int(leaf) for leaf in leaves]


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    chance, acknowledged = random.Random(7), 0
    for _ in range(15):
        with subprocess.Popen(
            [sys.executable, CHILD, tmp_path / "space.db"], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(chance.uniform(0, 0.05))
            child.send_signal(signal.SIGKILL)
            told = [int(line) for line in (first + child.stdout.read()).split("\n")[:-1]]
        acknowledged = max(acknowledged, *told)
        count, log = state(tmp_path)
        assert count >= acknowledged
        assert log == list(range(1, count + 1))
    assert acknowledged > 15


async def settled(store: SqliteStore, body: Callable[[Tx], object]) -> type:
    """Of which sort the outcome is."""
    [outcome] = await asyncio.gather(store.run(body), return_exceptions=True)
    return type(outcome)


def big(key: str, size: int) -> Callable[[Tx], object]:
    return lambda tx: tx.save(Note(key=key, owner="x" * size), expect=0)


def test_full_disk_fails_only_who_needs_the_room(tmp_path: Path) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path / "space.db", max_pages=60)
        bodies: list[Callable[[Tx], Any]] = [increment] * 64
        bodies[20] = big("big", 1_000_000)
        outcomes = await asyncio.gather(*map(store.run, bodies), return_exceptions=True)
        assert isinstance(outcomes[20], StorageFull)
        assert sorted(n for n in outcomes if isinstance(n, int)) == list(range(1, 64))
        store.limit(None)
        await store.run(bodies[20])
        assert await store.run(increment) == 64
        await store.close()

    asyncio.run(story())
    assert state(tmp_path) == (64, list(range(1, 65)))


def test_full_disk_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def story() -> int:
        store = SqliteStore.open(tmp_path / "space.db", max_pages=60)
        outcomes = [await settled(store, big(f"k{n}", 5000)) for n in range(40)]
        kept = outcomes.index(StorageFull)
        assert set(outcomes[kept:]) == {StorageFull}
        assert await store.read(lambda tx: tx.count(Note)) == kept > 0
        store.limit(1000)
        await store.run(big(f"k{kept}", 5000))
        assert await store.read(lambda tx: tx.count(Note)) == kept + 1
        await store.close()
        return kept

    asyncio.run(story())


def test_body_that_hides_the_failure_is_not_acknowledged(tmp_path: Path) -> None:
    def hiding(tx: Tx) -> str:
        for key in ("big", "small"):
            try:
                big(key, 1_000_000 if key == "big" else 1)(tx)
            except Exception:
                continue
        return "done"

    async def story() -> None:
        store = SqliteStore.open(tmp_path / "space.db", max_pages=60)
        with pytest.raises(StorageFull):
            await store.run(hiding)
        assert await store.read(lambda tx: tx.count(Note)) == 0
        await store.close()

    asyncio.run(story())


class Failing:
    """The disk fails once, at the n-th step; afterwards it works."""

    def __init__(self, step: int, code: int) -> None:
        self.left, self.code, self.failed = step, code, ""

    def __call__(self, step: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.failed = step
            error = sqlite3.OperationalError(f"injected at {step}")
            error.sqlite_errorcode = self.code
            raise error


async def storm(folder: Path, faults: Failing) -> list[int]:
    """Twelve increments, three at a time; returns the numbers that were acknowledged."""
    try:
        store = SqliteStore.open(folder / "space.db", faults=faults)
    except Unavailable:
        return []
    acknowledged = []
    for _ in range(4):
        outcomes = await asyncio.gather(*[store.run(increment) for _ in range(3)], return_exceptions=True)
        acknowledged += [number for number in outcomes if isinstance(number, int)]
        assert all(isinstance(outcome, (int, Unavailable)) for outcome in outcomes)
    await store.close()
    return acknowledged


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_FULL])
def test_nth_failing_step_loses_nothing_and_halves_nothing(tmp_path: Path, code: int) -> None:
    failed = set[str]()
    for step in range(1, 200):
        folder = tmp_path / str(step)
        folder.mkdir()
        faults = Failing(step, code)
        acknowledged = asyncio.run(storm(folder, faults))
        count, log = state(folder)
        assert log == list(range(1, count + 1))
        assert sorted(acknowledged) == log  # each once, and nothing that was refused
        failed.add(faults.failed)
        if not faults.failed:
            break
    assert failed == {"", "open", "begin", "write", "evidence", "seal", "commit", "committed"}


class Broken:
    """The disk fails at every step of one name, from the first of them on, until it is mended."""

    def __init__(self, *steps: str) -> None:
        self.steps = steps

    def __call__(self, step: str) -> None:
        if step in self.steps:
            raise sqlite3.OperationalError(f"disk I/O error at {step}")


@pytest.mark.parametrize(
    "steps", [("begin",), ("write",), ("commit",), ("commit", "open"), ("committed", "checkpoint")]
)
def test_broken_disk_refuses_until_it_is_mended(tmp_path: Path, steps: tuple[str, ...]) -> None:
    async def story() -> int:
        faults = Broken()
        store = SqliteStore.open(tmp_path / "space.db", faults=faults)
        await store.run(increment)
        faults.steps = steps
        for _ in range(3):
            with pytest.raises(Unavailable, match=r"disk I/O error.*look at the disk"):
                await store.run(increment)
        assert await store.read(lambda tx: tx.log_size()) >= 1
        faults.steps = ()
        last = await store.run(increment)
        await store.close()
        return last

    last = asyncio.run(story())
    assert state(tmp_path) == (last, list(range(1, last + 1)))
    assert last == 2 or "committed" in steps  # where it had been committed, nobody was told so


def test_batch_that_was_committed_all_the_same_counts_once(tmp_path: Path) -> None:
    async def story() -> list[int]:
        faults = Broken()
        store = SqliteStore.open(tmp_path / "space.db", faults=faults)
        faults.steps = ("committed",)
        numbers = await asyncio.gather(*[store.run(increment) for _ in range(8)])
        await store.close()
        return numbers

    assert sorted(asyncio.run(story())) == list(range(1, 9))
    assert state(tmp_path) == (8, list(range(1, 9)))


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from trustspace.adapters.storage import SqliteStore
from trustspace.core.errors import Unavailable
from trustspace.testing.store_samples import Note, increment

async def main(path):
    store = SqliteStore.open(path)
    await store.run(increment)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    try:
        await store.run(lambda tx: tx.save(Note(key="big", owner="x" * 400_000), expect=0))
        print("kept")
    except Unavailable as error:
        print("refused:", error)
    print(await store.run(increment))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.run(lambda tx: tx.save(Note(key="big", owner="x" * 400_000), expect=0))
    print(await store.run(increment))
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
"""


def test_write_that_the_system_refuses(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "space.db"], capture_output=True, text=True, check=True
    )
    refused, second, third = done.stdout.splitlines()
    assert refused.startswith("refused: the storage failed: disk I/O error")
    assert (second, third) == ("2", "3")
    assert state(tmp_path) == (3, [1, 2, 3])


def test_cancelled_caller_leaves_the_store_usable(tmp_path: Path) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path / "space.db")
        tasks = [asyncio.ensure_future(store.run(increment)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(outcome, int) for outcome in outcomes) == 10
        assert await store.run(increment) >= 11
        await store.close()

    asyncio.run(story())


def test_one_store_serves_one_loop_after_another(tmp_path: Path) -> None:
    async def begin() -> SqliteStore:
        store = SqliteStore.open(tmp_path / "space.db")
        asyncio.ensure_future(store.run(increment))  # noqa: RUF006  # left behind on purpose
        await asyncio.sleep(0.001)
        return store

    async def go_on(store: SqliteStore) -> int:
        return await store.run(increment)

    async def end(store: SqliteStore) -> None:
        await store.close()

    store = asyncio.run(begin())
    numbers = [asyncio.run(go_on(store)) for _ in range(3)]
    asyncio.run(end(store))
    count, log = state(tmp_path)
    assert numbers == [count - 2, count - 1, count]
    assert log == list(range(1, count + 1))


def test_bodies_run_again_only_where_one_of_them_fails_after_writing(tmp_path: Path) -> None:
    runs = []

    def counted(tx: Tx) -> None:
        runs.append(1)
        note = tx.get(Note, "c") or Note(key="c")
        tx.save(replace(note, count=note.count + 1), expect=note.version)
        tx.evidence(Leaf(b"1", ("n",)))

    async def story() -> None:
        store = SqliteStore.open(tmp_path / "space.db")
        await asyncio.gather(*[store.run(counted) for _ in range(5)])
        assert len(runs) == 5
        await store.close()

    asyncio.run(story())
