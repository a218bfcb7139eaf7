"""What a step works with: the nodes' management interfaces, the folder, and what earlier steps found."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx

from trustspace.cli.demonstration.actors import BUS, FUNCTIONAL, PLANNER, Actor
from trustspace.cli.demonstration.journal import Journal, Told
from trustspace.cli.demonstration.place import Place
from trustspace.cli.demonstration.processes import Nodes
from trustspace.core.errors import Refused, Unavailable
from trustspace.node.client import Client
from trustspace.node.logviews import LogEntryView, LogPage

T = TypeVar("T")
SOON: Final = 10.0
"""Seconds that something which happens by itself is waited for."""
EVERY: Final = 0.02
PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demonstration takes place."""

    place: Place
    nodes: Nodes = field(default_factory=Nodes)

    @property
    def journal(self) -> Journal:
        """What was done."""
        return self.place.journal

    @property
    def operator(self) -> Client:
        """The functional node's management interface: its reviewers'."""
        return self.nodes.client(FUNCTIONAL)

    @property
    def bus(self) -> Client:
        """The bus company's."""
        return self.nodes.client(BUS)

    @property
    def planner(self) -> Client:
        """The trip planner's."""
        return self.nodes.client(PLANNER)

    def fact(self, step: str, name: str) -> Any:
        """What an earlier step found."""
        return self.journal.fact(step, name)

    def outside(self) -> httpx.AsyncClient:
        """An HTTP client that is no node: it trusts the data space's root, and has no certificate and no token."""
        context = ssl.create_default_context(cafile=str(self.place.roots))
        return httpx.AsyncClient(verify=context, trust_env=False, timeout=30)

    async def entries(self, actor: Actor, subject: str = "") -> list[LogEntryView]:
        """The entries of a node's log about something, or all."""
        found: list[LogEntryView] = []
        while True:
            after = str(found[-1].index + 1 if found else 0)
            page: LogPage = await self.nodes.client(actor).call(
                "log_entries", subject=subject, after=after, limit=str(PAGE)
            )
            found += page.results
            if len(page.results) < PAGE:
                return found


Act = Callable[[Stage], Awaitable[Told]]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in the journal, who does what. `act` looks before it acts; without `nodes` none has to run."""

    name: str
    who: str
    what: str
    act: Act
    nodes: bool = True


async def until(look: Callable[[], Awaitable[T]], done: Callable[[T], bool], what: str, *, seconds: float = SOON) -> T:
    """Look until it is done; `Unavailable` where it takes too long."""
    end = time.monotonic() + seconds
    while not done(seen := await look()):
        if time.monotonic() > end:
            raise Unavailable(f"{what} did not happen within {seconds:.0f} s", hint="see `trustspace status`")
        await asyncio.sleep(EVERY)
    return seen


def must(holds: bool, what: str, where: str = "") -> None:
    """The demonstration shows what is so: end it where it is not."""
    if not holds:
        raise Refused(what, where=where or "demo")
