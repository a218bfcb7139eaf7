"""The reading process of `bench catalogue`: a provider's first page, again and again, in turns with an empty answer."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from trustspace.core.errors import Unavailable
from trustspace.node.doing.products import CATALOGUE
from trustspace.node.engine import Engine
from trustspace.node.running import run_node
from trustspace.ports import Answer
from trustspace.protocols import dsp

PAUSE = 0.005
WARM_UP = 5


async def main(folder: Path, provider: str, count: int) -> dict[str, list[float]]:
    """Seconds of each of `count` reads of the page, and of as many of the version document, in turns."""
    async with run_node(folder, public=True) as running:
        engine: Engine = running.operations.engine
        peer = await engine.directory.known(provider)

        async def page() -> Answer:
            url = dsp.join(peer.endpoint + dsp.BASE, "/catalog/request")
            return await engine.send("POST", url, provider, CATALOGUE, new=True, also={"accept-encoding": "gzip"})

        async def empty() -> Answer:
            return await engine.peer.request("GET", peer.endpoint + dsp.WELL_KNOWN)

        for _ in range(WARM_UP):
            await asyncio.gather(page(), empty())
        taken = [(await _timed(page), await _timed(empty)) for _ in range(count)]
    return {"page": [one for one, _ in taken], "empty": [other for _, other in taken]}


async def _timed(ask: Callable[[], Awaitable[Answer]]) -> float:
    await asyncio.sleep(PAUSE)
    started = time.perf_counter()
    answer = await ask()
    taken = time.perf_counter() - started
    if answer.status != 200:
        raise Unavailable(f"the provider answered {answer.status}: {answer.body[:200]!r}")
    return taken


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))))
