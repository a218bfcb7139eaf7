"""A disk without room: a clear refusal, nothing half-kept, the node goes on, and works again when there is room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import trustspace as ts
from tests.node.spaces import Space, space
from trustspace.core.errors import StorageFull, TrustspaceError

PAGE = 4096


async def limited(s: Space, name: str, *, spare: int | None) -> None:
    """Run a node again with so many pages to spare, or without a limit."""
    await s.stop(name)
    settings = s.root / name / "settings.toml"
    lines = [line for line in settings.read_text().splitlines(True) if not line.startswith("database_pages")]
    if spare is not None:
        pages = (s.root / name / "node.sqlite").stat().st_size // PAGE
        lines.insert(0, f"database_pages = {pages + spare}\n")
    settings.write_text("".join(lines))
    await s.start(name)


def product(s: Space, number: int) -> ts.DataProduct:
    file = s.root / f"{number}.csv"
    file.write_bytes(b"%d" % number)
    return ts.DataProduct(title="城市公交时刻表", industry="0054", topic="B0300", files=[file], description="x" * 450)


def test_publishing_without_room(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            terms = ts.offer(ts.use(count=1))
            await limited(s, "bus", spare=1)
            with pytest.raises(StorageFull, match="room"):  # noqa: PT012 -- one of them is the first too many
                for number in range(80):
                    await s.bus.publish(product(s, number), terms)
            before = await s.bus.call("products")
            assert (await s.bus.status()).state == "active"
            await limited(s, "bus", spare=None)
            assert await s.bus.call("products") == before
            assert (await s.bus.publish(product(s, 99), terms)).state == "submitted"

    asyncio.run(go())


@pytest.mark.parametrize("side", ["bus", "trip"])
def test_negotiating_without_room_ends_well_once_there_is_room(tmp_path: Path, side: str) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            entry = await s.product()
            await limited(s, side, spare=0)
            failed = None
            for number in range(60):
                try:
                    await s.trip.negotiate(entry, key=f"n{number}", wait=0.5)
                except TrustspaceError as error:
                    failed = (number, error)
                    break
            assert failed is not None
            assert "\n" not in str(failed[1])
            assert (await s.opened[side].status()).identifier
            await limited(s, side, spare=None)
            contract = await s.trip.negotiate(entry, key=f"n{failed[0]}")
            assert contract.signed == "both"
            for node in (s.bus, s.trip):
                seen = await node.call("contracts", limit="1000")
                assert len({one.contract for one in seen}) == len(seen) == failed[0] + 1

    asyncio.run(go())
