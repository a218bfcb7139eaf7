"""From the request to a contract that both signed and a transfer that started: two nodes, all signed, durable, logged.

One flow is six messages of the Dataspace Protocol between two processes on this machine; it is done when the transfer
has started at the consumer. The functional node runs, and is idle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from trustspace.bench import machine
from trustspace.bench.figures import Figures, Run, percentile, spread
from trustspace.bench.nodes import Space, space
from trustspace.core.errors import Unavailable
from trustspace.node.views import TransferRequestView

WARM_UP = 16
ALONE = 50


async def measure(*, runs: int = 5, in_flight: int = 64, count: int = 640, tls: bool = True) -> Figures:
    """`count` flows a run, `in_flight` at a time; beside it flows one at a time on the same nodes."""
    with TemporaryDirectory(prefix="trustspace-bench-") as name:
        async with space(Path(name), tls=tls) as nodes:
            await _run(nodes, WARM_UP, WARM_UP)
            alone = [await _run(nodes, min(ALONE, count), 1) for _ in range(runs)]
            found = [await _run(nodes, count, in_flight) for _ in range(runs)]
        raw = {"fsyncs_per_second": machine.fsyncs(Path(name))}
    raw["signatures_per_second"] = machine.signatures()
    raw["verifications_per_second"] = machine.verifications()
    settings = {"in_flight": in_flight, "flows": count, "tls": tls}
    ratios = {"per_second": "signatures_per_second"}
    more = {"one_at_a_time": {key: spread([run[key] for run in alone]) for key in alone[0]}}
    return Figures("negotiate", settings, found, raw, ratios, more)


async def _run(nodes: Space, count: int, in_flight: int) -> Run:
    left, taken = iter(range(count)), list[float]()
    started = time.perf_counter()
    await asyncio.gather(*(_worker(nodes, left, taken) for _ in range(in_flight)))
    seconds = time.perf_counter() - started
    return {
        "p50_ms": percentile(taken, 0.5) * 1e3,
        "p95_ms": percentile(taken, 0.95) * 1e3,
        "per_second": count / seconds,
    }


async def _worker(nodes: Space, left: Iterator[int], taken: list[float]) -> None:
    """Take flows until none is left."""
    for _ in left:
        started = time.perf_counter()
        await _flow(nodes)
        taken.append(time.perf_counter() - started)


async def _flow(nodes: Space) -> None:
    contract = await nodes.consumer.negotiate(nodes.code)
    opened = await nodes.consumer.call("transfer", contract.contract, request=TransferRequestView())
    if opened.state != "STARTED":
        raise Unavailable(f"the transfer is {opened.state}: {opened.reason}", where=opened.transfer)
