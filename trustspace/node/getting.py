"""Fetching once under a contract, into a file of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trustspace.node.client import Participant
from trustspace.node.views import UseView

Progress = Callable[[int, int], None]
"""Told how many bytes are here, and of how many."""


async def fetch(
    node: Participant, contract: str, purpose: str, output: Path, *, key: str = "", progress: Progress | None = None
) -> UseView:
    """One use: asked for, decided, delivered into `output`; raises `Refused` with the provider's reason."""
    async with node.use(contract, purpose, key=key) as data:
        size = data.view.size
        await data.save(output, progress=(lambda here: progress(here, size)) if progress else None)
        return data.view
