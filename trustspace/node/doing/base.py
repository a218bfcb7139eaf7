"""What the parts share: the engine behind them, and how to ask its store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trustspace.core.errors import InvalidInput, MisusedError
from trustspace.core.policy import Policy, clauses
from trustspace.node import views as v
from trustspace.node.engine import Engine
from trustspace.ports import Tx

T = TypeVar("T")
MOST = 1000


class Doing:
    """A part of the operations over one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def read(self, body: Callable[[Tx], T]) -> T:
        """Ask the store."""
        return await self.engine.store.read(body)

    def check_registered(self) -> None:
        """Raise unless this connector has its identity, or needs none."""
        if not self.engine.ready:
            raise MisusedError("this connector is not registered yet", where="registration", hint="trustspace register")


def page(offset: str, limit: str) -> tuple[int, int]:
    """Offset and limit as numbers; `InvalidInput` for other texts."""
    for name, text in (("offset", offset), ("limit", limit)):
        if not text.isdecimal() or len(text) > 9:
            raise InvalidInput(f"{text!r} is not a number", where=name)
    return int(offset), min(int(limit), MOST)


def clause_views(policy: Policy) -> list[v.ClauseView]:
    """The clauses of a policy for people."""
    return [
        v.ClauseView(
            path=clause.path,
            text=clause.text_en,
            text_zh=clause.text_zh,
            enforced=clause.enforced.value,
            enforced_by=clause.who_en,
            enforced_by_zh=clause.who_zh,
        )
        for clause in clauses(policy)
    ]
