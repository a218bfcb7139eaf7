"""A disk that is full, fails or may not be written: nothing is acknowledged that is not kept."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable

import pytest

from tests.services.spaces import Space, bearer, count, said, space
from tests.threats.attacks import first_request, send, token_for
from trustspace.adapters.storage import SqliteStore
from trustspace.core.contract import Contract, Negotiation, State
from trustspace.core.errors import Unavailable
from trustspace.ports import Answer

pytestmark = pytest.mark.anyio
FULL, FAILING, READ_ONLY = sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY
WRITES = frozenset({"begin", "seal", "commit", "evidence", "save", "outbox", "reply", "keep"})


def failing(code: int, *, at: int) -> tuple[Callable[[str], None], list[str]]:
    """A disk whose n-th step fails, and each later one too until it is mended; and the steps so far."""
    steps: list[str] = []

    def disk(step: str) -> None:
        steps.append(step)
        if len(steps) >= at:
            error = sqlite3.OperationalError(f"the disk says {code}")
            error.sqlite_errorcode = code
            raise error

    return disk, steps


def healthy(step: str) -> None:
    """A disk that works."""


async def request(s: Space, url: str, body: bytes) -> Answer:
    peer = s.world.network.peer()
    return await peer.request("POST", url, body=body, headers=bearer(token_for(s, url, body)))


@pytest.mark.parametrize(("code", "status"), [(FULL, 507), (FAILING, 503), (READ_ONLY, 503)])
async def test_whichever_step_fails_nothing_is_acknowledged_and_it_goes_on_when_it_is_mended(
    code: int, status: int
) -> None:
    async with space(approval="manual", storage="sqlite") as s:
        url, body, _ = await first_request(s)
        for at in itertools.count(1):
            altered = body.replace(b"made-up", f"made-{at}".encode())
            before = await count(s.bus, Negotiation)
            s.bus.disk, steps = failing(code, at=at)
            answer = await request(s, url, altered)
            s.bus.disk = healthy
            if len(steps) < at:  # the disk was never asked so often: every step has had its turn
                assert answer.status == 201, "the control"
                break
            if answer.status == 201:  # only the step after the commit failed: it is kept, and the next one is not hurt
                assert await count(s.bus, Negotiation) == before + 1
                continue
            assert answer.status == status, steps
            assert said(answer)["@type"] == "ContractNegotiationError"
            kept = await count(s.bus, Negotiation) - before
            again = await request(s, url, altered)
            assert again.status == 201, steps
            assert await count(s.bus, Negotiation) == before + 1, f"kept {kept} before it was acknowledged"
        assert at > 5


async def test_our_own_step_waits_for_the_disk_and_is_done_once_it_is_mended() -> None:
    async with space(storage="sqlite") as s:
        s.planner.disk, _ = failing(FULL, at=1)
        with pytest.raises(Unavailable, match="no room"):  # for the message, or for the list that comes before it
            await s.negotiation("one")
        assert (await s.planner.status()).state == "active", "it still says how it is"
        s.planner.disk = healthy
        mine, _ = await s.both(await s.negotiation("two"))
        assert mine.state is State.FINALIZED
        s.bus.disk, _ = failing(FAILING, at=12)
        pid = await s.negotiation("three", wait=0.2)
        s.bus.disk = healthy
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED
        assert await count(s.bus, Contract) == await count(s.planner, Contract) == 2


async def test_a_bounded_file_system_fills_refuses_and_is_emptied_again() -> None:
    async with space(approval="manual", storage="sqlite") as s:
        url, body, _ = await first_request(s)
        store = s.bus.store
        assert isinstance(store, SqliteStore)
        pages = s.bus.folder.database.stat().st_size // 4096
        store.limit(pages + 20)
        taken = 0
        for number in itertools.count():
            answer = await send(s, url, body.replace(b"made-up", f"m{number:06}".encode()))
            if answer.status != 201:
                break
            taken += 1
        assert answer.status == 507
        assert await count(s.bus, Negotiation) == taken
        store.limit(None)
        assert (await send(s, url, body)).status == 201
        assert await count(s.bus, Negotiation) == taken + 1


async def test_a_store_that_cannot_be_read_at_the_start_says_so() -> None:
    async with space(storage="sqlite") as s:
        await s.bus.stop()
        s.bus.disk, _ = failing(READ_ONLY, at=1)
        with pytest.raises(Unavailable, match="storage failed"):
            await s.bus.start()
        s.bus.disk = healthy
        await s.bus.start()
        assert (await s.both(await s.negotiation()))[0].state is State.FINALIZED
