"""Flows: from the request to a contract that both signed and a transfer that started, many at a time, timed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from trustspace.bench.figures import Run, percentile
from trustspace.core.errors import Unavailable
from trustspace.node.client import Participant
from trustspace.node.views import TransferRequestView, TransferView


async def flow(consumer: Participant, code: str) -> TransferView:
    """One; `Unavailable` where the transfer did not start."""
    contract = await consumer.negotiate(code)
    opened: TransferView = await consumer.call("transfer", contract.contract, request=TransferRequestView())
    if opened.state != "STARTED":
        raise Unavailable(f"the transfer is {opened.state}: {opened.reason}", where=opened.transfer)
    return opened


async def flows(consumer: Participant, code: str, count: int, in_flight: int) -> Run:
    """`count` of them, `in_flight` at a time."""

    async def one() -> None:
        await flow(consumer, code)

    return await timed(one, count, in_flight)


async def timed(once: Callable[[], Awaitable[None]], count: int, in_flight: int) -> Run:
    """Do something that often, so many at a time: how long one takes, and how many there are a second."""
    left, taken = iter(range(count)), list[float]()
    started = time.perf_counter()
    await asyncio.gather(*(_worker(once, left, taken) for _ in range(min(in_flight, count))))
    seconds = time.perf_counter() - started
    return {
        "p50_ms": percentile(taken, 0.5) * 1e3,
        "p95_ms": percentile(taken, 0.95) * 1e3,
        "per_second": count / seconds,
    }


async def _worker(once: Callable[[], Awaitable[None]], left: Iterator[int], taken: list[float]) -> None:
    """Take turns until none is left."""
    for _ in left:
        started = time.perf_counter()
        await once()
        taken.append(time.perf_counter() - started)
