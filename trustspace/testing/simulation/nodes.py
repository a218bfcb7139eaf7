"""A connector that dies and comes back: each life is the real engine on what the disk kept of the lives before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import anyio
from starlette.types import ASGIApp

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.adapters.storage.memory import Tables
from trustspace.core.errors import TrustspaceError
from trustspace.node import beside, dataplane
from trustspace.node.engine import Engine
from trustspace.node.folder import Folder
from trustspace.node.operations import Operations
from trustspace.node.outside import Outside
from trustspace.node.public import public_app
from trustspace.node.settings import FunctionalNodeSettings, Settings, settings_from
from trustspace.ports import Signer
from trustspace.testing.registry import SeededIds
from trustspace.testing.simulation.disk import Disk, LifeStore
from trustspace.testing.world import NODE

if TYPE_CHECKING:
    from trustspace.testing.simulation.space import Space

DOWN: Final = 5.0
"""Seconds that a node is dead at most."""
Person = Callable[["Life"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class KnownFolder(Folder):
    """A node's folder whose keys come from its name, and whose certificates were issued before."""

    certificates: Mapping[str, bytes] = field(default_factory=dict)

    def load_key(self, purpose: str) -> Signer:
        """The key for `signing` or `tls`."""
        return MemoryKey(f"{self.path.name} {purpose}")

    def read_certificate(self, purpose: str) -> bytes | None:
        """The certificate, None where there is none."""
        return self.certificates.get(purpose)

    def roots(self) -> tuple[bytes, ...]:
        """The functional node's root."""
        return (self.certificates["root"],)


def settings_of(name: str, credit_code: str) -> Settings:
    """The settings of a connector in a simulation."""
    return settings_from(
        kind="connector",
        name=name,
        public_url=f"https://{name}.example",
        credit_code=credit_code,
        functional_node=FunctionalNodeSettings(url=NODE, fingerprint="0" * 64),
    )


class Life:
    """A node from its start until it dies; all its tasks, and the only way out of it for what they do."""

    def __init__(self, node: Node) -> None:
        self.node, self.space, self.plan, self.dead = node, node.space, node.space.plan, False
        self.up = False
        self._tasks: dict[asyncio.Task[Any], None] = {}
        space = self.space
        space.trace.event(f"{node.name} starts life {node.lives}")
        outside = Outside(
            space.defences.peer(space.wire.peer(self)),
            space.clock,
            SeededIds(f"{self.plan.seed} {node.name} {node.lives}"),
            asyncio.sleep,
            monotonic=space.loop.time,
        )
        store = LifeStore(self, node.disk, space.defences.tx)
        self.engine: Engine = space.defences.engine(node.folder, node.settings, store, outside)
        self.operations = Operations(self.engine)
        self.app: ASGIApp = public_app(self.engine, [*dataplane.routes(self.engine), *beside.routes(self.engine)])
        self.spawn(self._main())

    async def _main(self) -> None:
        try:
            async with anyio.create_task_group() as group:
                await group.start(self.engine.run)
                self.up = True
                for person in self.node.people:
                    self.spawn(person(self))
                await anyio.sleep_forever()
        except* TrustspaceError as errors:  # its disk does not let it start: whoever runs it starts it again
            self.die(str(errors.exceptions[0]))

    def spawn(self, task: Coroutine[Any, Any, None]) -> None:
        """Run something as long as this life lasts."""
        running = self.space.loop.create_task(task)
        self._tasks[running] = None
        running.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None and not self.dead:
            self.space.trace.fail("defect", f"{self.node.name}: {error!r}")

    async def step(self, *, alive: bool = False) -> None:
        """Something is about to happen: perhaps it dies before that. A dead node does nothing any more, forever."""
        if not self.dead and not alive and self.plan.happens("crash", self.plan.odds.crash / 2):
            self.die("crash")
        if self.dead:
            await self._nothing()

    async def _nothing(self) -> NoReturn:
        await self.space.loop.create_future()
        raise AssertionError

    def die(self, why: str) -> None:
        """Stop where it stands."""
        if not self.dead:
            self.dead = True
            self.space.trace.event(f"{self.node.name} dies: {why}")
            self.node.life = None
            self.space.spawn(self.node.rise(self))

    async def bury(self) -> None:
        """End all tasks; nothing that they still do comes out."""
        while self._tasks:
            left = list(self._tasks)
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1.0)

    def committed(self) -> None:
        """The disk has changed, perhaps."""
        self.space.trace.event(f"{self.node.name} commits")
        self.space.watch.committed(self.node)


class Node:
    """A connector: its name, folder and disk, and who works at it; `life` is None while it is dead."""

    def __init__(self, space: Space, folder: KnownFolder, settings: Settings) -> None:
        self.space, self.folder, self.settings = space, folder, settings
        self.disk, self.people, self.lives = Disk(), list[Person](), 0
        self.life: Life | None = None
        self._backup: Tables | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.folder.path.name

    @property
    def did(self) -> str:
        """Its participant id."""
        return f"did:web:{self.name}.example"

    @property
    def root(self) -> str:
        """Its public address."""
        return self.settings.public_url

    def start(self) -> None:
        """Begin the next life."""
        self.lives += 1
        self.life = Life(self)

    async def rise(self, last: Life) -> None:
        """Come back after a while, with what the disk kept; or with an older backup, or with nothing."""
        await last.bury()
        await asyncio.sleep(self.space.plan.seconds("down", DOWN))
        if self._backup is not None and self.space.plan.happens("restored from a backup", 0.5):
            self.disk.restore(self._backup)
            self._rolled_back("an older backup")
        self.start()

    def back_up(self) -> None:
        """Keep what the disk has now: a later life may begin with it. Before the first commit that is nothing."""
        self._backup = self.disk.backup()
        self.space.trace.event(f"{self.name} is backed up")

    def lose(self) -> None:
        """Die, and come back with nothing."""
        self.disk.wipe()
        self._rolled_back("nothing")
        if self.life is not None:
            self.life.die("its disk is lost")

    def _rolled_back(self, to: str) -> None:
        self._backup = None
        self.space.trace.event(f"{self.name} comes back with {to}")
        self.space.watch.rolled_back(self)
