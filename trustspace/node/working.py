"""A task group beside a block: its tasks end with the block, and an error of the block stays the error it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def working() -> AsyncIterator[TaskGroup]:
    """A group for workers. What the block raises passes through as itself; a worker's own failure ends the block."""
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        try:
            yield group
        except Exception as error:  # kept, so that the group does not wrap it
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
