from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest

from tests.services.spaces import DATA, TERMS, Space, bearer, log_kinds, said, space, stored
from trustspace.core.canon import canonical, digest, loads_object
from trustspace.core.contract import Contract
from trustspace.core.errors import InvalidInput, NotFound, NotVerified, Refused
from trustspace.core.identity import tokens
from trustspace.core.policy import Constraint, Policy, Rule, offer, use
from trustspace.core.transfer import State, Transfer
from trustspace.core.usage import LIFETIME, Counter, Duty, Use
from trustspace.node import views as v
from trustspace.ports import Answer
from trustspace.services.usage import use_key

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(policy: Policy = TERMS, **options: Any) -> AsyncIterator[tuple[Space, Contract, Transfer]]:
    """A space with a contract and a transfer under it."""
    async with space(policy, **options) as s:
        contract = await s.contract()
        yield s, contract, await s.transfer(contract)


async def counter(s: Space, contract: Contract) -> Counter:
    return await stored(s.bus, Counter, contract.key) or Counter(key=contract.key)


async def read(s: Space, transfer: Transfer, answer: Answer, **more: str) -> Answer:
    """The bytes of a use, by hand."""
    told, address = said(answer), transfer.address
    assert address is not None
    name = told["use"].rpartition("#")[2]
    headers = {**bearer(told["token"]), **more}
    return await s.world.network.peer().request("GET", f"{address.endpoint}/uses/{name}", headers=headers)


async def test_a_use_brings_the_bytes_and_is_signed_for() -> None:
    async with space() as s:
        contract = await s.contract()
        async with s.planner.use(contract.key, "trip-planning") as data:
            assert await data.read() == DATA
        await s.world.quiet()
        theirs = await stored(s.bus, Use, data.view.use)
        mine = await stored(s.planner, Use, data.view.use)
        assert theirs.state == mine.state == "delivered"
        assert theirs.receipt == mine.receipt
        payload = loads_object(
            tokens.verify_statement(
                theirs.receipt, public_der=s.planner.engine.key.public_der, kind=tokens.TokenKind.DELIVERY
            )
        )
        assert payload["digest"] == digest(DATA)
        assert (await counter(s, contract)).used == 1
        for node in (s.bus, s.planner):
            assert (await log_kinds(node, contract.key)).count("delivered") == 1


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_of_two_hundred_that_ask_at_once_exactly_those_that_are_left_get_it(storage: str) -> None:
    async with running(storage=storage) as (s, contract, transfer):
        answers: list[Answer] = []

        async def ask(number: int) -> None:
            answers.append(await s.ask(transfer, f"use-{number}"))

        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(ask, number)
        numbers = sorted(said(one)["number"] for one in answers if one.status == 201)
        assert numbers == list(range(1, 11))
        assert [one.status for one in answers].count(403) == 190
        after = await counter(s, contract)
        assert (after.used, after.refused) == (10, 190)
        await s.world.quiet(20)


async def test_the_same_name_again_is_the_same_use() -> None:
    async with running() as (s, contract, transfer):
        first, again = await s.ask(transfer, "monday"), await s.ask(transfer, "monday")
        assert said(first)["number"] == said(again)["number"] == 1
        assert (await counter(s, contract)).used == 1
        assert (await read(s, transfer, again)).body == DATA
        assert (await read(s, transfer, first)).status == 401, "a new token replaces the lost one"


async def test_a_name_asked_for_with_another_purpose_is_refused() -> None:
    async with running(offer(use(count=3))) as (s, _, transfer):
        await s.ask(transfer, "monday", "trip-planning")
        answer = await s.ask(transfer, "monday", "advertising")
        assert answer.status == 400
        assert "trip-planning" in said(answer)["reason"]


async def test_a_denial_is_signed_and_stands_in_both_logs() -> None:
    async with running() as (s, contract, transfer):
        answer = await s.ask(transfer, "monday", "advertising")
        assert answer.status == 403
        assert "token" not in said(answer)
        assert "advertising" in said(answer)["reason"]
        payload = loads_object(
            tokens.verify_statement(
                said(answer)["statement"], public_der=s.bus.engine.key.public_der, kind=tokens.TokenKind.DENIAL
            )
        )
        assert (payload["agreement"], payload["use"], payload["purpose"]) == (contract.key, "monday", "advertising")
        await s.world.quiet()
        for node in (s.bus, s.planner):
            assert (await log_kinds(node, contract.key)).count("use-denied") == 1
        again = await s.ask(transfer, "monday", "advertising")
        assert said(again)["statement"] == said(answer)["statement"], "refused once is refused"


async def test_the_verb_shows_a_denial_with_its_reason() -> None:
    async with running() as (s, contract, _):
        with pytest.raises(Refused, match="advertising"):
            async with s.planner.use(contract.key, "advertising"):
                pass
        await s.world.quiet()
        page = await s.planner.call("uses", contract=contract.key)
        assert [(one.state, one.decision) for one in page.results] == [("refused", "deny")]
        assert (await counter(s, contract)).refused == 1


async def test_until_is_the_first_instant_that_is_too_late() -> None:
    async with running(offer(use(until="2026-11-25T00:00:00+08:00"))) as (s, _, transfer):
        s.world.clock.time = s.world.clock.time.replace(hour=15, minute=59, second=59)
        assert (await s.ask(transfer, "in time")).status == 201
        s.world.clock.advance(seconds=1)
        late = await s.ask(transfer, "too late")
        assert late.status == 403
        assert "2026-11-25" in said(late)["reason"]
        await s.world.quiet()


async def test_a_use_token_ends_after_its_lifetime() -> None:
    async with running() as (s, _, transfer):
        granted = await s.ask(transfer, "monday")
        s.world.clock.advance(seconds=LIFETIME.total_seconds() - 1)
        assert (await read(s, transfer, granted)).status == 200
        s.world.clock.advance(seconds=1)
        late = await read(s, transfer, granted)
        assert late.status == 403
        assert "ended at" in said(late)["reason"]


async def test_a_resumed_read_is_the_same_use() -> None:
    async with running() as (s, contract, transfer):
        granted = await s.ask(transfer, "monday")
        part = await read(s, transfer, granted, range="bytes=10-", **{"if-range": f'"{digest(DATA)}"'})
        assert part.status == 206
        assert part.body == DATA[10:]
        assert (await counter(s, contract)).used == 1
        beyond = await read(s, transfer, granted, range="bytes=100000-")
        assert beyond.status == 416


async def test_a_duty_comes_first_and_the_consumer_carries_it_out() -> None:
    inform = Rule("http://www.w3.org/ns/odrl/2/inform", ())
    policy = Policy((Rule("use", (Constraint("http://www.w3.org/ns/odrl/2/count", "lteq", "3"),), (inform,)),))
    async with running(policy) as (s, contract, transfer):
        before = await s.ask(transfer, "monday")
        assert before.status == 403
        assert said(before)["decision"] == "conditional"
        assert len(said(before)["todo"]) == 1
        assert (await counter(s, contract)).used == (await counter(s, contract)).refused == 0
        after = await s.ask(transfer, "monday", fulfilled=said(before)["todo"])
        assert after.status == 201
        async with s.planner.use(contract.key, "any") as data:  # the verb does both steps
            assert await data.read() == DATA


async def test_every_delivery_makes_the_deletion_due() -> None:
    async with running() as (s, contract, _):
        async with s.planner.use(contract.key, "trip-planning") as data:
            await data.read()
        duties = await s.planner.store.read(lambda tx: tx.find(Duty, agreement=contract.key))
        delivered = (await stored(s.planner, Use, data.view.use)).delivered
        assert [duty.due for duty in duties] == [delivered + timedelta(days=30)]
        assert "duty-due" in await log_kinds(s.planner, contract.key)


async def test_tokens_open_their_own_transfer_and_use_only() -> None:
    async with running() as (s, contract, transfer):
        other = await s.transfer(contract, key="other")
        assert other.address is not None
        theirs = other.address.get("authorization").removeprefix("Bearer ")
        assert (await s.ask(transfer, "monday", token=theirs)).status == 404
        assert (await s.ask(transfer, "monday", token="made-up")).status == 401
        one, two = await s.ask(transfer, "one"), await s.ask(transfer, "two")
        mixed = Answer(201, canonical({**said(one), "token": said(two)["token"]}))
        assert (await read(s, transfer, mixed)).status == 401
        assert transfer.address is not None
        access = transfer.address.get("authorization").removeprefix("Bearer ")
        mixed = Answer(201, canonical({**said(one), "token": access}))
        assert (await read(s, transfer, mixed)).status == 401, "the transfer's token opens no bytes"
        assert (await s.ask(transfer, "three", token=said(one)["token"])).status == 401


async def test_a_token_dies_with_its_transfer() -> None:
    async with running() as (s, _, transfer):
        await s.planner.engine.transfers.complete(transfer.key)
        await s.world.quiet()
        answer = await s.ask(transfer, "monday")
        assert answer.status == 403
        assert "died" in said(answer)["reason"]


async def test_an_ended_contract_gives_nothing_more() -> None:
    async with running() as (s, contract, transfer):
        granted = await s.ask(transfer, "monday")
        await s.bus.call("end", contract.key, request=v.DecisionRequest(reason="the line is closed"))
        assert (await s.ask(transfer, "tuesday")).status == 403
        late = await read(s, transfer, granted)
        assert late.status == 403
        assert DATA not in late.body
        await s.world.quiet()


async def test_names_are_short_and_printable() -> None:
    async with running() as (s, _, transfer):
        for name in ("", "x" * 101, "a#b", "a\nb"):
            assert (await s.ask(transfer, name)).status == 400, name
        assert (await s.ask(transfer, "ok", "p" * 101)).status == 400
        address = transfer.address
        assert address is not None
        peer, token = s.world.network.peer(), address.get("authorization").removeprefix("Bearer ")
        answer = await peer.request("POST", f"{address.endpoint}/uses", body=b'{"use":1}', headers=bearer(token))
        assert answer.status == 400
        assert (await peer.request("POST", f"{address.endpoint}/uses", body=b"{}")).status == 401


async def test_a_client_that_knows_only_the_protocol_pulls_once() -> None:
    async with running(offer(use(purpose="trip-planning", count=1))) as (s, contract, transfer):
        address = transfer.address
        assert address is not None
        headers = bearer(address.get("authorization").removeprefix("Bearer "))
        peer = s.world.network.peer()
        url = f"{address.endpoint}?purpose=trip-planning"
        assert (await peer.request("GET", url, headers=headers)).body == DATA
        assert (await peer.request("GET", url, headers=headers)).body == DATA, "again: the same use"
        assert (await counter(s, contract)).used == 1


async def receipt(s: Space, key: str, **more: Any) -> str:
    """A receipt of the consumer about a use, with some members otherwise."""
    use = await stored(s.bus, Use, key)
    told = {"kind": "delivered", "agreement": use.agreement, "use": use.key, "digest": use.digest, "size": use.size}
    return s.planner.engine.seal.statement("delivery", canonical({**told, "time": "2026-11-24", **more}))


@pytest.mark.parametrize("lie", [{"digest": "0" * 64}, {"size": 1}, {"agreement": "another"}])
async def test_a_receipt_for_something_else_is_refused(lie: dict[str, Any]) -> None:
    async with running() as (s, _, transfer):
        key = said(await s.ask(transfer, "monday"))["use"]
        caller = await s.bus.engine.directory.known(s.planner.did)
        with pytest.raises(InvalidInput, match=next(iter(lie))):
            await s.bus.engine.gate.receipt(await receipt(s, key, **lie), caller)
        assert (await stored(s.bus, Use, key)).state == "open"
        first = await s.bus.engine.gate.receipt(await receipt(s, key), caller)
        assert first.state == "delivered"
        assert await s.bus.engine.gate.receipt(await receipt(s, key), caller) == first, "again: nothing changes"


async def test_a_receipt_by_somebody_else_is_refused() -> None:
    async with running() as (s, _, transfer):
        key = said(await s.ask(transfer, "monday"))["use"]
        stranger = await s.world.connector("stranger")
        caller = await s.bus.engine.directory.known(stranger.did)
        with pytest.raises(NotVerified):
            await s.bus.engine.gate.receipt(await receipt(s, key), caller)
        use = await stored(s.bus, Use, key)
        own = stranger.engine.seal.statement("delivery", canonical({"use": use.key}))
        with pytest.raises(NotFound):
            await s.bus.engine.gate.receipt(own, caller)


async def test_a_denial_about_a_contract_that_is_not_ours_is_refused() -> None:
    async with running() as (s, _, __):
        told = {"agreement": "urn:uuid:unknown", "use": "x"}
        statement = s.bus.engine.seal.statement("denial", canonical(told))
        caller = await s.planner.engine.directory.known(s.bus.did)
        with pytest.raises(NotFound):
            await s.planner.engine.books.refused(statement, caller)


async def test_a_use_of_another_content_than_the_transfer_names_is_not_taken() -> None:
    async with running() as (s, contract, transfer):
        path = s.world.place / "new.csv"
        path.write_bytes(b"another timetable")
        await s.bus.update(s.product.product, path)
        answer = await s.ask(transfer, "monday")
        assert said(answer)["digest"] == digest(b"another timetable")
        async with s.planner.use(contract.key, "trip-planning") as data:  # its own transfer names the new version
            assert await data.read() == b"another timetable"


async def test_data_that_came_before_a_crash_is_signed_for_and_its_transfer_closed() -> None:
    async with space(storage="sqlite") as s:
        contract = await s.contract()
        given = await s.planner.call("use", contract.key, request=v.UseRequest(purpose="trip-planning", key="k"))
        use = await stored(s.planner, Use, given.use)
        caller = await s.planner.engine.directory.known(s.bus.did)
        await s.planner.engine.books.received(use, caller)  # and then the process ends, before it closes the transfer
        await s.planner.stop()
        await s.planner.start()
        await s.world.quiet()
        assert (await s.planner.engine.transfers.get(use.transfer)).state is State.COMPLETED
        assert (await stored(s.bus, Use, use_key(contract.key, "k"))).state == "delivered"
        assert await s.planner.engine.books.received(use, caller) == await stored(s.planner, Use, use.key)
