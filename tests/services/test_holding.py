from __future__ import annotations

import anyio
import pytest

from tests.services.spaces import space
from trustspace.core.canon import JsonObject
from trustspace.core.contract import State
from trustspace.core.errors import Unavailable
from trustspace.node.seal import Seal

pytestmark = pytest.mark.anyio


async def test_a_step_that_cannot_be_done_is_shown_and_done_later() -> None:
    trouble: list[Exception] = [KeyError("a defect"), Unavailable("the key is locked away"), Unavailable("still")]

    def alter(message: JsonObject, _: Seal) -> JsonObject:
        if trouble:
            raise trouble.pop(0)
        return message

    async with space(pace=0.2) as s:
        s.tricks.alter("agree", alter)
        pid = await s.negotiation(wait=0.03)
        (stuck,) = (await s.bus.status()).stuck
        assert stuck.what == "our next step in the negotiation"
        assert stuck.attempts >= 1
        assert stuck.error
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED
        assert (await s.bus.status()).stuck == []


async def test_tokens_that_have_expired_are_forgotten() -> None:
    async with space(pace=0.0001) as s:
        await s.contract()
        s.world.clock.advance(hours=1)
        await anyio.sleep(0.1)
        assert await s.bus.store.run(lambda tx: tx.purge(s.world.clock.now())) == 0
