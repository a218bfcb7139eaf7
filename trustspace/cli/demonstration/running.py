"""Going through the story: what was done before is told, the rest is done; nodes run only while a step needs them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Final

from trustspace.cli.demonstration import nodes
from trustspace.cli.demonstration.actors import ALL, BUS, PLANNER, Actor
from trustspace.cli.demonstration.journal import Entry, Told
from trustspace.cli.demonstration.place import Place
from trustspace.cli.demonstration.processes import NodeEnded, stop_orphan
from trustspace.cli.demonstration.stage import SOON, Stage, Step
from trustspace.cli.demonstration.story import STORY
from trustspace.cli.demonstration.telling import Teller
from trustspace.core.errors import Unavailable

TOTAL: Final = len(ALL) + len(STORY)
RESTARTS: Final = 3
"""How often nodes are started again within one step."""
AGAIN: Final = 0.2
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run(place: Place, told: Teller) -> None:
    """Tell the whole story; raises what went wrong, after the nodes were stopped."""
    begun = time.perf_counter()
    told.opening(place, TOTAL)
    with _stopped_by_signals():
        stage = Stage(place)
        try:
            await _begin(stage, told)
            for number, step in enumerate(STORY, len(ALL) + 1):
                if not step.nodes:
                    await stage.nodes.stop()
                await _step(stage, told, number, step)
        finally:
            await stage.nodes.stop()
    told.closing(place, _totals(place, time.perf_counter() - begun))


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """A signal ends the driver the way Ctrl-C does: the nodes are stopped first."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 -- this runs inside one
    for one in _SIGNALS:
        loop.add_signal_handler(one, task.cancel)
    try:
        yield
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for one in _SIGNALS:
            loop.remove_signal_handler(one)


async def _begin(stage: Stage, told: Teller) -> None:
    """Start the nodes if any step still needs them; the connectors are made once the functional node is there."""
    if all(stage.journal.get(step.name) for step in STORY if step.nodes):
        await asyncio.gather(*(stop_orphan(stage.place.node(actor)) for actor in ALL if nodes.made(stage.place, actor)))
        return
    if all(nodes.made(stage.place, actor) for actor in ALL):
        await _start(stage, told, *ALL)
        return
    first, *others = ALL
    await _start(stage, told, first)
    await _start(stage, told, *others)


async def _start(stage: Stage, told: Teller, *actors: Actor) -> None:
    """Start these at once, and tell of them in their order."""
    tasks = [asyncio.create_task(_timed(stage.nodes.guard(nodes.start(stage, actor)))) for actor in actors]
    try:
        for actor, task in zip(actors, tasks, strict=True):
            step = Step(f"{actor.key}-starts", actor.label, "starts", _nothing)
            told.step(ALL.index(actor) + 1, step, await task, again=False)
    finally:  # where one fails the others are given up, and nothing goes on behind our back
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _nothing(_: Stage) -> Told:
    return Told()


async def _step(stage: Stage, told: Teller, number: int, step: Step) -> None:
    entry = stage.journal.get(step.name)
    if entry is not None:
        told.step(number, step, entry, again=True)
        return
    entry = await _persistently(stage, told, step)
    stage.journal.write(step.name, entry)
    told.step(number, step, entry, again=False)


async def _persistently(stage: Stage, told: Teller, step: Step) -> Entry:
    """Do the step; where a node ended start it again, and where one was not reached wait: what was done is found."""
    restarts, end = 0, time.monotonic() + SOON
    while True:
        try:
            return await _timed(stage.nodes.guard(step.act(stage)))
        except NodeEnded as error:
            restarts += 1
            if restarts > RESTARTS:
                raise
            told.note(f"{error.where}: {error.what}; it is started again")
            await nodes.start(stage, error.actor)
        except Unavailable:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(AGAIN)


async def _timed(work: Awaitable[Told]) -> Entry:
    begun = time.perf_counter()
    return Entry(await work, round((time.perf_counter() - begun) * 1000, 1))


def _totals(place: Place, seconds: float) -> dict[str, object]:
    """The figures of the end: for the three nodes, and for the whole."""
    journal = place.journal
    entries = journal.entries()
    fetched = journal.fact("fetch", "bytes")
    moved = {BUS.key: 2 * fetched, PLANNER.key: fetched}  # the hand-made client read the last use's bytes
    rows = []
    for actor in ALL:
        mine = [entries[step.name].ms for step in STORY if step.who == actor.label]
        counted = journal.fact("count", actor.key)
        rows.append(
            {
                "node": actor.key,
                "ms": round(sum(mine), 1),
                "bytes": moved.get(actor.key, 0),
                "messages": counted["messages"],
                "log": counted["entries"],
                "disk": sum(one.stat().st_size for one in place.node(actor).rglob("*") if one.is_file()),
            }
        )
    return {
        "done": True,
        "dir": str(place.root),
        "seconds": round(seconds, 2),
        "step_ms": round(sum(one.ms for one in entries.values()), 1),
        "contracts": [journal.fact(step, "contract") for step in ("negotiate", "trial-contract")],
        "sha256": place.digest,
        "denials": journal.fact("denials", "denials"),
        "altered_packs_refused": journal.fact("tamper", "refused"),
        "nodes": rows,
    }
