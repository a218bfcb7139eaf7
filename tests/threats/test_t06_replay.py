"""A captured token: it is bound to its request, so that the same request has one effect and another one none."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from tests.services.spaces import bearer, count, space
from tests.threats.attacks import first_request, post, send
from trustspace.core.contract import Negotiation
from trustspace.core.usage import LIFETIME
from trustspace.testing.registry import SeededIds

pytestmark = pytest.mark.anyio


async def test_the_same_request_again_and_again_has_one_effect() -> None:
    async with space(approval="manual") as s:
        url, body, token = await first_request(s)
        answers = [await post(s, url, body, token)]

        async def replay() -> None:
            answers.append(await post(s, url, body, token))

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(replay)
        assert {(one.status, one.body) for one in answers} == {(201, answers[0].body)}
        assert await count(s.bus, Negotiation) == 1


async def test_the_token_with_another_request_is_refused() -> None:
    async with space(approval="manual") as s:
        url, body, token = await first_request(s)
        assert (await post(s, url, body, token)).status == 201, "the control"
        other = body.replace(b"urn:uuid:made-up", b"urn:uuid:made-ut")
        assert other != body
        assert (await post(s, url, other, token)).status == 401
        assert (await post(s, f"{url}?x=1", body, token)).status == 401
        assert await count(s.bus, Negotiation) == 1


class SameName(SeededIds):
    """Gives every token the same name."""

    def uuid(self) -> str:
        return "the-same-name"


async def test_the_name_of_a_token_serves_one_request_only() -> None:
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        seal = replace(s.planner.engine.seal, ids=SameName("x"))
        assert (await send(s, url, body, seal)).status == 201, "the control"
        answer = await send(s, url, body.replace(b"made-up", b"made-ut"), seal)
        assert answer.status == 401
        assert "used for another request" in answer.body.decode()
        assert await count(s.bus, Negotiation) == 1


async def test_a_token_of_yesterday_is_refused() -> None:
    async with space(approval="manual") as s:
        url, body, token = await first_request(s)
        s.world.clock.advance(seconds=LIFETIME.total_seconds())
        assert (await post(s, url, body, token)).status == 401
        assert await count(s.bus, Negotiation) == 0


async def test_what_was_used_is_remembered_over_a_restart() -> None:
    async with space(approval="manual", storage="sqlite") as s:
        url, body, token = await first_request(s)
        first = await post(s, url, body, token)
        await s.bus.stop()
        await s.bus.start()
        again = await s.world.network.peer().request("POST", url, body=body, headers=bearer(token))
        assert (again.status, again.body) == (first.status, first.body)
        assert await count(s.bus, Negotiation) == 1
