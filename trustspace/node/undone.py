"""What an earlier life of a node left undone, as its store knows it: read page by page, however much there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

import anyio

from trustspace.core.contract import Negotiation, Role
from trustspace.core.contract.negotiation import MACHINE as NEGOTIATION
from trustspace.core.machine import Machine
from trustspace.core.transfer import State, Transfer
from trustspace.core.transfer.process import MACHINE as TRANSFER
from trustspace.core.usage import DELIVERED, Use
from trustspace.ports import Store, Tx
from trustspace.services.planning import HOLD, RULE
from trustspace.services.walking import each

MANY: Final = 1_000_000
AT_ONCE: Final = 16
"""How many processes are taken up at the same time: what others ask for now is not to wait behind all of them."""
TODO: Final = {
    Negotiation: ("decide", "agree", "verify", "finalize", HOLD, RULE),
    Transfer: ("start", HOLD, RULE),
}


async def going_on(store: Store, take: Callable[[Any], object]) -> None:
    """Hand over every process that has not ended; what has ended is not read, however much that is."""
    for kind, machine in ((Negotiation, NEGOTIATION), (Transfer, TRANSFER)):
        await each(store, kind, "state", _open_states(machine), take)


async def take_up(store: Store, advance: Callable[[str, str], Awaitable[None]]) -> None:
    """Do what is ours to do next with every process, some at a time."""
    keys: list[tuple[str, str]] = []
    for kind, todo in TODO.items():
        await each(store, kind, "todo", todo, lambda record: keys.append((record.KIND, record.key)))
    left = iter(keys)
    async with anyio.create_task_group() as group:
        for _ in range(min(AT_ONCE, len(keys))):
            group.start_soon(_work, left, advance)


async def _work(left: Iterator[tuple[str, str]], advance: Callable[[str, str], Awaitable[None]]) -> None:
    for machine, key in left:
        await advance(machine, key)


async def delivered(store: Store) -> list[str]:
    """Our transfers that run though what they were opened for has been delivered."""
    running: list[tuple[str, str]] = []

    def take(one: Transfer) -> None:
        if one.role is Role.CONSUMER and one.pending is None:
            running.append((one.key, one.agreement))

    await each(store, Transfer, "state", [State.STARTED.value], take)
    return [
        key for key, agreement in running if await store.read(partial(_delivered, transfer=key, agreement=agreement))
    ]


def _delivered(tx: Tx, *, transfer: str, agreement: str) -> bool:
    return any(use.transfer == transfer for use in tx.find(Use, limit=MANY, agreement=agreement, state=DELIVERED))


def _open_states(machine: Machine[Any, Any, Any]) -> list[str]:
    return [str(state) for state in dict.fromkeys(machine.moves.values()) if not machine.final(state)]
