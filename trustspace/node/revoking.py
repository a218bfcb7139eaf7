"""Telling connectors that the list of participants has changed: a hint, so that a revocation counts at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

import anyio

from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.adapters.http.tls import client_context
from trustspace.core.errors import TrustspaceError
from trustspace.core.identity.registration import Application, State
from trustspace.node.beside import HINT
from trustspace.node.folder import to_pem
from trustspace.node.settings import Settings, split_bind
from trustspace.ports import Peer, Store

SECONDS: Final = 3.0
PATIENCE: Final = 4.0
"""Whoever is not reached in that time has the new list within a minute, or refuses everybody."""
MANY: Final = 100_000


class Hints:
    """Sends an empty message to every active connector after a change; who misses it has the list in a minute."""

    def __init__(self, store: Store, peer: Peer) -> None:
        self._store, self._peer = store, peer
        self._event, self._round = anyio.Event(), anyio.Event()
        self._asked = self._told = 0

    @classmethod
    def over(cls, store: Store, roots: Sequence[bytes], settings: Settings) -> Self:
        """Over the network, as far as the settings allow."""
        peer = AiohttpPeer(
            client_context(b"".join(map(to_pem, roots)), system=True),
            policy=AddressPolicy.of(settings.network.networks, bound=split_bind(settings.public_bind)[0]),
            plain=PlainHttp.of(settings.network.plain_http),
        )
        return cls(store, peer)

    def changed(self) -> None:
        """The list has changed."""
        self._asked += 1
        self._event.set()

    async def settled(self) -> None:
        """Wait until those who are reached have heard of every change so far; for a few seconds at most."""
        asked = self._asked
        with anyio.move_on_after(PATIENCE):
            while self._told < asked:
                await self._round.wait()

    async def run(self) -> None:
        """Tell whoever is to be told, until cancelled."""
        try:
            while True:
                await self._event.wait()
                self._event, asked = anyio.Event(), self._asked
                await self._tell()
                self._told, before, self._round = asked, self._round, anyio.Event()
                before.set()
        finally:
            with anyio.CancelScope(shield=True):
                await self._peer.close()

    async def _tell(self) -> None:
        active = await self._store.read(lambda tx: tx.find(Application, limit=MANY, state=State.ACTIVE.value))
        async with anyio.create_task_group() as group:
            for application in active:
                group.start_soon(self._hint, application.requested.public_url)

    async def _hint(self, url: str) -> None:
        with suppress(TrustspaceError):
            await self._peer.request("POST", url + HINT, body=b"{}", timeout=SECONDS)
