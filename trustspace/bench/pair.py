"""The consuming process of `bench negotiate --history`: told how many flows to run, it says how fast they went."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import uvloop

from trustspace.bench.flows import flows
from trustspace.bench.machine import rss_mb
from trustspace.node.connector import Connector


def tell(value: Any) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def main(folder: Path, code: str) -> None:
    """A round for each line of standard input, `[count, in_flight]`, until that ends."""
    async with Connector.open(folder) as consumer:
        tell("open")
        while line := await asyncio.to_thread(sys.stdin.readline):
            count, in_flight = json.loads(line)
            tell({**await flows(consumer, code, count, in_flight), "rss_mb": rss_mb(os.getpid())})


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2]))
