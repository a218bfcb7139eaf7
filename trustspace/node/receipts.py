"""Receipts for answers: those given in one turn of the event loop (a group commit's) share one signature."""

from __future__ import annotations

import asyncio

from trustspace.core.evidence.receipts import MAX_GROUP, batch
from trustspace.node.seal import Seal


class Receipts:
    """Collects the leaves of answers and signs their root once they have all come."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._waiting: list[tuple[bytes, asyncio.Future[str]]] = []

    async def receipt(self, leaf: bytes) -> str:
        """The receipt of one answer, as its header has it; "" where we have no certificate to sign it with."""
        if not self._seal.certificate:
            return ""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._sign)
        self._waiting.append((leaf, future))
        return await future

    def _sign(self) -> None:
        group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._sign)
        receipts = batch([leaf for leaf, _ in group], self._seal.key, self._seal.thumbprint)
        for (_, future), receipt in zip(group, receipts, strict=True):
            if not future.done():
                future.set_result(receipt)
