"""One seed: a data space of real nodes on a virtual loop, until everything has come to its end."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

from trustspace.adapters.storage.memory import Tables
from trustspace.core.canon import decode64
from trustspace.core.contract import Contract, Negotiation, Role
from trustspace.core.errors import TrustspaceError
from trustspace.core.transfer import Transfer
from trustspace.node.engine import LOG
from trustspace.ports import Answer
from trustspace.testing.registry import Registry
from trustspace.testing.simulation.defences import Defences
from trustspace.testing.simulation.disk import Disk
from trustspace.testing.simulation.faults import Odds, Plan
from trustspace.testing.simulation.final import check_end
from trustspace.testing.simulation.loop import LoopClock, VirtualLoop
from trustspace.testing.simulation.nodes import KnownFolder, Life, Node, settings_of
from trustspace.testing.simulation.people import Deal, Person, audit, limit_of, persist_once
from trustspace.testing.simulation.trace import Failure, Trace
from trustspace.testing.simulation.views import record, records
from trustspace.testing.simulation.watch import Watch
from trustspace.testing.simulation.wire import Request, Wire
from trustspace.testing.world import credit_code

NAMES: Final = ("bus", "planner", "metro", "taxi", "ferry")
FAULTY: Final = (20.0, 90.0)
"""Seconds that things go wrong, from and to."""
QUIET: Final = 3600.0
"""Virtual seconds within which everything comes to its end once nothing goes wrong any more."""
SHARED: Final = Path("/dev/shm")  # noqa: S108 -- memory that looks like a disk; each run makes its own folder in it


@dataclass(frozen=True, slots=True)
class Settings:
    """What is simulated: how many connectors and deals, which odds, and which defence is left out ("" for none)."""

    connectors: int = 3
    deals: int = 3
    odds: Odds = field(default_factory=Odds)
    without: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one seed: counts, the hash of the trace, and what did not hold."""

    seed: int
    events: int
    seconds: float
    digest: str
    counts: Mapping[str, int]
    faults: Mapping[str, int]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """Companies that were registered once, for all seeds: the functional node's records, and their certificates."""

    tables: Tables
    certificates: Mapping[str, Mapping[str, bytes]]


@cache
def registered() -> Registered:
    """Register everybody, on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_register())


async def _register() -> Registered:
    disk, issued = Disk(), {}
    registry = await Registry.open(disk.store, seed="simulation", clock=LoopClock(asyncio.get_running_loop()))
    for number, name in enumerate(NAMES, 1):
        standing = await registry.company(name, credit_code=credit_code(number)).register()
        issued[name] = {
            "tls": decode64(standing.tls_certificate),
            "signing": decode64(standing.signing_certificate),
            "root": registry.authority.root,
        }
    return Registered(disk.tables, issued)


class Said(logging.Handler):
    """Keeps what the nodes say; a traceback is a defect."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            self._trace.fail("defect", f"{record.getMessage()} ({record.exc_info[1]!r})")


class Space:
    """Everybody and everything of one seed."""

    def __init__(self, seed: int, settings: Settings, place: Path, show: Callable[[str], None] | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.settings, self.plan = settings, Plan(seed, settings.odds)
        self.clock = LoopClock(self.loop)
        self.clock.advance(seconds=10)  # behind the registrations
        self.trace = Trace(self.loop.time, show)
        self.defences, self.wire = Defences(settings.without), Wire(self)
        self.watch, self.limits = Watch(self), dict[str, int]()
        self.nodes = {node.root: node for node in self._made(place)}
        self.deals = self._drawn()
        self._registry: Registry | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = asyncio.Event()
        self.trace.failed = self._failed.set

    def _made(self, place: Path) -> list[Node]:
        issued = registered().certificates
        made = []
        for number, name in enumerate(NAMES[: self.settings.connectors], 1):
            folder = KnownFolder(place / name, issued[name])
            folder.files.mkdir(parents=True)
            made.append(Node(self, folder, settings_of(name, credit_code(number))))
        return made

    def _drawn(self) -> list[Deal]:
        dice, nodes = self.plan.random("people"), list(self.nodes.values())
        return [Deal.draw(number, nodes, dice) for number in range(self.settings.deals)]

    # --- what the parts ask for -----------------------------------------------------------------------------------

    def spawn(self, task: Coroutine[Any, Any, None]) -> None:
        """Run something that belongs to no node."""
        running = self.loop.create_task(task)
        self._tasks.add(running)
        running.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.trace.fail("defect", f"the simulation itself: {error!r}")

    async def functional(self, request: Request) -> Answer:
        """The functional node's answer."""
        assert self._registry is not None  # noqa: S101 -- tells the type
        name = urlsplit(request.url).path.rpartition("/")[2]
        status, headers, body = await self._registry.node.answer(name, dict(request.headers), request.body)
        return Answer(status, body, {key.lower(): value for key, value in headers.items()})

    def limit(self, node: Node, agreement: str) -> int:
        """How many uses an agreement allows."""
        return limit_of(record(node.disk.tables, Contract, agreement))

    def over(self, deal: Deal) -> bool:
        """Whether the consumer is through with it."""
        return str(Role.CONSUMER) in deal.done

    # --- from the beginning to the end ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Everything, until it has ended or an invariant does not hold."""
        self._registry = await Registry.open(_copied(registered().tables), seed="simulation", clock=self.clock)
        for deal in self.deals:
            await self._publish(deal)
        for node in self.nodes.values():
            node.people.append(audit)
            node.start()
        story = self.loop.create_task(self._story())
        failed = self.loop.create_task(self._failed.wait())
        await asyncio.wait([story, failed], return_when=asyncio.FIRST_COMPLETED)
        failed.cancel()
        if story.done():
            story.result()
        story.cancel()

    async def _publish(self, deal: Deal) -> None:
        product = deal.product
        await deal.provider.disk.store.run(lambda tx: tx.save(product, expect=0))
        (deal.provider.folder.files / product.reference).write_bytes(deal.data)
        deal.consumer.people.append(_person(deal, Role.CONSUMER))
        deal.provider.people.append(_person(deal, Role.PROVIDER))

    async def _story(self) -> None:
        dice = self.plan.random("story")
        bad, back_up, lost = dice.uniform(*FAULTY), dice.random(), dice.random()
        await self._lose(dice.choice(list(self.nodes.values())), bad, back_up, lost)
        self.plan.over = True
        self.trace.event("nothing goes wrong any more")
        await self._quiet()
        for node in self.nodes.values():
            if node.life is not None:
                await persist_once(node.life.operations.check_logs)
        await self._quiet()  # who changed their mind meanwhile is heard too
        self.trace.event("quiet")
        check_end(self)

    async def _lose(self, node: Node, bad: float, back_up: float, lost: float) -> None:
        """Perhaps one node forgets, in the middle of it all: it falls back to a backup, or to nothing."""
        if lost >= self.plan.odds.rollback:
            await asyncio.sleep(bad)
            return
        await asyncio.sleep(bad * back_up)
        if lost < self.plan.odds.rollback / 2:
            self.plan.counts["restarted empty"] += 1
            node.lose()
        else:
            node.back_up()
        await asyncio.sleep(bad * (1 - back_up))

    async def _quiet(self) -> None:
        """I7: wait until nobody has anything to do."""
        end, still = self.loop.time() + QUIET, 0
        while still < 2:
            await asyncio.sleep(1.0)
            busy = self._busy()
            still = 0 if busy else still + 1
            if self.loop.time() > end:
                self.trace.fail("I7", f"still not at the end after {QUIET:g} s: {busy}")
                return

    def _busy(self) -> str:
        if self.wire.flying:
            return "something is on its way"
        waiting = [f"{deal.name} ({role})" for deal in self.deals for role in Role if str(role) not in deal.done]
        return "; ".join([*waiting, *(todo for node in self.nodes.values() for todo in _todo(self, node))])

    def outcome(self) -> Outcome:
        """Counts and hash."""
        counts: Counter[str] = Counter()
        for node in self.nodes.values():
            for kind in (Negotiation, Transfer):
                counts.update(
                    f"{kind.KIND} {one.state}" for one in records(node.disk.tables, kind) if one.role is Role.CONSUMER
                )
            counts["lives"] += node.lives
        counts["requests"] = self.wire.sent
        trace, faults = self.trace, {kind: number for kind, number in self.plan.counts.items() if number}
        return Outcome(
            self.plan.seed, trace.events, round(self.loop.time(), 3), trace.digest, dict(counts), faults, trace.failure
        )


def _copied(tables: Tables) -> Any:
    disk = Disk()
    disk.restore(tables)
    disk.restore(disk.backup())
    return disk.store


def _person(deal: Deal, role: Role) -> Callable[[Life], Coroutine[Any, Any, None]]:
    return lambda life: Person(life, deal, role).work()


def _todo(space: Space, node: Node) -> list[str]:
    """What a node has to do still."""
    life, tables = node.life, node.disk.tables
    if life is None or not life.up:
        return [f"{node.name} is not up"]
    queued = [f"{node.name}: {one.kind} {one.verb} ({one.error})" for _, one in tables.outbox.values()]
    due = [
        f"{node.name}: {one.todo} {one.key}"
        for kind in (Negotiation, Transfer)
        for one in records(tables, kind)
        if one.todo and not (one.todo == "decide" and space.watch.excused(one))
    ]
    held = [f"{node.name}: {held.error}" for held in life.engine.held.values()]
    return [*queued, *due, *held]


def simulate(seed: int, settings: Settings, show: Callable[[str], None] | None = None) -> Outcome:
    """Run one seed from its beginning to its end; the same seed and settings give the same trace."""
    registered()
    gc.collect()
    gc.disable()  # what is collected at odd moments ends generators at odd moments
    folder = SHARED if SHARED.is_dir() else None
    try:
        with TemporaryDirectory(dir=folder) as place, asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(_simulated(seed, settings, Path(place), show))
    finally:
        gc.enable()


async def _simulated(seed: int, settings: Settings, place: Path, show: Callable[[str], None] | None) -> Outcome:
    space = Space(seed, settings, place, show)
    said = Said(space.trace)
    LOG.addHandler(said)
    propagate, LOG.propagate = LOG.propagate, False
    try:
        await space.run()
        space.watch.all_hidden(said.lines)
    except TrustspaceError as error:
        space.trace.fail("defect", f"the simulation itself: {error!r}")
    finally:
        LOG.removeHandler(said)
        LOG.propagate = propagate
    return space.outcome()


def odds_of(**given: float) -> Odds:
    """The usual odds with some of them changed."""
    return replace(Odds(), **given)
