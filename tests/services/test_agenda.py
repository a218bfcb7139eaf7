from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import StorageFull
from trustspace.services.agenda import LATER, LONGEST_NAP, Agenda
from trustspace.testing.registry import START, SteppedClock

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class Day:
    """An agenda whose pauses move the clock, up to where the day ends."""

    end: float = 1000.0
    clock: SteppedClock = field(default_factory=SteppedClock)
    done: list[tuple[str, float]] = field(default_factory=list)
    naps: list[float] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)

    async def act(self, name: str) -> None:
        if self.trouble:
            raise self.trouble.pop()
        self.done.append((name, (self.clock.now() - START).total_seconds()))

    async def sleep(self, seconds: float) -> None:
        await turns(5)  # nothing takes time but a pause
        if self.clock.now() + timedelta(seconds=seconds) > START + timedelta(seconds=self.end):
            await anyio.sleep_forever()
        self.naps.append(seconds)
        self.clock.advance(seconds=seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Agenda]:
        agenda = Agenda(self.clock, {"x": self.act}, sleep=self.sleep)
        async with anyio.create_task_group() as group:
            await group.start(agenda.run)
            yield agenda
            await turns(500)
            group.cancel_scope.cancel()


async def turns(number: int) -> None:
    """Let everything that can go on do so, that often."""
    for _ in range(number):
        await anyio.lowlevel.checkpoint()


async def test_each_is_done_once_at_its_time_and_in_order() -> None:
    day = Day()
    async with day.running() as agenda:
        for name, seconds in (("late", 40.0), ("early", 5.0), ("never", 2000.0), ("gone", 6.0)):
            agenda.put("x", name, START + timedelta(seconds=seconds))
        agenda.put("x", "gone", None)
    assert day.done == [("early", 5.0), ("late", 40.0)]
    assert agenda.due("x", "never") == START + timedelta(seconds=2000)
    assert agenda.due("x", "early") is None


async def test_nothing_is_looked_at_while_nothing_is_due() -> None:
    day = Day()
    async with day.running():
        pass
    assert day.naps == []


async def test_what_is_moved_is_done_at_the_new_time_only() -> None:
    day = Day()
    async with day.running() as agenda:
        agenda.put("x", "later", START + timedelta(seconds=3))
        agenda.put("x", "later", START + timedelta(seconds=9))
        agenda.put("x", "sooner", START + timedelta(seconds=90))
        agenda.put("x", "sooner", START + timedelta(seconds=6))
    assert day.done == [("sooner", 6.0), ("later", 9.0)]


async def test_an_earlier_item_cuts_a_nap_short() -> None:
    done = anyio.Event()

    async def act(_: str) -> None:
        done.set()

    agenda = Agenda(SteppedClock(), {"x": act}, sleep=anyio.sleep)
    async with anyio.create_task_group() as group:
        await group.start(agenda.run)
        agenda.put("x", "b", START + timedelta(seconds=25))
        await turns(500)
        agenda.put("x", "a", START)
        with anyio.fail_after(2):
            await done.wait()
        group.cancel_scope.cancel()


async def test_a_clock_that_was_set_is_noticed_within_a_nap() -> None:
    day = Day()
    async with day.running() as agenda:
        agenda.put("x", "a", START + timedelta(hours=10))
        await turns(500)
        assert max(day.naps) <= LONGEST_NAP
        day.end = 1e9
        day.clock.advance(hours=10)
        agenda.put("x", "b", START)
    assert {name for name, _ in day.done} == {"a", "b"}


@pytest.mark.parametrize("trouble", [StorageFull("no room"), KeyError("a defect")])
async def test_what_cannot_be_done_is_done_later(trouble: Exception) -> None:
    day = Day(trouble=[trouble])
    async with day.running() as agenda:
        agenda.put("x", "a", START + timedelta(seconds=1))
    assert day.done == [("a", 1.0 + LATER.total_seconds())]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(0, 900))), max_size=200),
)
def test_the_last_word_about_each_counts(words: list[tuple[str, int | None]]) -> None:
    day = Day()

    async def go() -> None:
        async with day.running() as agenda:
            for name, seconds in words:
                agenda.put("x", name, None if seconds is None else START + timedelta(seconds=seconds))

    anyio.run(go)
    assert dict(day.done) == {name: float(seconds) for name, seconds in dict(words).items() if seconds is not None}
    assert len(day.done) == len(dict(day.done))
