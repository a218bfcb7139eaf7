"""What a person does with transfers: see them, start what waits, suspend, complete, terminate."""

from __future__ import annotations

from typing import Final

from trustspace.core.transfer import Transfer
from trustspace.node import views as v
from trustspace.node.doing.base import page
from trustspace.node.doing.uses import UseDoing, transfer_view

ANSWER_SECONDS: Final = 10.0


class TransferDoing(UseDoing):
    """`transfers`, `start_transfer`, `suspend_transfer`, `complete_transfer`, `terminate_transfer`."""

    async def transfers(
        self, *, state: str = "", contract: str = "", offset: str = "0", limit: str = "100"
    ) -> list[v.TransferView]:
        """All, or those in a state, or those of a contract."""
        start, most = page(offset, limit)
        where = {name: text for name, text in (("state", state), ("agreement", contract)) if text}
        found = await self.read(lambda tx: tx.find(Transfer, after=start, limit=most, **where))
        return [transfer_view(one) for one in found]

    async def start_transfer(self, name: str) -> v.TransferView:
        """Let data flow."""
        return await self._answered(await self.engine.transfers.start(name))

    async def suspend_transfer(self, name: str, request: v.DecisionRequest) -> v.TransferView:
        """Let no data flow for now."""
        return await self._answered(await self.engine.transfers.suspend(name, request.reason))

    async def complete_transfer(self, name: str) -> v.TransferView:
        """Say that all data has flowed."""
        return await self._answered(await self.engine.transfers.complete(name))

    async def terminate_transfer(self, name: str, request: v.DecisionRequest) -> v.TransferView:
        """End it; the other side reads why."""
        return await self._answered(await self.engine.transfers.terminate(name, request.reason))

    async def _answered(self, transfer: Transfer) -> v.TransferView:
        """As it stands once the peer has answered."""
        transfers, key = self.engine.transfers, transfer.key
        seen = await self.engine.waiting.until(key, lambda: transfers.get(key), _answered, seconds=ANSWER_SECONDS)
        return transfer_view(seen)


def _answered(transfer: Transfer) -> bool:
    return transfer.pending is None
