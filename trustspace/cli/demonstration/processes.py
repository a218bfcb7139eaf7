"""The three nodes as child processes: started when a step needs one, watched while it works, stopped at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from trustspace.cli.demonstration.actors import Actor
from trustspace.core.errors import TrustspaceError, Unavailable
from trustspace.node.client import Client
from trustspace.node.folder import RUNNING, Folder

T = TypeVar("T")
READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 3.0
EVERY: Final = 0.02
AGAIN: Final = "run the same command again: it goes on where it stopped"


class NodeEnded(Unavailable):
    """A node ended while it was needed."""

    code = "node-ended"

    def __init__(self, actor: Actor, how: str) -> None:
        super().__init__(f"this node {how}", where=actor.label, hint=AGAIN)
        self.actor = actor


class Node:
    """A running node: its process, and a client of its management interface. `ended` gives how it ended."""

    def __init__(self, actor: Actor, folder: Path, pid: int, ended: Coroutine[Any, Any, str]) -> None:
        self.actor, self.pid, self.client = actor, pid, Client.of(folder)
        self.ended = asyncio.create_task(ended)

    async def stop(self) -> None:
        """Stop it, by force where it takes too long."""
        await self.client.close()
        for how in (signal.SIGTERM, signal.SIGKILL):
            if not self.ended.done():
                with suppress(ProcessLookupError):
                    os.kill(self.pid, how)
                await asyncio.wait((self.ended,), timeout=STOP_SECONDS)


async def start(actor: Actor, folder: Path, log: Path) -> Node:
    """The node of this folder, running: one that a killed driver left behind, or a new process.

    Raises `NodeEnded` with its own words where it does not come to listen.
    """
    orphan = await _orphan(folder)
    if orphan is not None:
        return Node(actor, folder, orphan, _until_let_go(folder))
    process = await _spawn(folder, log)
    try:
        if not (await _first_line(process)).startswith(b"ready "):
            raise NodeEnded(actor, await _why(process, log))
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        raise
    return Node(actor, folder, process.pid, _until_ended(process, log))


class Nodes:
    """Those that run."""

    def __init__(self) -> None:
        self._running: dict[str, Node] = {}

    async def add(self, node: Node) -> None:
        """Watch this one too, in the place of an earlier process of the same node."""
        before, self._running[node.actor.key] = self._running.get(node.actor.key), node
        if before is not None:
            await before.stop()

    def client(self, actor: Actor) -> Client:
        """The management interface of a node that runs."""
        return self._running[actor.key].client

    async def guard(self, work: Awaitable[T]) -> T:
        """Do the work unless a node ends meanwhile, which then is what went wrong (`NodeEnded`)."""
        task = asyncio.ensure_future(work)
        watched = {node.ended: node for node in self._running.values()}
        try:
            await asyncio.wait((task, *watched), return_when=asyncio.FIRST_COMPLETED)
            if watched and task.done() and task.exception():  # perhaps because a node is just ending
                await asyncio.wait(watched, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
        for ended, node in watched.items():
            if ended.done() and (task.cancelled() or task.exception()):
                raise NodeEnded(node.actor, ended.result())
        return task.result()

    async def stop(self) -> None:
        """Stop all."""
        running, self._running = list(self._running.values()), {}
        await asyncio.gather(*(node.stop() for node in running))


async def _spawn(folder: Path, log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trustspace",
            "serve",
            str(folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C reaches the driver, and the driver stops the nodes
        )


async def _first_line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 -- it was opened as a pipe
    try:
        return await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
    except TimeoutError:
        return b""


async def _why(process: asyncio.subprocess.Process, log: Path) -> str:
    """Why a node did not come to listen."""
    try:
        return await asyncio.wait_for(_until_ended(process, log), 1.0)
    except TimeoutError:
        return f"does not listen after {READY_SECONDS:.0f} s"


async def _until_ended(process: asyncio.subprocess.Process, log: Path) -> str:
    """How the process ended, once it has."""
    assert process.stdout is not None  # noqa: S101 -- it was opened as a pipe
    while await process.stdout.readline():
        continue
    code = await process.wait()
    return f"was killed by signal {-code}" if code < 0 else f"ended with {code}: {_last_words(log)}"


async def _until_let_go(folder: Path) -> str:
    """How a process that is not our child ended: nobody holds its folder any more."""
    while Folder(folder).holder() is not None:  # noqa: ASYNC110 -- nobody tells us of a process that is not ours
        await asyncio.sleep(EVERY)
    return "ended"


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


async def _orphan(folder: Path) -> int | None:
    """The node that runs on this folder and answers; one that holds the folder and does not answer is stopped."""
    pid = _running(folder)
    try:
        if pid is not None:
            async with Client.of(folder) as client:
                await asyncio.wait_for(client.status(), ANSWER_SECONDS)
            return pid
    except (TrustspaceError, TimeoutError):
        pass
    await stop_orphan(folder)
    return None


def _running(folder: Path) -> int | None:
    """The process that holds the folder, as long as it says itself that it is a node (others only ask for the lock)."""
    pid = Folder(folder).holder()
    return pid if pid is not None and pid == _announced(folder) else None


def _announced(folder: Path) -> int | None:
    try:
        told = json.loads((folder / RUNNING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return int(told["pid"])


async def stop_orphan(folder: Path) -> None:
    """Stop a node that a killed driver left running on this folder, and wait until it has let go of it.

    One that is only starting is waited for: once it has said who it is it can be told to stop.
    """
    told, end = False, time.monotonic() + STOP_SECONDS
    while Folder(folder).holder() is not None:
        patient = time.monotonic() < end
        pid = _running(folder)
        if pid is not None and not (told and patient):
            told = True
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if patient else signal.SIGKILL)
        elif pid is None and not patient:
            raise Unavailable("this folder is held by another process", where=str(folder), hint="end that first")
        await asyncio.sleep(EVERY)
