"""The exchange itself: a transfer is opened, the data is fetched and compared, receipts are signed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import anyio

from trustspace.cli.demonstration.actors import BUS, PLANNER
from trustspace.cli.demonstration.journal import Told
from trustspace.cli.demonstration.publishing import PURPOSE
from trustspace.cli.demonstration.stage import Act, Stage, must, until
from trustspace.node.logviews import LogEntryView
from trustspace.node.views import TransferRequestView, TransferView

FIRST: Final = "demo-first"
"""The key of the planner's own use: the same key is the same use."""


def open_transfer(contract_step: str, key: str) -> Act:
    """The planner asks for a transfer, the provider starts it and says what will come."""

    async def act(stage: Stage) -> Told:
        seen = await transfer(stage, contract_step, key)
        must(
            seen.digest == stage.place.digest, "the transfer start names another digest than the file's", seen.transfer
        )
        lines = (f"{seen.endpoint}", f"{seen.size} bytes, sha256 {seen.digest}")
        return Told(seen.transfer, lines, {"transfer": seen.transfer, "digest": seen.digest})

    return act


async def transfer(stage: Stage, contract_step: str, key: str) -> TransferView:
    """The transfer of that key, with its endpoint and token; opened unless it is."""
    contract = stage.fact(contract_step, "contract")
    seen: TransferView = await stage.planner.call("transfer", contract, request=TransferRequestView(key=key))
    must(seen.contract == contract, "the transfer is under another contract", seen.transfer)
    must(seen.state == "STARTED", f"the transfer is {seen.state}: {seen.reason}", seen.transfer)
    return seen


async def fetch(stage: Stage) -> Told:
    """One use: decided and counted by the provider, the bytes verified on the way and compared here."""
    contract, target = stage.fact("negotiate", "contract"), stage.place.received
    target.parent.mkdir(exist_ok=True)
    async with stage.planner.use(contract, PURPOSE, key=FIRST) as data:
        if await anyio.to_thread.run_sync(_digest, target) != stage.place.digest:
            await data.save(target)
    digest = await anyio.to_thread.run_sync(_digest, target)
    expected = (stage.place.digest, stage.fact("transfer", "digest"))
    must((digest, digest) == expected, "the file that came is not the one that was published", str(target))
    lines = (f"use {data.view.number}: {data.view.size} bytes for {PURPOSE}", f"sha256 {digest} = start = source")
    return Told(data.view.use, lines, {"digest": digest, "bytes": data.view.size})


async def receipts(stage: Stage) -> Told:
    """Both logs have the delivery under the consumer's signature, and receipts for every message that was answered."""
    contract = stage.fact("negotiate", "contract")
    lines = []
    for actor in (BUS, PLANNER):

        async def look() -> list[LogEntryView]:
            return await stage.entries(actor, contract)  # noqa: B023 -- awaited before the next turn

        seen = await until(look, lambda found: any(one.kind == "delivered" for one in found), "the receipt of the data")
        answers = sum(one.kind == "receipt" and bool(one.data.get("receipt")) for one in seen)
        delivered = [one.data["digest"] for one in seen if one.kind == "delivered"]
        lines.append(f"{actor.label}: {answers} receipts for messages, delivery signed: {delivered[0]}")
    return Told(contract, tuple(lines))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
