"""Clocks that differ, jump and go back: a little is borne, more is named as the reason, and the log never goes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from tests.services.spaces import Space, said, space
from tests.threats.attacks import first_request, post, token_for
from trustspace.adapters.system import SystemClock
from trustspace.core.canon import loads_object
from trustspace.core.contract import State
from trustspace.core.errors import ClockWrong
from trustspace.core.evidence.leaves import moment
from trustspace.services.clocks import SteadyClock
from trustspace.testing.cheats import changed, resigned
from trustspace.testing.registry import START, SteppedClock
from trustspace.testing.world import Node

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("seconds", "status"), [(0, 201), (-30, 201), (30, 201), (-3600, 401), (3600, 401)])
async def test_a_token_of_another_clock(seconds: int, status: int) -> None:
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        off = SteppedClock(s.world.clock.now() + timedelta(seconds=seconds))
        token = token_for(s, url, body, replace(s.planner.engine.seal, clock=off))
        answer = await post(s, url, body, token)
        assert answer.status == status
        reason = {3600: "your clock is 3600 s ahead of ours", -3600: "your clock is 3600 s behind ours"}.get(
            seconds, ""
        )
        assert reason in answer.body.decode()
        warned = " ".join((await s.bus.status()).warnings)
        assert (f"3600 s {'behind' if seconds > 0 else 'ahead of'} {s.planner.did}" in warned) is bool(reason)


@pytest.mark.parametrize(("minutes", "end"), [(-4, False), (4, False), (-60, True), (60, True)])
async def test_an_agreement_of_another_hour_is_not_signed(minutes: int, end: bool) -> None:
    async with space() as s:
        then = (s.world.clock.now() + timedelta(minutes=minutes)).isoformat()
        s.tricks.alter("agree", resigned(changed("timestamp", to=then)))
        mine, theirs = await s.both(await s.negotiation())
        assert mine.state is theirs.state is State.TERMINATED, "the provider's own books differ in any case"
        assert ("timestamp" in mine.reasons[0]) is end


@asynccontextmanager
async def apart(name: str, seconds: float = 0.0, **options: Any) -> AsyncIterator[tuple[Space, Node, SteppedClock]]:
    """A space in which one node has a clock of its own, so far off."""
    async with space(**options) as s:
        node = s.bus if name == "bus" else s.planner
        await node.stop()
        node.clock = own = SteppedClock(s.world.clock.now() + timedelta(seconds=seconds))
        await node.start()
        yield s, node, own


async def told(node: Node) -> str:
    """What a node's status says."""
    status = await node.status()
    return " ".join([*status.warnings, *(one.error for one in status.stuck)])


async def times(node: Node) -> list[datetime]:
    """When each entry of a node's log was made."""
    entries = await node.store.read(lambda tx: tx.entries(""))
    return [moment(loads_object(entry.body)["time"]) for entry in entries]


async def until(node: Node, text: str, *, there: bool = True) -> None:
    """Wait until a node's status says this, or no longer."""
    with anyio.fail_after(4):
        while True:
            if (text in await told(node)) is there:
                return
            await anyio.sleep(0.01)


async def test_a_peer_that_refuses_us_names_our_clock_and_the_message_waits_for_it_to_be_right() -> None:
    async with apart("planner") as (s, planner, own):
        _, offer, provider = await planner.operations.offer(s.product.code)
        own.time += timedelta(seconds=90)
        pid = (await planner.engine.negotiations.request(offer, provider.participant, s.bus.engine.base)).key
        await until(planner, f"your clock is 90 s ahead of {s.bus.did}, which refuses us")
        assert (await planner.engine.negotiations.get(pid)).state is None, "the request waits, and has not failed"
        own.time = s.world.clock.now()
        await until(planner, "90 s before the last that was signed or logged here")
        s.world.clock.advance(seconds=91)
        own.time = s.world.clock.now()
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED
        assert "your clock" not in await told(planner)


@pytest.mark.parametrize(("hours", "way"), [(1, "ahead of"), (-1, "behind")])
async def test_the_functional_node_is_compared_too(hours: int, way: str) -> None:
    async with apart("planner", hours * 3600) as (s, planner, own):
        assert f"your clock is 3600 s {way} the functional node" in await told(planner)
        with pytest.raises(ClockWrong, match=f"3600 s {way} the functional node"):
            await planner.search("公交")
        own.time = s.world.clock.now()
        assert await planner.search("公交")
        assert "clock" not in await told(planner)


async def test_a_list_from_our_future_is_no_fresh_list() -> None:
    async with apart("bus") as (s, bus, own):
        assert await bus.engine.directory.refresh()
        own.time -= timedelta(seconds=200)
        with pytest.raises(ClockWrong, match="200 s behind the functional node"):
            await bus.engine.directory.known(s.planner.did)


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_nothing_is_signed_before_the_last_entry_of_the_log_and_a_restart_forgets_nothing(storage: str) -> None:
    async with apart("bus", storage=storage) as (s, bus, own):
        control, _ = await s.both(await s.negotiation("control"))
        assert control.state is State.FINALIZED, "the control"
        url, body, token = await first_request(s)
        before = await times(bus)
        own.time -= HOUR
        answer = await post(s, url, body, token_for(s, url, body, replace(s.planner.engine.seal, clock=own)))
        assert answer.status == 503
        assert said(answer)["code"] == "clock-wrong"
        assert "3600 s" in said(answer)["reason"][0]
        with pytest.raises(ClockWrong):
            bus.engine.seal.sign(b"{}")
        await bus.stop()
        await bus.start()
        assert "3600 s before the last" in await told(bus)
        with pytest.raises(ClockWrong):
            bus.engine.seal.sign(b"{}")
        assert await times(bus) == before
        own.time += HOUR
        await until(bus, "before the last", there=False)
        assert (await post(s, url, body, token)).status == 201
        after = await times(bus)
        assert len(after) > len(before)
        assert after == sorted(after)


async def test_a_clock_that_jumps_in_the_middle_holds_things_up_and_breaks_nothing() -> None:
    async with apart("bus") as (s, bus, own):
        own.time -= timedelta(seconds=59)
        pid = await s.negotiation(wait=0.1)
        own.time += timedelta(seconds=59)
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED
        assert await times(bus) == sorted(await times(bus))


class Log:
    """What was logged last."""

    def __init__(self) -> None:
        self.last: datetime | None = None
        self.pauses = 0

    async def read(self) -> datetime | None:
        return self.last


async def test_a_jump_ahead_that_is_mended_before_anything_was_logged_is_forgotten() -> None:
    clock, log = SteppedClock(), Log()
    steady, doubts = SteadyClock(clock, log.read), list[int]()
    steady.doubted = lambda: doubts.append(1)
    await steady.start()
    clock.advance(hours=1)
    assert steady.now() == clock.now()
    clock.advance(hours=-1)
    for _ in range(3):
        with pytest.raises(ClockWrong):
            steady.now()
    assert doubts == [1], "one look is enough"
    await steady.catch_up(anyio.sleep)
    assert steady.now() == START


async def test_after_a_jump_ahead_that_was_logged_it_waits_until_the_clock_has_caught_up() -> None:
    clock, log = SteppedClock(), Log()
    steady = SteadyClock(clock, log.read)
    log.last = START + HOUR
    await steady.start()
    with pytest.raises(ClockWrong, match="3600 s before"):
        steady.now()

    async def pause(_: float) -> None:
        log.pauses += 1
        clock.advance(minutes=10)

    await steady.catch_up(pause)
    assert log.pauses == 6
    assert steady.now() == START + HOUR
    assert await steady.warnings() == []


@pytest.mark.parametrize(
    ("step", "borne"),
    [(timedelta(seconds=-1), True), (timedelta(seconds=-5), True), (timedelta(seconds=-6), False), (-HOUR, False)],
    ids=["a leap second", "a correction", "too much", "a summer time that should not be there"],
)
async def test_a_leap_second_is_borne_and_an_hour_is_not(step: timedelta, borne: bool) -> None:
    clock = SteppedClock()
    steady = SteadyClock(clock, Log().read)
    await steady.start()
    clock.time += step
    if borne:
        assert steady.now() == START + step
    else:
        with pytest.raises(ClockWrong):
            steady.now()


def test_the_clock_of_the_system_knows_no_summer_time() -> None:
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)
