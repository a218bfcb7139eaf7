"""Rules and a person: a provider that answers other terms by rule, and a consumer's person who reads what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from world import FEED, approve_entries, play, world

import trustspace as ts
from trustspace.core.errors import Refused
from trustspace.core.policy import to_odrl

ASKED = ts.offer(ts.use(purpose="trip-planning", count=50))
FIVE = ts.offer(ts.use(purpose="trip-planning", count=5))
OTHER_TERMS = {"on": "requested", "role": "provider", "terms": "changed"}
RULES: list[dict[str, Any]] = [  # the first that matches decides; in settings.toml each is a table [[rules]]
    {**OTHER_TERMS, "round": 1, "then": "counter", "policy": to_odrl(FIVE)},
    {**OTHER_TERMS, "then": "refuse", "reason": "five uses are what we offer"},
    {"on": "verified", "role": "provider", "then": "finalize", "after": 0.5},
]


async def main(root: Path) -> None:
    async with (
        world(root) as operator,
        ts.Connector.open(root / "bus-company", rules=RULES) as bus,
        ts.Connector.open(root / "trip-planner") as planner,
    ):
        product = ts.DataProduct(title="城市公交时刻表", industry="0054", topic="B0300", files=[FEED])
        await bus.publish(product, ts.offer(ts.use(purpose="trip-planning", count=1)))
        await approve_entries(operator)

        [found] = await planner.search("公交 时刻表")
        try:
            await planner.negotiate(found, policy=ASKED)
        except Refused as undecided:
            print(undecided)

        [offered] = await planner.negotiations(waiting=True)
        for change in offered.changes:
            print(f"  {change.path}: {change.was} -> {change.now}")
        done = await planner.approve(offered)  # only these terms: others that came meanwhile are a `Conflict`
        contract = await planner.call("contract", done.contract)
        print(f"{contract.title}: signed by {contract.signed}")


if __name__ == "__main__":
    play(main)
