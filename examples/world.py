"""A small data space on this machine for the examples: a functional node that runs, and two connectors' folders."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trustspace as ts
from trustspace.node.folder import fingerprint, initialise
from trustspace.node.settings import FunctionalNodeSettings, Settings
from trustspace.node.views import DecisionRequest

OPERATOR = ("功能节点", "91350100MADE00011D")  # codes valid in form, assigned to nobody here
COMPANIES = {
    "bus-company": ("榕城公共交通集团有限公司", "91350100MADE0002X5"),
    "trip-planner": ("畅行出行规划科技有限公司", "91350100MADE000385"),
}
APPROVED = DecisionRequest()
FEED = Path(__file__).parent / "data" / "newport-gtfs.zip"


def play(main: Callable[[Path], Awaitable[None]]) -> None:
    """Run an example in a folder that is gone afterwards."""

    async def act() -> None:
        with tempfile.TemporaryDirectory() as folder:
            await main(Path(folder))

    asyncio.run(act())


@asynccontextmanager
async def world(root: Path) -> AsyncIterator[ts.Client]:
    """The folders `bus-company` and `trip-planner` under `root`, registered; gives the functional node's operator."""
    node = root / "functional-node"
    url = await make(node, *OPERATOR)
    async with serving(node), ts.Client.of(node) as operator:
        trusted = FunctionalNodeSettings(url=url, fingerprint=fingerprint(node))
        for name, company in COMPANIES.items():
            await make(root / name, *company, trusted)
            async with ts.Connector.open(root / name) as connector:
                applied = await connector.register(*company, contact="值班室", address="福州")
                await operator.call("approve_identity", applied.application, request=APPROVED)
                await connector.registration()  # fetches the certificates
        yield operator


async def make(folder: Path, name: str, code: str, trusted: FunctionalNodeSettings | None = None) -> str:
    """A node's folder, on a free port; returns its public address."""
    address = f"127.0.0.1:{free_port()}"
    settings = Settings(
        kind="connector" if trusted else "functional",
        name=name,
        credit_code=code,
        public_url=f"https://{address}",
        public_bind=address,
        functional_node=trusted or FunctionalNodeSettings(),
        database_pages=None,
    )
    await initialise(folder, settings)
    return settings.public_url


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[None]:
    """`trustspace serve` on a folder, until the block is left."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "trustspace", "serve", str(folder), stdout=PIPE
    )
    try:
        await process.stdout.readline() if process.stdout else b""  # says that it is ready
        yield
    finally:
        process.terminate()
        await process.communicate()


async def approve_entries(operator: ts.Client) -> None:
    """What the functional node's reviewer does: every product that waits gets its code and is listed."""
    for entry in (await operator.call("entries", state="submitted")).results:
        await operator.call("approve_entry", entry.entry, request=APPROVED)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
