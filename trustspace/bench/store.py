"""Durable transitions and log entries a second, many callers at once, on the embedded store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

from trustspace.adapters.storage import SqliteStore
from trustspace.bench import machine
from trustspace.bench.figures import Figures, Run, percentile
from trustspace.core.evidence.leaves import Leaf, leaf
from trustspace.core.record import Record
from trustspace.ports import Tx

NOW: Final = datetime(2026, 6, 1, 8, tzinfo=UTC)
DIGEST: Final = "0" * 64
Body = Callable[[Tx], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Record):
    """A record of the size of a negotiation."""

    KIND: ClassVar[str] = "bench"

    state: str = ""
    text: str = "x" * 600


async def measure(what: str, *, runs: int = 5, in_flight: int = 64, count: int = 20_000) -> Figures:
    """`what` is `store` (read a record, save it, log it) or `log` (log only); every one of `count` is durable."""
    with TemporaryDirectory(prefix="trustspace-bench-") as name:
        folder = Path(name)
        found = [await _run(folder / str(number), what, in_flight, count) for number in range(runs)]
        raw = {"fsyncs_per_second": machine.fsyncs(folder)}
    settings = {"in_flight": in_flight, "transactions": count}
    return Figures(what, settings, found, raw, {"per_second": "fsyncs_per_second"})


async def _run(folder: Path, what: str, in_flight: int, count: int) -> Run:
    store, body, taken = _open(folder), BODIES[what], list[float]()
    try:
        await asyncio.gather(*(store.run(body(task, 0)) for task in range(in_flight)))
        started = time.perf_counter()
        await asyncio.gather(*(_caller(store, task, count // in_flight, body, taken) for task in range(in_flight)))
        seconds = time.perf_counter() - started
    finally:
        await store.close()
    return {
        "per_second": len(taken) / seconds,
        "p50_ms": percentile(taken, 0.5) * 1e3,
        "p95_ms": percentile(taken, 0.95) * 1e3,
    }


def _open(folder: Path) -> SqliteStore:
    folder.mkdir()
    return SqliteStore.open(folder / "bench.sqlite")


async def _caller(
    store: SqliteStore, task: int, count: int, body: Callable[[int, int], Body], taken: list[float]
) -> None:
    for number in range(1, count + 1):
        started = time.perf_counter()
        await store.run(body(task, number))
        taken.append(time.perf_counter() - started)


def transition(task: int, number: int) -> Body:
    """What a message does: the record is read, saved in its next state, and an entry is logged."""

    def body(tx: Tx) -> None:
        row = tx.get(Row, str(task)) or Row(key=str(task))
        tx.save(replace(row, state=str(number)), expect=row.version)
        tx.evidence(_leaf(task, number))

    return body


def entry(task: int, number: int) -> Body:
    """One entry of the log."""
    return lambda tx: tx.evidence(_leaf(task, number))


def _leaf(task: int, number: int) -> Leaf:
    data = {"message": f"bench-{number}", "digest": DIGEST}
    return leaf("message-received", time=NOW, subjects=[f"urn:bench:{task}"], data=data)


BODIES: Final = {"store": transition, "log": entry}
