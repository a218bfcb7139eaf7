"""A pilot from its first day to its audit: a feed with versions, uses that count, refusals, an end, and the proof."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from world import FEED, approve_entries, play, world

import trustspace as ts
from trustspace.core.errors import TrustspaceError
from trustspace.node.client import Participant
from trustspace.node.views import ContractView, DecisionRequest


async def fetch(planner: Participant, contract: ContractView, purpose: str, to: Path) -> None:
    """One use, or the reason why not."""
    try:
        async with planner.use(contract, purpose=purpose) as data:
            await data.save(to)
        print(f"use {data.view.number} for {purpose}: {data.view.size} bytes, sha256 {data.view.digest[:16]}…")
    except TrustspaceError as refusal:
        print(f"no use for {purpose}: {refusal.what}")


async def main(root: Path) -> None:
    newer, packs = root / "newer.zip", [root / "bus.asice", root / "planner.asice"]
    newer.write_bytes(FEED.read_bytes() + b"\n")
    async with (
        world(root) as operator,
        ts.Connector.open(root / "bus-company") as bus,
        ts.Connector.open(root / "trip-planner") as planner,
    ):
        terms = ts.offer(ts.use(purpose=["trip-planning", "research"], count=3), delete_after="P30D")
        product = await bus.publish(ts.DataProduct(title="城市公交时刻表", files=[FEED]), terms)
        await approve_entries(operator)
        contract = await planner.negotiate((await planner.search("公交"))[0])

        await fetch(planner, contract, "trip-planning", root / "monday.zip")
        await bus.update(product, newer)  # the contract covers the product: the next delivery is the new version
        await fetch(planner, contract, "research", root / "tuesday.zip")
        await fetch(planner, contract, "advertising", root / "never.zip")

        ended = await bus.call("end", contract.contract, request=DecisionRequest(reason="the pilot is over"))
        print(f"contract {ended.status}: {ended.reason}")
        await fetch(planner, contract, "trip-planning", root / "never.zip")
        for node, pack in zip((bus, planner), packs, strict=True):
            await node.evidence(contract).export(pack)

    # Years later, on another machine: no node, no network, only the packs and the data space's root certificate.
    roots = root / "functional-node" / "certificates" / "root.pem"
    audit = [sys.executable, "-m", "trustspace", "evidence", "verify", *map(str, packs), "--trust", str(roots)]
    print(subprocess.run(audit, check=True, capture_output=True, text=True).stdout)  # noqa: ASYNC221, S603 -- ours


if __name__ == "__main__":
    play(main)
