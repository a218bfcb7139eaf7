"""The three nodes as child processes: started when a step needs one, watched while it works, stopped at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from trustspace.cli.demonstration.actors import Actor
from trustspace.core.errors import Unavailable
from trustspace.node.client import Client

T = TypeVar("T")
READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
AGAIN: Final = "run the same command again: it goes on where it stopped"


class Node:
    """A running node: its process, and a client of its management interface."""

    def __init__(self, actor: Actor, folder: Path, process: asyncio.subprocess.Process, log: Path) -> None:
        self.actor, self.client, self._process, self._log = actor, Client.of(folder), process, log
        self.ended = asyncio.create_task(self._until_ended())

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @classmethod
    async def start(cls, actor: Actor, folder: Path, log: Path) -> Node:
        """Start `trustspace serve` and wait until it listens; `Unavailable` with its own words where it does not."""
        await stop_orphan(folder)
        process = await _spawn(folder, log)
        try:
            if not (await _first_line(process)).startswith(b"ready "):
                raise Unavailable(await _why(process, log), where=actor.label, hint=AGAIN)
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            raise
        return cls(actor, folder, process, log)

    async def stop(self) -> None:
        """Stop it, by force where it takes too long."""
        await self.client.close()
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            await asyncio.wait((self.ended,), timeout=STOP_SECONDS)

    def failure(self) -> Unavailable:
        """Why it ended, for people."""
        code = self._process.returncode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}: {_last_words(self._log)}"
        return Unavailable(f"this node {how}", where=self.actor.label, hint=AGAIN)

    async def _until_ended(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 -- it was opened as a pipe
        while await self._process.stdout.readline():
            continue
        await self._process.wait()


class Nodes:
    """Those that run."""

    def __init__(self) -> None:
        self._running: dict[str, Node] = {}

    def add(self, node: Node) -> None:
        """Watch this one too."""
        self._running[node.actor.key] = node

    def client(self, actor: Actor) -> Client:
        """The management interface of a node that runs."""
        return self._running[actor.key].client

    async def guard(self, work: Awaitable[T]) -> T:
        """Do the work unless a node ends meanwhile, which then is what went wrong."""
        task = asyncio.ensure_future(work)
        watched = {node.ended: node for node in self._running.values()}
        try:
            await asyncio.wait((task, *watched), return_when=asyncio.FIRST_COMPLETED)
            if (
                watched and task.done() and isinstance(task.exception(), Unavailable)
            ):  # perhaps because a node is just ending
                await asyncio.wait(watched, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
        for ended, node in watched.items():
            if ended.done() and (task.cancelled() or task.exception()):
                raise node.failure()
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
        code = await asyncio.wait_for(process.wait(), 1.0)
    except TimeoutError:
        return f"it does not listen after {READY_SECONDS:.0f} s"
    return _last_words(log) or f"it ended with {code}"


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


async def stop_orphan(folder: Path) -> None:
    """Stop a node that a killed driver left running on this folder, and wait until it has let go of it."""
    from trustspace.node.folder import Folder

    for how in (signal.SIGTERM, signal.SIGKILL):
        pid = Folder(folder).holder()
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        if await _let_go(folder):
            return


async def _let_go(folder: Path) -> bool:
    from trustspace.node.folder import Folder

    for _ in range(int(STOP_SECONDS / 0.02)):
        if Folder(folder).holder() is None:
            return True
        await asyncio.sleep(0.02)
    return False
