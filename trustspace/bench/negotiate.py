"""From the request to a contract that both signed and a transfer that started: two nodes, all signed, durable, logged.

One flow is six messages of the Dataspace Protocol between two processes on this machine; it is done when the transfer
has started at the consumer. The functional node runs, and is idle. Before and after each run the floor is measured, at
the same number in flight, so that what else the machine does at that moment is in both.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from trustspace.bench import machine
from trustspace.bench.figures import Figures, Run, spread
from trustspace.bench.floor import Floor, floor
from trustspace.bench.flows import flows
from trustspace.bench.nodes import Space, space

WARM_UP = 16
ALONE = 50


async def measure(*, runs: int = 5, in_flight: int = 64, count: int = 640, tls: bool = True) -> Figures:
    """`count` flows a run, `in_flight` at a time; beside it flows one at a time on the same nodes."""
    with TemporaryDirectory(prefix="trustspace-bench-") as name:
        root = Path(name)
        async with space(root, tls=tls) as nodes, floor(root / "floor", tls=tls) as least:
            await _run(nodes, least, WARM_UP, WARM_UP)
            alone = [await _run(nodes, least, min(ALONE, count), 1) for _ in range(runs)]
            found = [await _run(nodes, least, count, in_flight) for _ in range(runs)]
        raw = machine.limits(root)
    settings = {"in_flight": in_flight, "flows": count, "tls": tls}
    ratios = {"per_second": "signatures_per_second"}
    more = {"one_at_a_time": {key: spread([run[key] for run in alone]) for key in alone[0]}}
    return Figures("negotiate", settings, found, raw, ratios, more)


async def _run(nodes: Space, least: Floor, count: int, in_flight: int) -> Run:
    """The flows between two halves of their floor."""
    half = (count + 1) // 2
    before = await least.run(half, in_flight)
    found = await flows(nodes.consumer, nodes.code, count, in_flight)
    after = await least.run(half, in_flight)
    per_second = fmean((before["per_second"], after["per_second"]))
    return {
        **found,
        "floor_p50_ms": fmean((before["p50_ms"], after["p50_ms"])),
        "floor_per_second": per_second,
        "of_floor": found["per_second"] / per_second,
    }
