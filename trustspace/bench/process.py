"""Processes of a bench: started, told apart by their first line of JSON, and ended with it."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from trustspace.core.errors import Unavailable


@asynccontextmanager
async def running(module: str, *arguments: str) -> AsyncIterator[tuple[Process, Any]]:
    """Run `python -m module` beside us until the block is left; gives it with the JSON of its first line."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments, stdin=PIPE, stdout=PIPE)
    try:
        yield process, await told(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def told(process: Process) -> Any:
    """The next line of a process, as JSON; `Unavailable` where it ended instead."""
    if process.stdout is None or not (line := await process.stdout.readline()):
        raise Unavailable("a process of the bench ended too early", hint="its error is printed above")
    return json.loads(line)


async def output(module: str, *arguments: str) -> Any:
    """Run `python -m module` to its end; the JSON that it printed. `Unavailable` where it failed."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments, stdin=DEVNULL, stdout=PIPE)
    printed, _ = await process.communicate()
    if process.returncode:
        raise Unavailable("a process of the bench failed", where=module, hint="its error is printed above")
    return json.loads(printed)
