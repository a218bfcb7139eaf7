"""Three nodes as processes on this machine, of which any may be killed and started again."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from trustspace.core.errors import TrustspaceError, Unavailable
from trustspace.core.policy import offer, use
from trustspace.node.client import Client, DataProduct
from trustspace.node.connector import Connector
from trustspace.node.folder import fingerprint, initialise
from trustspace.node.settings import FunctionalNodeSettings, Settings, read
from trustspace.node.views import DecisionRequest
from trustspace.testing.world import credit_code

FUNCTIONAL, PROVIDER, CONSUMER = "functional", "provider", "consumer"
READY_SECONDS: Final = 60.0


class Served:
    """A node of a folder as a process of `trustspace serve`, always under the same addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.client = folder, Client(f"http://{read(folder).management_bind}", _token(folder))
        self._process: Process | None = None

    async def start(self) -> float:
        """Run it; seconds until it answers its management interface."""
        started = time.perf_counter()
        log = await anyio.to_thread.run_sync(lambda: (self.folder.parent / f"{self.folder.name}.log").open("ab"))
        with log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "trustspace", "serve", str(self.folder), stdin=DEVNULL, stdout=PIPE, stderr=log
            )
        assert self._process.stdout is not None  # noqa: S101 -- it was opened as a pipe
        if not await asyncio.wait_for(self._process.stdout.readline(), READY_SECONDS):
            raise Unavailable("it did not start", where=str(self.folder), hint=f"see {log.name}")
        await self.client.call("log")
        return time.perf_counter() - started

    async def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, and wait."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.communicate()
        await self.client.close()


def _token(folder: Path) -> str:
    return (folder / "management.token").read_text(encoding="utf-8").strip()


@asynccontextmanager
async def three(root: Path) -> AsyncIterator[tuple[dict[str, Served], str]]:
    """The nodes, and the code of a product of the provider; all are stopped at the end."""
    nodes: dict[str, Served] = {}
    try:
        for name in (FUNCTIONAL, PROVIDER, CONSUMER):
            await _make(root, name)
            if name != FUNCTIONAL:
                await _register(root / name, nodes[FUNCTIONAL].client)
            nodes[name] = Served(root / name)
            await nodes[name].start()
        yield nodes, await _publish(nodes, root / "data.csv")
    finally:
        for node in nodes.values():
            await node.stop()


async def _make(root: Path, name: str) -> None:
    port, management, trusted = free_port(), free_port(), FunctionalNodeSettings()
    if name != FUNCTIONAL:
        operator = root / FUNCTIONAL
        trusted = FunctionalNodeSettings(url=read(operator).public_url, fingerprint=fingerprint(operator))
    settings = Settings.model_validate(
        {
            "kind": "functional" if name == FUNCTIONAL else "connector",
            "name": name,
            "credit_code": credit_code((FUNCTIONAL, PROVIDER, CONSUMER).index(name) + 1),
            "public_url": f"{'https' if name == FUNCTIONAL else 'http'}://127.0.0.1:{port}",
            "public_bind": f"127.0.0.1:{port}",
            "management_bind": f"127.0.0.1:{management}",
            "functional_node": trusted,
        }
    )
    await initialise(root / name, settings)


async def _register(folder: Path, operator: Client) -> None:
    async with Connector.open(folder) as node:
        applied = await node.register(folder.name, read(folder).credit_code, contact="chaos", address="chaos")
        await operator.call("approve_identity", applied.application, request=DecisionRequest())
        await node.registration()


async def _publish(nodes: dict[str, Served], file: Path) -> str:
    await anyio.Path(file).write_bytes(b"stop,time\n")
    product = DataProduct(title="公交时刻表", files=[file], industry="0054", topic="B0300")
    provider, operator = nodes[PROVIDER].client, nodes[FUNCTIONAL].client
    published = await provider.publish(product, offer(use(count=1_000_000)))
    [entry] = (await operator.call("entries", state="submitted")).results
    await operator.call("approve_entry", entry.entry, request=DecisionRequest())
    return str((await provider.call("product", published.product)).code)


async def answers(node: Served) -> bool:
    """Whether it answers now."""
    try:
        await node.client.call("log")
    except TrustspaceError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
