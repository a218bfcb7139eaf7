"""A rogue key: revocation in the middle of things refuses the next message, of every kind."""

from __future__ import annotations

import pytest

from tests.services.spaces import Space, bearer, said, space
from tests.threats.attacks import send, token_for
from trustspace.core.contract import ContractTermination
from trustspace.protocols import dsp
from trustspace.testing.network import LOST

pytestmark = pytest.mark.anyio


async def terminate(s: Space, pid: str) -> int:
    """The planner's termination by hand; its status."""
    _, theirs = await s.both(pid)
    url = f"{s.bus.engine.base}/negotiations/{theirs.key}/termination"
    message = ContractTermination(pid, theirs.key, "", ("changed my mind",))
    return (await send(s, url, dsp.encode(message))).status


async def test_the_next_message_after_a_revocation_is_refused() -> None:
    async with space(approval="manual") as s:
        first, second = await s.negotiation("one", wait=0.0), await s.negotiation("two", wait=0.0)
        assert await terminate(s, first) == 200, "the control"
        await s.world.revoke(s.planner)
        await s.world.network.settle()
        s.world.clock.advance(seconds=2)
        await s.bus.engine.directory.renew()  # what the functional node's hint makes it do
        assert await terminate(s, second) == 401


async def test_without_the_hint_it_is_refused_within_a_minute() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        await s.both(pid)
        s.world.network.faults = lambda _, __, url: LOST if url.endswith("/registry/changed") else None
        await s.world.revoke(s.planner)
        s.world.clock.advance(seconds=61)
        assert await terminate(s, pid) == 401


async def test_data_stops_too() -> None:
    async with space() as s:
        transfer = await s.transfer(await s.contract())
        assert (await s.ask(transfer, "monday")).status == 201, "the control"
        await s.world.revoke(s.planner)
        s.world.clock.advance(seconds=61)
        answer = await s.ask(transfer, "tuesday")
        assert answer.status == 401
        assert "REVOKED" in said(answer)["reason"]
        url = f"{s.bus.settings.public_url}/trustspace/v1/log/growth"
        peer = s.world.network.peer()
        token = token_for(s, url, b"", method="GET")
        assert (await peer.request("GET", url, headers=bearer(token))).status == 401
