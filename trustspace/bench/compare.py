"""What a past costs: two pairs of nodes, alike but for the history in one of them, in turns on the same machine.

A round without and one with the history follow each other, each second pair of rounds in the other order; what counts
is the ratio within such a pair, so that whatever else the machine does meanwhile falls out. A slowdown of 1.1 says that
the same takes 10 % longer with the history.
"""

from __future__ import annotations

import asyncio
import json
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio

from trustspace.bench import machine
from trustspace.bench.figures import Figures, Run, interval
from trustspace.bench.flows import flow
from trustspace.bench.nodes import CONSUMER, FUNCTIONAL, PROVIDER, Space, publish, serving, space
from trustspace.bench.process import output, running, told
from trustspace.core.errors import InvalidInput, Unavailable
from trustspace.node.client import Client
from trustspace.node.folder import Folder
from trustspace.node.views import NegotiateRequest

ALONE: Final = 20
"""How many flows of a round run one at a time."""
SAMPLES: Final = 2
LOOKS: Final = 500
LOOK_SECONDS: Final = 0.02
RATIOS: Final = ("slowdown", "slowdown_one_at_a_time")


@dataclass(frozen=True, slots=True)
class Pair:
    """A provider and a consumer that run, each in a process of its own; `start_seconds` the provider took to start."""

    provider: Client
    folder: Path
    process: Process
    start_seconds: float

    async def round(self, count: int, in_flight: int) -> dict[str, float]:
        """So many flows."""
        if self.process.stdin is None:
            raise Unavailable("the consuming process of the bench has ended")
        self.process.stdin.write(json.dumps([count, in_flight]).encode() + b"\n")
        await self.process.stdin.drain()
        found: dict[str, float] = await told(self.process)
        return found

    async def size(self) -> dict[str, float]:
        """What both processes have in memory (MB), how long the provider took to start and takes to say how it is."""
        started = time.perf_counter()
        await self.provider.status()
        seconds = time.perf_counter() - started
        return {
            "rss_mb": machine.rss_mb(Folder(self.folder).holder() or 0),
            "consumer_rss_mb": (await self.round(1, 1))["rss_mb"],
            "start_seconds": self.start_seconds,
            "status_ms": seconds * 1e3,
        }


async def compare(
    *, finished: int, held: int, pairs: int = 15, in_flight: int = 64, count: int = 320, tls: bool = True
) -> Figures:
    """`pairs` rounds of `count` flows beside `finished` negotiations that have ended, and `held` that are open.

    The latter have been requested and wait for a person. Raises `InvalidInput` where there is no history to compare.
    """
    if finished + held < 1:
        raise InvalidInput("a history has at least one negotiation", where="history")
    with TemporaryDirectory(prefix="trustspace-bench-") as name:
        root = Path(name)
        codes = {side: await _first_life(root / side, tls=tls) for side in ("without", "with")}
        loaded = await _load(root / "with", finished, held)
        async with _pair(root / "without", codes["without"]) as fresh, _pair(root / "with", codes["with"]) as old:
            await _both(fresh, old, count, in_flight)  # a warm-up
            runs = [await _paired(fresh, old, number, count, in_flight) for number in range(pairs)]
            sizes = {"": await old.size(), "_without": await fresh.size()}
        raw = machine.limits(root)
    settings = {"in_flight": in_flight, "flows": count, "tls": tls, "history": finished, "open": held}
    more: dict[str, Any] = {f"{key}_interval": interval([run[key] for run in runs]).to_json() for key in RATIOS}
    more |= {f"{key}{side}": value for side, found in sizes.items() for key, value in found.items()}
    return Figures("negotiate", settings, runs, raw, {"per_second": "signatures_per_second"}, more | loaded)


async def _first_life(root: Path, *, tls: bool) -> str:
    """Make the nodes, and let happen what will be copied: flows to their end, and requests that wait; the code."""
    await anyio.Path(root).mkdir()
    async with space(root, tls=tls) as nodes:
        manual = await publish(nodes.provider, nodes.operator, root / "manual.bin", approval="manual")
        for _ in range(SAMPLES):
            opened = await flow(nodes.consumer, nodes.code)
            await nodes.consumer.call("complete_transfer", opened.transfer)
            await nodes.consumer.call("negotiate", request=NegotiateRequest(code=manual, wait=0))
        await _quiet(nodes)
    return nodes.code


async def _quiet(nodes: Space) -> None:
    """Wait until every message has been answered."""
    for _ in range(LOOKS):
        if not (await nodes.consumer.status()).outbox + (await nodes.provider.status()).outbox:
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise Unavailable("the nodes of the bench do not come to rest", hint="messages wait in the outbox of one of them")


async def _load(root: Path, finished: int, held: int) -> dict[str, float]:
    """Both sides at once: each has a core."""
    folders = [str(root / side) for side in (PROVIDER, CONSUMER)]
    numbers = str(finished), str(held)
    loaded = await asyncio.gather(*(output("trustspace.bench.history", folder, *numbers) for folder in folders))
    return {"load_seconds": max(one["seconds"] for one in loaded), "database_mb": max(one["mb"] for one in loaded)}


@asynccontextmanager
async def _pair(root: Path, code: str) -> AsyncIterator[Pair]:
    """The next life of the nodes in a folder."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root / FUNCTIONAL))
        started = time.perf_counter()
        provider = await stack.enter_async_context(serving(root / PROVIDER))
        seconds = time.perf_counter() - started
        process, _ = await stack.enter_async_context(running("trustspace.bench.pair", str(root / CONSUMER), code))
        yield Pair(provider, root / PROVIDER, process, seconds)


async def _both(fresh: Pair, old: Pair, count: int, in_flight: int) -> None:
    for pair in (fresh, old):
        await pair.round(count, in_flight)


async def _paired(fresh: Pair, old: Pair, number: int, count: int, in_flight: int) -> Run:
    """A round of each, many at a time and one at a time, and their ratios."""
    order: Sequence[Pair] = (fresh, old) if number % 2 else (old, fresh)
    many = {id(pair): await pair.round(count, in_flight) for pair in order}
    alone = {id(pair): await pair.round(min(ALONE, count), 1) for pair in order}
    without, found = many[id(fresh)], many[id(old)]
    return {
        "slowdown": without["per_second"] / found["per_second"],
        "slowdown_one_at_a_time": alone[id(old)]["p50_ms"] / alone[id(fresh)]["p50_ms"],
        **{key: found[key] for key in ("p50_ms", "p95_ms", "per_second")},
        "per_second_without": without["per_second"],
        "p50_ms_one_at_a_time": alone[id(old)]["p50_ms"],
        "p50_ms_one_at_a_time_without": alone[id(fresh)]["p50_ms"],
    }
