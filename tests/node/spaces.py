"""Little real spaces on loopback for the tests of nodes and commands: a functional node, a bus company, a planner."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trustspace as ts
from trustspace.core.policy import Policy
from trustspace.node import views as v
from trustspace.node.connector import Connector
from trustspace.node.folder import fingerprint, initialise
from trustspace.node.settings import FunctionalNodeSettings, settings_from

CODES: Final = {"node": "12430000MB0L046927", "bus": "91350100M000100Y43", "trip": "12430000MB0L046927"}
NAMES: Final = {"node": "福建省区域功能节点", "bus": "公交公司", "trip": "出行规划"}
REVIEWED: Final = v.DecisionRequest()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def urls(scheme: str = "http") -> dict[str, str]:
    return {name: f"{scheme}://127.0.0.1:{free_port()}" for name in CODES}


async def make_node(folder: Path, url: str, **more: Any) -> None:
    settings = settings_from(
        kind="functional", name=NAMES["node"], credit_code=CODES["node"], place="3501", public_url=url, **more
    )
    await initialise(folder, settings)


async def make_connector(folder: Path, url: str, *, node: str, trust: str, **more: Any) -> None:
    settings = settings_from(
        kind="connector",
        name=NAMES.get(folder.name, folder.name),
        credit_code=CODES.get(folder.name, CODES["bus"]),
        public_url=url,
        functional_node=FunctionalNodeSettings(url=node, fingerprint=trust),
        **more,
    )
    await initialise(folder, settings)


class Kept:
    """A node that is open in a task of its own, so that it can be closed at any time."""

    def __init__(self, folder: Path) -> None:
        self._ready: asyncio.Future[Connector] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()
        self._task = asyncio.create_task(self._keep(folder))

    async def _keep(self, folder: Path) -> None:
        try:
            async with Connector.open(folder) as node:
                self._ready.set_result(node)
                await self._end.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def ready(self) -> Connector:
        return await self._ready

    async def close(self) -> None:
        self._end.set()
        await self._task


@dataclass(slots=True)
class Space:
    """Open, registered nodes; `urls` are their public addresses."""

    root: Path
    urls: dict[str, str]
    kept: dict[str, Kept] = field(default_factory=dict)
    opened: dict[str, Connector] = field(default_factory=dict)

    @property
    def node(self) -> Connector:
        return self.opened["node"]

    @property
    def bus(self) -> Connector:
        return self.opened["bus"]

    @property
    def trip(self) -> Connector:
        return self.opened["trip"]

    async def start(self, name: str) -> Connector:
        self.kept[name] = Kept(self.root / name)
        self.opened[name] = await self.kept[name].ready()
        return self.opened[name]

    async def stop(self, *names: str) -> None:
        for name in names:
            if name in self.kept:
                await self.kept.pop(name).close()

    async def product(
        self, policy: Policy | None = None, *, data: bytes = b"stop,time\n", approval: str = "automatic"
    ) -> v.EntryView:
        """A listed product of the bus company."""
        file = self.root / "feed.csv"
        file.write_bytes(data)
        terms = policy or ts.offer(ts.use(purpose="trip-planning", count=3))
        product = ts.DataProduct(title="城市公交时刻表", industry="0054", topic="B0300", files=[file])
        made = await self.bus.publish(product, terms, approval=approval)
        [entry] = [one for one in (await self.node.call("entries")).results if one.dataset == made.product]
        approved: v.EntryView = await self.node.call("approve_entry", entry.entry, request=REVIEWED)
        return approved


async def register(node: Connector, *connectors: Connector) -> None:
    for connector in connectors:
        applied = await connector.register("", "")
        await node.call("approve_identity", applied.application, request=REVIEWED)
        assert (await connector.registration()).state == "active"


@asynccontextmanager
async def space(root: Path, scheme: str = "http", **more: Any) -> AsyncIterator[Space]:
    """Three nodes in this process; `more` are settings of the connectors."""
    s = Space(root, urls(scheme))
    await make_node(root / "node", s.urls["node"])
    try:
        await s.start("node")
        trust = fingerprint(root / "node")
        for name in ("bus", "trip"):
            await make_connector(root / name, s.urls[name], node=s.urls["node"], trust=trust, **more)
            await s.start(name)
        await register(s.node, s.bus, s.trip)
        yield s
    finally:
        await s.stop("trip", "bus", "node")
