"""A process that writes until it is killed: each number is told on stdout once it is durable."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from trustspace.adapters.storage import SqliteStore
from trustspace.testing.store_samples import increment


async def main(path: Path) -> None:
    store = SqliteStore.open(path)

    async def caller() -> None:
        while True:
            number = await store.run(increment)
            print(number, flush=True)  # noqa: T201  # the parent reads it

    await asyncio.gather(*[caller() for _ in range(8)])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
