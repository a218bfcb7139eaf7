"""A captured token: it is bound to its request, so that the same request has one effect and another one none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import anyio
import pytest

from tests.cli.space import served
from tests.services.spaces import bearer, count, space
from tests.threats.attacks import first_request, post, send
from trustspace.adapters.http.addresses import AddressPolicy
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.adapters.http.tls import client_context
from trustspace.adapters.system import SystemClock, SystemIds
from trustspace.core.canon import decode64, encode64
from trustspace.core.contract import ContractRequest, Negotiation, Offer
from trustspace.core.errors import Unavailable
from trustspace.core.identity.did import did_from_url
from trustspace.core.identity.tokens import MAX_SKEW
from trustspace.core.policy import offer, use
from trustspace.core.usage import LIFETIME
from trustspace.node.folder import Folder
from trustspace.node.seal import Seal
from trustspace.ports import Answer
from trustspace.protocols import dsp
from trustspace.testing.registry import SeededIds

pytestmark = pytest.mark.anyio
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256."""


async def test_the_same_request_again_and_again_has_one_effect() -> None:
    async with space(approval="manual") as s:
        url, body, token = await first_request(s)
        answers = [await post(s, url, body, token)]

        async def replay() -> None:
            answers.append(await post(s, url, body, token))

        async with anyio.create_task_group() as group:
            for _ in range(1000):
                group.start_soon(replay)
        assert {(one.status, one.body) for one in answers} == {(201, answers[0].body)}
        assert len(answers) == 1001
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

    def token(self) -> str:
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


async def test_another_signature_of_the_same_claims_is_the_same_token() -> None:
    """Of r and s anybody makes r and n - s, which fits too: what a token is does not hang on its signature."""
    async with space(approval="manual") as s:
        url, body, token = await first_request(s)
        text, _, signature = token.rpartition(".")
        raw = decode64(signature)
        twin = f"{text}.{encode64(raw[:32] + (ORDER - int.from_bytes(raw[32:])).to_bytes(32))}"
        first = await post(s, url, body, token)
        again = await post(s, url, body, twin)
        assert twin != token
        assert (again.status, again.body) == (first.status, first.body)
        assert (await post(s, url, body.replace(b"made-up", b"made-ut"), twin)).status == 401
        assert await count(s.bus, Negotiation) == 1


async def test_a_name_is_remembered_for_as_long_as_its_token_may_be_used() -> None:
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        seal = replace(s.planner.engine.seal, ids=SameName("x"))
        assert (await send(s, url, body, seal)).status == 201, "the control"
        until = s.world.clock.now() + timedelta(seconds=60 + 2 * MAX_SKEW)
        other = body.replace(b"made-up", b"made-ut")
        for late, status in ((timedelta(seconds=-1), 401), (timedelta(seconds=1), 201)):
            s.world.clock.advance(seconds=(until + late - s.world.clock.now()).total_seconds())
            await s.bus.store.run(lambda tx: tx.purge(s.world.clock.now()))
            assert (await send(s, url, other, seal)).status == status, late


@pytest.mark.slow
async def test_replays_around_kills_have_one_effect(tmp_path: Path) -> None:
    s = await anyio.to_thread.run_sync(served, tmp_path, "http")
    try:
        folder, me = Folder(s.root / "trip"), did_from_url(s.urls["trip"])
        certificate = folder.read_certificate("signing") or b""
        seal = Seal(folder.load_key("signing"), certificate, (), SystemClock(), SystemIds(), me)
        url = f"{s.urls['bus']}{dsp.BASE}/negotiations/request"
        offered = Offer("urn:uuid:o", "urn:uuid:t", offer(use()))
        body = dsp.encode(ContractRequest("urn:uuid:made-up", None, offered, s.urls["trip"] + dsp.BASE))
        token = seal.token(did_from_url(s.urls["bus"]), "POST", urlsplit(url).path, body)
        answers: list[Answer] = []
        for _ in range(3):
            async with anyio.create_task_group() as group:
                for _ in range(100):
                    group.start_soon(_replay, url, body, token, answers)
                await anyio.to_thread.run_sync(s.stop, "bus", "kill")
            await anyio.to_thread.run_sync(s.serve, "bus")
            await _replay(url, body, token, answers)
        assert {one.status for one in answers} == {201}
        assert len({one.body for one in answers}) == 1
        assert len(await anyio.to_thread.run_sync(s.ok, "bus", "negotiations", "list")) == 1
    finally:
        await anyio.to_thread.run_sync(s.close)


async def _replay(url: str, body: bytes, token: str, answers: list[Answer]) -> None:
    peer = AiohttpPeer(client_context(b""), policy=AddressPolicy(loopback=True))
    with suppress(Unavailable):  # it was killed
        answers.append(await peer.request("POST", url, body=body, headers=bearer(token)))
    await peer.close()
