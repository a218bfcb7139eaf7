"""The floor under `bench negotiate`: the same client and server, and the least that a flow needs, on this machine now.

The server is a process of its own, as the provider is; an empty handler answers. What a flow takes beyond the floor is
what the nodes do: reading, deciding, keeping, logging, waking each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from trustspace.adapters.http.addresses import AddressPolicy
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.adapters.http.tls import client_context
from trustspace.adapters.keys import MemoryKey
from trustspace.bench import certificate
from trustspace.bench.empty import SIGNATURE, SIGNED, SIGNER, TIMES
from trustspace.bench.figures import Run
from trustspace.bench.flows import timed
from trustspace.bench.least import FLOW, Journal, Step
from trustspace.bench.process import running
from trustspace.core.errors import Unavailable
from trustspace.core.identity.keys import verify

MESSAGE: Final = b"m" * 1200
"""About as long as the messages of a flow are on average."""
TOKEN: Final = "t" * 450
"""About as long as a request's token."""


@asynccontextmanager
async def floor(folder: Path, *, tls: bool) -> AsyncIterator[Floor]:
    """The empty server beside us, until the block is left."""
    await anyio.Path(folder).mkdir()
    certificate.make(folder)
    peer = AiohttpPeer(
        client_context((folder / "root.pem").read_bytes()), policy=AddressPolicy.of([f"{certificate.HOST}/32"])
    )
    journal = Journal(folder / "client.journal")
    try:
        async with running("trustspace.bench.empty", str(folder), "tls" if tls else "plain") as (_, told):
            yield Floor(peer, journal, told["url"], bytes.fromhex(told["key"]))
    finally:
        await peer.close()
        journal.close()


class Floor:
    """What the driver does of it."""

    def __init__(self, peer: AiohttpPeer, journal: Journal, url: str, key: bytes) -> None:
        self._peer, self._journal, self._url, self._theirs = peer, journal, url, key
        self._key, self._last = MemoryKey("floor client"), ""
        self._signer = self._key.public_der.hex()

    async def run(self, count: int, in_flight: int) -> Run:
        """The least of `count` flows, `in_flight` at a time."""
        return await timed(self._flow, count, in_flight)

    async def _flow(self) -> None:
        for step in FLOW:
            await self._step(step)

    async def _step(self, step: Step) -> None:
        for _ in range(step.syncs - 1):
            await self._journal.sync()
        signatures = [self._key.sign(MESSAGE) for _ in range(step.signatures)]
        told = {SIGNATURE: signatures[0].hex(), SIGNER: self._signer, TIMES: str(step.signatures)}
        headers = {name.decode(): text for name, text in told.items()} | {"authorization": f"Bearer {TOKEN}"}
        answer = await self._peer.request("POST", self._url, body=MESSAGE, headers=headers)
        if answer.status != 200:
            raise Unavailable(f"the empty server answered {answer.status}", where=self._url)
        self._check(answer.headers[SIGNED.decode()], answer.headers[SIGNATURE.decode()])
        await self._journal.sync()

    def _check(self, signed: str, receipt: str) -> None:
        """Verify a receipt, once for all that share it."""
        if receipt != self._last:
            verify(self._theirs, self._key.algorithm, bytes.fromhex(receipt), signed.encode())
            self._last = receipt
