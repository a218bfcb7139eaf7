"""Two connectors in one process: publish, search, negotiate, use, prove. The functional node is a process beside it."""

from __future__ import annotations

from pathlib import Path

from world import FEED, approve_entries, play, world

import trustspace as ts
from trustspace.core.errors import Refused


async def main(root: Path) -> None:
    async with (
        world(root) as operator,
        ts.Connector.open(root / "bus-company") as bus,
        ts.Connector.open(root / "trip-planner") as planner,
    ):
        await bus.publish(
            ts.DataProduct(title="城市公交时刻表", industry="0054", topic="B0300", files=[FEED]),
            ts.offer(ts.use(purpose="trip-planning", count=1, until="2099-12-31"), delete_after="P30D"),
        )
        await approve_entries(operator)

        [found] = await planner.search("公交 时刻表")
        print(f"found {found.code}: {found.title}, of {found.owner_name}")
        for clause in (await planner.show(found)).clauses:
            print(f"  {clause.text}  [{clause.enforced_by}]")

        contract = await planner.negotiate(found)
        print(f"contract {contract.contract}, signed by {contract.signed}")
        async with planner.use(contract, purpose="trip-planning") as data:
            saved = await data.save(root / "feed.zip")
        print(f"fetched {saved.stat().st_size} bytes, the same as published: {saved.read_bytes() == FEED.read_bytes()}")

        try:
            async with planner.use(contract, purpose="trip-planning"):
                pass
        except Refused as refusal:
            print(f"a second use: {refusal}")
        print(f"evidence in {(await planner.evidence(contract).export(root / 'contract.asice')).name}")


if __name__ == "__main__":
    play(main)
