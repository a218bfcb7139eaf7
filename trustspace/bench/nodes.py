"""A small data space for a bench: a functional node and a provider as processes, and a consumer that is registered."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from trustspace.core.errors import Unavailable
from trustspace.core.identity.did import did_from_url
from trustspace.core.policy import offer, use
from trustspace.node.client import Client, DataProduct, Participant
from trustspace.node.connector import Connector
from trustspace.node.folder import fingerprint, initialise
from trustspace.node.settings import FunctionalNodeSettings, Quota, Settings, read
from trustspace.node.views import DecisionRequest

FUNCTIONAL, PROVIDER, CONSUMER, READER = "functional", "provider", "consumer", "reader"
CODES: Final = {
    FUNCTIONAL: "91350100MADE00011D",
    PROVIDER: "91350100MADE0002X5",
    CONSUMER: "91350100MADE000385",
    READER: "91350100MADE000460",
}
"""统一社会信用代码, valid in form and assigned to nobody here."""
MANY: Final = 10_000_000
"""How many open processes one peer may have here: all of a bench are one peer's."""
TITLE: Final = "基准测试数据"


@dataclass(frozen=True, slots=True)
class Space:
    """The consumer, which runs in this process, the code of the product that it may negotiate, and whose that is."""

    consumer: Participant
    code: str
    provider_did: str
    provider: Client
    operator: Client


@asynccontextmanager
async def space(
    root: Path, *, tls: bool, also: Sequence[str] = (), prepare: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Space]:
    """All three nodes, until the block is left; nothing is kept.

    `also`: further connectors that are registered and do not run. `prepare` is done before the provider starts.
    """
    async with AsyncExitStack() as stack:
        await _make(root, FUNCTIONAL, tls=True)
        operator = await _start(stack, root / FUNCTIONAL)
        for name in (PROVIDER, CONSUMER, *also):
            await _make(root, name, tls=tls)
            await _register(root / name, operator)
        if prepare is not None:
            await prepare()
        provider = await _start(stack, root / PROVIDER)
        code = await publish(provider, operator, root / "data.bin")
        consumer = await stack.enter_async_context(Connector.open(root / CONSUMER))
        yield Space(consumer, code, did_from_url(read(root / PROVIDER).public_url), provider, operator)


async def _make(root: Path, name: str, *, tls: bool) -> None:
    port = free_port()
    trusted = FunctionalNodeSettings()
    if name != FUNCTIONAL:
        functional = root / FUNCTIONAL
        trusted = FunctionalNodeSettings(url=read(functional).public_url, fingerprint=fingerprint(functional))
    settings = Settings(
        kind="functional" if name == FUNCTIONAL else "connector",
        name=f"bench {name}",
        credit_code=CODES[name],
        public_url=f"{'https' if tls else 'http'}://127.0.0.1:{port}",
        public_bind=f"127.0.0.1:{port}",
        functional_node=trusted,
        database_pages=None,
        quota=Quota(negotiations=MANY, transfers=MANY),
    )
    await initialise(root / name, settings)


async def _start(stack: AsyncExitStack, folder: Path) -> Client:
    """Run `trustspace serve` on a folder until the stack is unwound."""
    return await stack.enter_async_context(serving(folder))


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Client]:
    """A node as a process of its own, and its management interface; `Unavailable` where it does not come to listen."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "trustspace", "serve", str(folder), stdin=DEVNULL, stdout=PIPE
    )
    try:
        if process.stdout is None or not await asyncio.wait_for(process.stdout.readline(), 30):
            raise Unavailable("a node of the bench did not start", where=str(folder), hint="its error is printed above")
        async with Client.of(folder) as client:
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _register(folder: Path, operator: Client) -> None:
    """Apply, approve, fetch the certificates: what a company and a reviewer do, in one go."""
    async with Connector.open(folder) as node:
        applied = await node.register(f"bench {folder.name}", CODES[folder.name], contact="bench", address="bench")
        await operator.call("approve_identity", applied.application, request=DecisionRequest())
        seen = await node.registration()
    if seen.state != "active":
        raise Unavailable(f"the registration is {seen.state}: {seen.reason}", where=str(folder))


async def publish(provider: Client, operator: Client, file: Path, *, approval: str = "automatic") -> str:
    """One product of a few bytes, listed; its code."""
    await anyio.Path(file).write_bytes(file.name.encode())
    policy = offer(use(purpose="bench", count=1_000_000, until="2099-12-31"), delete_after="P30D")
    described = DataProduct(title=TITLE, files=[file], industry="0054", topic="B0300")
    product = await provider.publish(described, policy, approval=approval)
    [entry] = (await operator.call("entries", state="submitted")).results
    await operator.call("approve_entry", entry.entry, request=DecisionRequest())
    return str((await provider.call("product", product.product)).code)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
