"""Registering from outside: apply, then wait for the review."""

from __future__ import annotations

import anyio

from trustspace.node.client import Participant
from trustspace.node.views import RegistrationView

PAUSE = 0.5


async def register_and_wait(
    node: Participant, name: str, credit_code: str, *, contact: str, address: str, wait: float
) -> RegistrationView:
    """Apply unless that was done; ask how it stands until it is decided or the time is up."""
    status = await node.status()
    if status.state in {"new", "returned"}:
        seen = await node.register(name, credit_code, contact=contact, address=address)
    else:
        seen = await node.registration()
    with anyio.move_on_after(wait):
        while seen.state in {"applied", "approved"} and wait:
            await anyio.sleep(PAUSE)
            seen = await node.registration()
    return seen
