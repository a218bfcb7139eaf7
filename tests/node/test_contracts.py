"""What people do with contracts on running nodes: end, update, decide by hand, revoke."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import trustspace as ts
from tests.node.spaces import Space, space
from trustspace.core.errors import InvalidInput, Refused, TrustspaceError
from trustspace.core.policy import to_odrl
from trustspace.node import views as v


async def until(look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], seconds: float = 5.0) -> Any:
    """What `look` gives once it holds."""
    end = time.monotonic() + seconds
    while not holds(seen := await look()):
        assert time.monotonic() < end, f"still {seen}"
        await asyncio.sleep(0.02)
    return seen


async def granted(s: Space, contract: str) -> tuple[str, str]:
    """The address and the token of a permitted use, asked for by hand."""
    transfer = await s.trip.call("transfer", contract, request=v.TransferRequestView())
    async with httpx.AsyncClient() as http:
        headers = {"authorization": f"Bearer {transfer.token}"}
        body = {"use": "by-hand", "purpose": "trip-planning"}
        answer = await http.post(f"{transfer.endpoint}/uses", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return f"{transfer.endpoint}/uses/by-hand", answer.json()["token"]


def test_ending_a_contract_cuts_a_running_stream_and_kills_its_token(tmp_path: Path) -> None:
    size = 64 << 20

    async def go() -> None:
        async with space(tmp_path) as s:
            entry = await s.product(data=bytes(size))
            contract = await s.trip.negotiate(entry)
            url, token = await granted(s, contract.contract)
            headers, got = {"authorization": f"Bearer {token}"}, 0
            async with httpx.AsyncClient() as http:
                with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 -- it breaks in the middle
                    async with http.stream("GET", url, headers=headers) as answer:
                        assert answer.status_code == 200
                        async for chunk in answer.aiter_raw(1 << 16):
                            if got == 0:
                                ended = await s.bus.call(
                                    "end", contract.contract, request=v.DecisionRequest(reason="the feed is closed")
                                )
                                assert ended.status == "ended"
                            got += len(chunk)
                assert 0 < got < size
                again = await http.get(url, headers=headers)
                assert again.status_code in {401, 403}
                assert not again.content.startswith(b"\0")
            told = await until(lambda: s.trip.call("contract", contract.contract), lambda one: one.status == "ended")
            assert told.reason == "the feed is closed"
            with pytest.raises(Refused, match="ended"):
                async with s.trip.use(contract, purpose="trip-planning"):
                    raise AssertionError

    asyncio.run(go())


def test_an_end_needs_a_reason_and_the_consumer_can_end_too(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            contract = await s.trip.negotiate(await s.product())
            with pytest.raises(TrustspaceError, match="a reason is needed"):
                await s.trip.call("end", contract.contract, request=v.DecisionRequest())
            await s.trip.call("end", contract.contract, request=v.DecisionRequest(reason="no more need"))
            told = await until(lambda: s.bus.call("contract", contract.contract), lambda one: one.status == "ended")
            assert (told.reason, told.ended_by) == ("no more need", (await s.trip.status()).did)

    asyncio.run(go())


def test_a_running_contract_covers_the_new_version_and_each_delivery_has_its_own_digest(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            entry = await s.product(data=b"first")
            contract = await s.trip.negotiate(entry)
            async with s.trip.use(contract, purpose="trip-planning") as data:
                assert await data.read() == b"first"
            new = tmp_path / "new.csv"
            new.write_bytes(b"second")
            made = await s.bus.update(entry.code, new)
            assert made.version == 2
            async with s.trip.use(contract, purpose="trip-planning") as data:
                assert await data.read() == b"second"
            uses = (await s.bus.call("uses", contract=contract.contract)).results
            assert [one.digest for one in uses] == [hashlib.sha256(text).hexdigest() for text in (b"first", b"second")]
            assert [one.number for one in uses] == [1, 2]
            assert (await s.bus.update(entry.code, new)).version == 2  # the same bytes are no new version

    asyncio.run(go())


async def asked(s: Space, **more: Any) -> tuple[v.NegotiationView, v.NegotiationView]:
    """A negotiation that waits for the provider's decision, as each side sees it."""
    entry = await s.product(approval="manual")
    request = v.NegotiateRequest(code=entry.code, wait=0.3, **more)
    mine = await s.trip.call("negotiate", request=request)
    [theirs] = await s.bus.call("negotiations")
    assert theirs.waits_for == "a decision here"
    return mine, theirs


def test_a_person_approves(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            mine, theirs = await asked(s)
            assert (await s.bus.call("approve", theirs.negotiation)).state == "FINALIZED"
            done = await until(
                lambda: s.trip.call("negotiation", mine.negotiation), lambda one: one.state == "FINALIZED"
            )
            assert (await s.trip.call("contract", done.contract)).signed == "both"

    asyncio.run(go())


def test_a_person_refuses_and_the_other_side_reads_why(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            mine, theirs = await asked(s)
            await s.bus.call("refuse", theirs.negotiation, request=v.DecisionRequest(reason="not for resale"))
            ended = await until(
                lambda: s.trip.call("negotiation", mine.negotiation), lambda one: one.state == "TERMINATED"
            )
            assert "not for resale" in ended.reason
            with pytest.raises(TrustspaceError):
                await s.bus.call("approve", theirs.negotiation)

    asyncio.run(go())


def test_both_sides_counter_and_see_what_changed(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            wish = to_odrl(ts.offer(ts.use(purpose="trip-planning", count=5)))
            mine, theirs = await asked(s, policy=wish)
            assert any("3" in change.was and "5" in change.now for change in theirs.changes), theirs.changes
            four = v.CounterRequest(policy=to_odrl(ts.offer(ts.use(purpose="trip-planning", count=4))))
            await s.bus.call("counter", theirs.negotiation, request=four)
            offered = await until(
                lambda: s.trip.call("negotiation", mine.negotiation), lambda one: one.waits_for == "a decision here"
            )
            assert offered.policy == four.policy
            one = v.CounterRequest(policy=to_odrl(ts.offer(ts.use(purpose="trip-planning", count=1))))
            await s.trip.call("counter", mine.negotiation, request=one)
            back = await until(
                lambda: s.bus.call("negotiation", theirs.negotiation), lambda seen: seen.policy == one.policy
            )
            assert back.waits_for == "a decision here"
            await s.bus.call("approve", theirs.negotiation)
            done = await until(
                lambda: s.trip.call("negotiation", mine.negotiation), lambda seen: seen.state == "FINALIZED"
            )
            assert (await s.bus.call("contract", done.contract)).policy == one.policy

    asyncio.run(go())


def test_the_next_message_of_a_revoked_connector_is_refused_with_the_reason(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            entry = await s.product()
            contract = await s.trip.negotiate(entry)
            planner = (await s.trip.status()).identifier
            await s.node.call("revoke_identity", planner, request=v.DecisionRequest(reason="its licence has ended"))
            with pytest.raises(TrustspaceError, match=r"(?i)revoked"):
                async with s.trip.use(contract, purpose="trip-planning"):
                    raise AssertionError
            with pytest.raises(TrustspaceError, match=r"(?i)revoked"):
                await s.trip.show(entry)
            status = await s.trip.status()
            assert status.state == "revoked"
            assert "its licence has ended" in status.reason

    asyncio.run(go())


def test_a_product_that_the_functional_node_cannot_take_says_why(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            file = tmp_path / "feed.csv"
            file.write_bytes(b"x")
            product = ts.DataProduct(title="x", industry="0054", topic="B0300", files=[file], description="y" * 501)
            with pytest.raises(InvalidInput, match="500"):
                await s.bus.publish(product, ts.offer(ts.use(count=1)))
            [kept] = await s.bus.call("products")
            assert kept.state == "returned"
            assert "500" in kept.reason
            assert (await s.bus.call("withdraw", kept.product)).state == "delisted"

    asyncio.run(go())
