"""Checked and then changed: what was decided is what is served, and parallel asks share one count."""

from __future__ import annotations

import anyio
import pytest

from tests.services.spaces import DATA, bearer, said, space, stored
from trustspace.core.canon import digest
from trustspace.core.policy import offer, use
from trustspace.core.usage import Counter
from trustspace.ports import Answer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("left", [0, 1, 7])
async def test_parallel_asks_get_exactly_what_is_left(left: int) -> None:
    async with space(offer(use(count=left + 1)), storage="sqlite") as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        assert (await s.ask(transfer, "control")).status == 201, "the control"
        answers: list[Answer] = []

        async def ask(number: int) -> None:
            answers.append(await s.ask(transfer, f"{number}"))

        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(ask, number)
        assert [one.status for one in answers].count(201) == left
        assert (await stored(s.bus, Counter, contract.key)).used == left + 1
        await s.world.quiet()


async def test_ten_uses_are_ten_for_two_hundred_at_once() -> None:
    async with space(offer(use(count=10)), storage="sqlite") as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        answers: list[Answer] = []

        async def ask(number: int) -> None:
            answers.append(await s.ask(transfer, f"{number}"))

        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(ask, number)
        statuses = [one.status for one in answers]
        assert (statuses.count(201), statuses.count(403)) == (10, 190)
        assert (await stored(s.bus, Counter, contract.key)).used == 10
        await s.world.quiet(20)


async def test_the_bytes_are_those_that_were_decided_on() -> None:
    async with space() as s:
        transfer = await s.transfer(await s.contract())
        told, address = said(await s.ask(transfer, "monday")), transfer.address
        assert address is not None
        path = s.world.place / "new.csv"
        path.write_bytes(b"another timetable")
        await s.bus.update(s.product.product, path)
        peer, url = s.world.network.peer(), f"{address.endpoint}/uses/monday"
        answer = await peer.request("GET", url, headers=bearer(told["token"]))
        assert answer.body == DATA
        assert digest(answer.body) == told["digest"]
