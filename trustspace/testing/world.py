"""A data space in one process: a functional node and connectors, whole, over a network that can be made to fail.

    async with World.open() as world:
        bus, planner = await world.connector("bus"), await world.connector("planner")
        product = await world.publish(bus, b"...", offer(use(purpose="trip-planning", count=3)))
        contract = await planner.negotiate(product.code)

Every node is the real one: its services, codecs, listener and verbs. Time stands still until it is moved, pauses are
shortened, names and keys come from a seed; only renewed keys are drawn at random. Files lie in a temporary folder.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, Self

import anyio
from anyio.abc import TaskGroup, TaskStatus
from starlette.types import ASGIApp

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.adapters.storage import FolderLock, SqliteStore
from trustspace.adapters.storage.memory import MemoryStore
from trustspace.adapters.storage.sqlite import no_fault
from trustspace.adapters.storage.transaction import Faults as DiskFaults
from trustspace.core.contract import Negotiation
from trustspace.core.errors import MisusedError
from trustspace.core.identifiers import credit_code_check, organisation_check
from trustspace.core.policy import Policy, offer, use
from trustspace.core.transfer import Transfer
from trustspace.node import beside, dataplane
from trustspace.node import views as v
from trustspace.node.client import DataProduct, Participant
from trustspace.node.engine import Engine
from trustspace.node.folder import Folder
from trustspace.node.operations import Operations
from trustspace.node.outside import Outside
from trustspace.node.public import public_app
from trustspace.node.reviewing import Reviewing
from trustspace.node.revoking import Hints
from trustspace.node.running import functional_app
from trustspace.node.settings import FunctionalNodeSettings, Settings, settings_from
from trustspace.node.speaking import DspCodec
from trustspace.node.verbs import BOTH, CONNECTOR, FUNCTIONAL
from trustspace.node.working import working
from trustspace.ports import Clock, Signer, Store, Tx
from trustspace.testing.network import Faults, Network
from trustspace.testing.registry import OPERATOR, Registry, SeededIds, SteppedClock

NODE: Final = "https://node.example"
PACE: Final = 0.002
"""Seconds that a pause of one second takes."""
VERBS: Final = {verb.name: verb for verb in (*BOTH, *CONNECTOR, *FUNCTIONAL)}
STEPS: Final = ("agree", "verify", "finalize")


@dataclass(frozen=True, slots=True)
class SeededFolder(Folder):
    """A node's folder whose keys come from a seed, until they are renewed."""

    seed: str = ""

    @classmethod
    def make(cls, path: Path, seed: str, root: bytes) -> Self:
        """A new one, that trusts the root (DER)."""
        for name in ("keys", "certificates", "files"):
            (path / name).mkdir(parents=True)
        folder = cls(path, seed)
        folder.write_certificate("root", root)
        return folder

    def load_key(self, purpose: str) -> Signer:
        """The renewed key, or the first one."""
        if self.key(purpose).exists():
            return Folder.load_key(self, purpose)
        return MemoryKey(f"{self.seed} {self.path.name} {purpose}")


class Verbs(Participant):
    """The verbs of a node in this process."""

    operations: Any

    async def call(self, name: str, *path: str, request: v.View | None = None, **query: str) -> Any:
        """Do one verb of the table."""
        given = () if request is None else (request,)
        return await getattr(self.operations, VERBS[name].name)(*path, *given, **query)

    async def upload(self, name: str, path: Path) -> str:
        """Put a file into the node."""
        return await self.put(name, await anyio.Path(path).read_bytes())

    async def put(self, name: str, data: bytes) -> str:
        """Put bytes into the node, under a name; returns the name to publish them by."""
        return str((await self.operations.put_file(name, _chunks(data)))["file"])

    @asynccontextmanager
    async def download(self, use: v.UseView) -> AsyncIterator[AsyncIterator[bytes]]:
        """The verified bytes of a use."""
        _, chunks = await self.operations.read_use(use.use)
        yield chunks


class Functional(Verbs):
    """The functional node, with its reviewer's verbs."""

    def __init__(self, registry: Registry, folder: SeededFolder, hints: Hints) -> None:
        self.registry, self.folder, self.hints = registry, folder, hints
        settings = settings_from(kind="functional", public_url=NODE, credit_code=OPERATOR, place="3501")
        key = MemoryKey(f"{folder.seed} signing")
        self.operations = Reviewing(
            registry.node, registry.authority, folder, settings, registry.store, registry.clock, key
        )
        self.app: ASGIApp = functional_app(registry.node, folder)


class Node(Verbs):
    """A connector. `stop` ends it as a crash does, `start` begins its next life on what it had stored."""

    def __init__(self, world: World, settings: Settings, folder: SeededFolder, codec: DspCodec) -> None:
        self.world, self.settings, self.folder, self.codec = world, settings, folder, codec
        self.store: Store = MemoryStore()
        self.clock: Clock = world.clock
        self.disk: DiskFaults = no_fault
        self.lives, self.running = 0, False
        self._scope = anyio.CancelScope()

    @property
    def name(self) -> str:
        """What the world calls it."""
        return self.folder.path.name

    @property
    def did(self) -> str:
        """Its participant id."""
        return self.engine.me

    async def start(self) -> None:
        """Run it."""
        self.lives += 1
        self.store = self._open_store()
        outside = Outside(
            self.world.network.peer(),
            self.clock,
            SeededIds(f"{self.folder.seed} {self.name} {self.lives}"),
            self.world.pause,
            self.codec,
        )
        self.engine = Engine(self.folder, self.settings, self.store, outside)
        self.operations = Operations(self.engine)
        self.app = public_app(self.engine, [*dataplane.routes(self.engine), *beside.routes(self.engine)])
        self.engine.on_open = self._listen
        if self.engine.ready:
            await self._listen()
        await self.world.run(self._run)
        self.running = True

    def _open_store(self) -> Store:
        if self.world.storage == "sqlite":
            return SqliteStore.open(
                self.folder.database,
                lock=FolderLock.acquire(self.folder.path),
                faults=lambda step: self.disk(step),
            )
        if self.lives == 1:
            return MemoryStore()
        assert isinstance(self.store, MemoryStore)  # noqa: S101 -- tells the type
        self.store.reopen()
        return self.store

    async def _listen(self) -> None:
        self.world.network.attach(self.settings.public_url, self.app, self.clock)

    async def _run(self, *, task_status: TaskStatus[None]) -> None:
        self._ended = anyio.Event()
        try:
            with anyio.CancelScope() as self._scope:
                async with anyio.create_task_group() as group:
                    await group.start(self.engine.run)
                    task_status.started()
                    await anyio.sleep_forever()
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """End it where it stands; nobody answers there any more."""
        self.running = False
        self.world.network.detach(self.settings.public_url)
        self._scope.cancel()
        await self._ended.wait()
        await self.store.close()

    async def busy(self) -> str:
        """What it has to do still without anybody's doing; "" for nothing."""
        queued = await self.store.read(lambda tx: tx.queued())
        due = [pid for todo in STEPS for pid in await self.store.read(partial(_due, todo=todo))]
        due += [one.key for one in await self.store.read(lambda tx: tx.find(Transfer, todo="start"))]
        waiting = [f"{one.kind} {one.verb} to {one.to} ({one.error})" for one in queued]
        return "; ".join([*waiting, *due, *(held.error for held in self.engine.held.values())])


@dataclass(slots=True)
class World:
    """Everybody, and what lies between them."""

    network: Network
    clock: SteppedClock
    functional: Functional
    seed: str
    storage: Literal["memory", "sqlite"]
    place: Path
    pace: float
    nodes: dict[str, Node] = field(default_factory=dict)
    group: TaskGroup | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        seed: str = "world",
        faults: Faults | None = None,
        storage: Literal["memory", "sqlite"] = "memory",
        pace: float = PACE,
    ) -> AsyncIterator[Self]:
        """A world with a functional node and nobody else; at the end everything stops, and its files are gone."""
        network = Network(faults=faults, sleep=lambda seconds: anyio.sleep(seconds * pace))
        async with AsyncExitStack() as stack:
            place = Path(stack.enter_context(TemporaryDirectory()))
            functional = await _functional(network, place, seed)
            world = cls(network, functional.registry.clock, functional, seed, storage, place, pace)
            world.group = await stack.enter_async_context(working())
            stack.push_async_callback(world._close)
            world.group.start_soon(functional.hints.run)
            yield world

    async def _close(self) -> None:
        for node in self.nodes.values():
            if node.running:
                await node.stop()

    async def pause(self, seconds: float) -> None:
        """A pause of so many seconds, at the pace of this world; its clock stands still."""
        await anyio.sleep(seconds * self.pace)

    async def run(self, task: Callable[..., Coroutine[Any, Any, None]]) -> None:
        """Run a task of a node beside all others."""
        if self.group is None:
            raise MisusedError("this world is not open", hint="async with World.open() as world")
        await self.group.start(task)

    async def applicant(self, name: str, *, codec: DspCodec | None = None, **settings: Any) -> Node:
        """A connector that runs and is not registered; `settings` as in `settings.toml`."""
        registry = self.functional.registry
        chosen: dict[str, Any] = {
            "kind": "connector",
            "name": f"{name} company",
            "public_url": f"https://{name}.example",
            "credit_code": credit_code(len(self.nodes) + 1),
            "functional_node": FunctionalNodeSettings(url=NODE, fingerprint="0" * 64),
            **settings,
        }
        folder = SeededFolder.make(self.place / name, self.seed, registry.authority.root)
        node = self.nodes[name] = Node(self, settings_from(**chosen), folder, codec or DspCodec())
        await node.start()
        return node

    async def connector(self, name: str, *, codec: DspCodec | None = None, **settings: Any) -> Node:
        """A connector that runs, is registered and listens."""
        node = await self.applicant(name, codec=codec, **settings)
        applied = await node.register("", "")
        await self.functional.call("approve_identity", applied.application, request=v.DecisionRequest())
        await node.registration()
        self.clock.advance(seconds=2)  # from now on a list without this participant is old enough to be fetched again
        return node

    async def publish(
        self,
        node: Node,
        data: bytes = b"stop,time\n",
        policy: Policy | None = None,
        *,
        title: str = "城市公交时刻表",
        approval: str = "automatic",
        visible_to: Sequence[str] = (),
        signatures: v.Signatures = "",
    ) -> v.ProductView:
        """A product of that content, listed under its code."""
        path = self.place / f"{len(data)}.csv"
        path.write_bytes(data)
        described = DataProduct(title=title, files=[path], industry="0054", topic="B0300")
        product = await node.publish(
            described, policy or offer(use()), approval=approval, visible_to=visible_to, signatures=signatures
        )
        entries = (await self.functional.call("entries")).results
        for entry in (one for one in entries if one.dataset == product.product):
            await self.functional.call("approve_entry", entry.entry, request=v.DecisionRequest())
        listed: v.ProductView = await node.call("product", product.product)
        return listed

    async def revoke(self, node: Node, reason: str = "it broke the rules") -> None:
        """Take a connector's identity away; everybody hears of it, if the network lets them."""
        await self.functional.call("revoke_identity", node.engine.identifier, request=v.DecisionRequest(reason=reason))

    async def quiet(self, seconds: float = 4.0) -> None:
        """Wait until nobody has anything to do without a person; `TimeoutError` after so many real seconds."""
        still = 0
        with anyio.fail_after(seconds):
            while still < 2:
                await self.network.settle()
                busy = [await node.busy() for node in self.nodes.values() if node.running]
                still = 0 if any(busy) else still + 1
                await anyio.sleep(0.001)


async def _functional(network: Network, place: Path, seed: str) -> Functional:
    store = MemoryStore()
    hints = Hints(store, network.peer())
    registry = await Registry.open(store, seed=seed, on_change=hints.changed)
    folder = SeededFolder.make(place / "node", seed, registry.authority.root)
    now = registry.clock.now()
    for purpose in ("signing", "tls"):
        key, issue = MemoryKey(f"{seed} {purpose}"), registry.authority
        if purpose == "tls":
            der = issue.tls(key.public_der, identifier=registry.identifier, hosts=["node.example"], now=now)
        else:
            der = issue.signing(key.public_der, identifier=registry.identifier, name="node.example", now=now)
        folder.write_certificate(purpose, der)
    functional = Functional(registry, folder, hints)
    network.attach(NODE, functional.app, registry.clock)
    return functional


def credit_code(number: int) -> str:
    """A made-up 统一社会信用代码 whose checks hold."""
    body = f"{number:08d}"
    body = f"91350100{body}{organisation_check(body)}"
    return body + credit_code_check(body)


def _due(tx: Tx, *, todo: str) -> list[str]:
    return [one.key for one in tx.find(Negotiation, todo=todo)]


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data
