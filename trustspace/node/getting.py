"""Fetching once under a contract, into a file of one's own."""

from __future__ import annotations

from pathlib import Path

from trustspace.node.client import Participant
from trustspace.node.views import UseView


async def fetch(node: Participant, contract: str, purpose: str, output: Path, *, progress: bool) -> UseView:
    """One use: asked for, decided, delivered into `output`; raises `Refused` with the provider's reason."""
    async with node.use(contract, purpose) as data:
        place = await data.save(output)
        if progress:
            import sys

            sys.stderr.write(f"{place} {data.view.size} bytes\n")
        return data.view
