"""The first page of a large catalogue while negotiations run: how long a reader in a process of its own waits for it.

Beside it, in turns with it: the version document of the same provider, which is an empty answer of the same server over
the same connection under the same load. What the page costs over that is ours; the rest is the machine's.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from trustspace.adapters.storage import SqliteStore
from trustspace.bench.figures import Figures, percentile, spread
from trustspace.bench.nodes import PROVIDER, READER, Space, space
from trustspace.bench.process import output
from trustspace.core.canon import canonical
from trustspace.core.catalogue.published import Published
from trustspace.core.policy import offer, to_odrl, use
from trustspace.node.folder import Folder
from trustspace.ports import Tx
from trustspace.services.shelves import keep

NOW: Final = datetime(2026, 6, 1, 8, tzinfo=UTC)
BATCH: Final = 1000
RULES: Final = ((), ("members",), ("region:35",), ("did:web:nobody.example",))
"""Access rules of the products, in turns: one in four is for nobody here."""


@dataclass(slots=True)
class _Load:
    """Negotiations that run until they are told to end, and how many did."""

    nodes: Space
    done: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def _negotiate(self) -> None:
        while True:
            await self.nodes.consumer.negotiate(self.nodes.code)
            self.done += 1

    def start(self, in_flight: int) -> None:
        self.tasks = [asyncio.create_task(self._negotiate()) for _ in range(in_flight)]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        ended = await asyncio.gather(*self.tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error


async def measure(
    *, runs: int = 5, in_flight: int = 64, count: int = 200, products: int = 10_000, tls: bool = True
) -> Figures:
    """`count` reads a run with `in_flight` negotiations beside, of a catalogue of `products`; and as many with none."""
    with TemporaryDirectory(prefix="trustspace-bench-") as name:
        root = Path(name)
        async with space(root, tls=tls, also=(READER,), prepare=lambda: load(root / PROVIDER, products)) as nodes:
            alone = [await _run(nodes, root, 0, count) for _ in range(runs)]
            found = [await _run(nodes, root, in_flight, count) for _ in range(runs)]
    raw = {key: statistics.median(run.pop(key) for run in found) for key in ("empty_p50_ms", "empty_p95_ms")}
    settings = {"products": products, "in_flight": in_flight, "reads": count, "tls": tls}
    ratios = {"p50_ms": "empty_p50_ms", "p95_ms": "empty_p95_ms"}
    more = {"alone": {key: spread([run[key] for run in alone]) for key in alone[0] if key != "negotiations_per_second"}}
    return Figures("catalogue", settings, found, raw, ratios, more)


async def _run(nodes: Space, root: Path, in_flight: int, count: int) -> dict[str, float]:
    load, loop = _Load(nodes), asyncio.get_running_loop()
    load.start(in_flight)
    started = loop.time()
    did = nodes.provider_did
    try:
        told = await output("trustspace.bench.reader", str(root / READER), did, str(count))
        per_second = load.done / (loop.time() - started)
    finally:
        await load.stop()
    return {
        "p50_ms": percentile(told["page"], 0.5) * 1e3,
        "p95_ms": percentile(told["page"], 0.95) * 1e3,
        "empty_p50_ms": percentile(told["empty"], 0.5) * 1e3,
        "empty_p95_ms": percentile(told["empty"], 0.95) * 1e3,
        "negotiations_per_second": per_second,
    }


async def load(folder: Path, products: int) -> None:
    """Put listed products into the database of a connector that does not run."""
    store = SqliteStore.open(Folder(folder).database)
    policy = canonical(to_odrl(offer(use(purpose="bench", count=10, until="2099-12-31"), delete_after="P30D"))).decode()
    try:
        for start in range(0, products, BATCH):
            await store.run(_saved(range(start, min(start + BATCH, products)), policy))
    finally:
        await store.close()


def _saved(numbers: range, policy: str) -> Callable[[Tx], None]:
    def body(tx: Tx) -> None:
        for number in numbers:
            keep(tx, _product(number, policy), expect=0)

    return body


def _product(number: int, policy: str) -> Published:
    return Published(
        key=f"urn:uuid:00000000-0000-4000-8000-{number:012}",
        offer=f"urn:uuid:00000000-0000-4000-9000-{number:012}",
        policy=policy,
        title=f"城市公交线路 {number} 运行时刻",
        description="基准测试",
        visible_to=RULES[number % len(RULES)],
        state="listed",
        reference="0" * 64,
        name="feed.zip",
        digest="0" * 64,
        size=1000,
        media_type="application/zip",
        created=NOW,
        changed=NOW,
    )
