"""Clocks that differ: a little is borne, an hour is refused in both directions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.services.spaces import space
from tests.threats.attacks import first_request, post, token_for
from trustspace.core.contract import State
from trustspace.testing.cheats import changed, resigned
from trustspace.testing.registry import SteppedClock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("seconds", "status"), [(0, 201), (-30, 201), (30, 201), (-3600, 401), (3600, 401)])
async def test_a_token_of_another_clock(seconds: int, status: int) -> None:
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        off = SteppedClock(s.world.clock.now() + timedelta(seconds=seconds))
        token = token_for(s, url, body, replace(s.planner.engine.seal, clock=off))
        assert (await post(s, url, body, token)).status == status


@pytest.mark.parametrize(("minutes", "end"), [(-4, False), (4, False), (-60, True), (60, True)])
async def test_an_agreement_of_another_hour_is_not_signed(minutes: int, end: bool) -> None:
    async with space() as s:
        then = (s.world.clock.now() + timedelta(minutes=minutes)).isoformat()
        s.tricks.alter("agree", resigned(changed("timestamp", to=then)))
        mine, theirs = await s.both(await s.negotiation())
        assert mine.state is theirs.state is State.TERMINATED, "the provider's own books differ in any case"
        assert ("timestamp" in mine.reasons[0]) is end
