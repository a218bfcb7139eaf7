"""Every process ends: agreed, refused with a reason, or timed out with a reason; and `status` says who waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from tests.services.spaces import Space, count, space, stored
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Negotiation, Role, State, Status
from trustspace.core.contract.exchange import MISSED
from trustspace.core.transfer import State as TransferState
from trustspace.core.transfer import Transfer
from trustspace.core.usage import Access
from trustspace.node import views as v
from trustspace.testing.network import LOST, Fault
from trustspace.testing.world import Node

pytestmark = pytest.mark.anyio


def lost(*ends: str) -> Callable[[int, str, str], Fault | None]:
    """What goes to paths with these ends is lost."""
    return lambda _, method, url: LOST if method == "POST" and url.endswith(ends) else None


async def pass_by(s: Space, **span: float) -> None:
    """Let time pass, and everybody notice."""
    s.world.clock.advance(**span)
    await anyio.sleep(0.15)


async def edit(node: Node, kind: type[Any], pid: str, **fields: Any) -> None:
    """A record as another life of the node would have left it."""
    record = await stored(node, kind, pid)
    await node.store.run(lambda tx: tx.save(replace(record, **fields), expect=record.version))


async def until_ended(node: Node, pid: str, kind: str = "negotiations") -> Any:
    """The process once it has ended."""
    use_case = getattr(node.engine, kind)
    return await node.engine.waiting.until(pid, lambda: use_case.get(pid), lambda one: one.ended, seconds=5)


@asynccontextmanager
async def undecided() -> AsyncIterator[tuple[Space, str, str]]:
    """A request that waits for a person; both names of it."""
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        mine, theirs = await s.both(pid)
        yield s, mine.key, theirs.key


async def test_what_nobody_decides_ends_with_that_as_the_reason_on_both_sides() -> None:
    async with undecided() as (s, ours, theirs):
        await pass_by(s, days=6.9)
        assert (await s.bus.engine.negotiations.get(theirs)).state is State.REQUESTED
        await pass_by(s, days=0.2)
        for node, pid in ((s.bus, theirs), (s.planner, ours)):
            ended = await until_ended(node, pid)
            assert (ended.state, ended.code, ended.ended_by) == (State.TERMINATED, "timed-out", Role.PROVIDER)
            assert ended.reasons == ("timed out: waited 7 days for a decision here",)


async def test_a_peer_that_never_moves_is_waited_for_no_longer_than_our_patience() -> None:
    async with undecided() as (s, ours, _):
        await s.bus.stop()
        await pass_by(s, days=14, hours=1)
        ending = await s.planner.engine.negotiations.get(ours)
        assert (ending.pending, ending.pending_code) == ("terminate", "timed-out")
        await pass_by(s, hours=25)
        ended = await until_ended(s.planner, ours)
        assert ended.reasons == ("timed out: waited 14 days for the provider's offer or agreement",)
        assert not await s.planner.busy()


async def test_what_ran_out_while_a_node_was_down_ends_at_its_start() -> None:
    async with undecided() as (s, _, theirs):
        await s.bus.stop()
        s.world.clock.advance(days=8)
        await s.bus.start()
        assert (await until_ended(s.bus, theirs)).code == "timed-out"


@pytest.mark.parametrize("path", ["/agreement/verification", "/events"])
async def test_where_nothing_can_be_said_both_sides_end_it_alone_and_no_contract_stands(path: str) -> None:
    async with space() as s:
        s.world.network.faults = lost(path)
        pid = await s.negotiation(wait=0.3)
        mine = await s.planner.engine.negotiations.get(pid)
        assert not mine.ended
        await pass_by(s, hours=25)
        mine, theirs = await until_ended(s.planner, pid), await until_ended(s.bus, mine.peer_pid)
        assert mine.state is theirs.state is State.TERMINATED
        assert all(one.reasons and one.reasons[0] for one in (mine, theirs))
        assert await count(s.planner, Contract) == 0
        for contract in await s.bus.store.read(lambda tx: tx.find(Contract)):
            assert contract.status is Status.ENDED
            assert "not concluded" in contract.ended_reason
        s.world.network.faults = None
        await s.world.quiet()


async def test_a_peer_that_ended_it_without_our_hearing_is_asked() -> None:
    async with undecided() as (s, ours, theirs):
        await edit(s.bus, Negotiation, theirs, state=State.TERMINATED, todo="")
        await pass_by(s, hours=1.1)
        ended = await until_ended(s.planner, ours)
        assert (ended.state, ended.reasons, ended.ended_by) == (State.TERMINATED, (MISSED,), Role.PROVIDER)
        assert (await s.planner.call("log_entries", subject=ours)).results[-1].kind == "state-taken"


async def test_an_unsigned_negotiation_that_is_final_there_is_final_here() -> None:
    async with verified() as (s, ours, theirs):
        await edit(s.planner, Negotiation, ours, provider_signature="")
        await edit(s.bus, Negotiation, theirs, state=State.FINALIZED)
        await pass_by(s, hours=1.1)
        mine = await until_ended(s.planner, ours)
        assert mine.state is State.FINALIZED
        contract = await stored(s.planner, Contract, mine.agreed.id)
        assert contract.signed == "unsigned"


async def test_a_signed_one_is_final_only_by_the_message_that_names_the_signatures() -> None:
    async with verified() as (s, ours, theirs):
        await edit(s.bus, Negotiation, theirs, state=State.FINALIZED)
        await pass_by(s, hours=1.1)
        assert (await s.planner.engine.negotiations.get(ours)).state is State.VERIFIED
        await pass_by(s, hours=24)
        assert "the peer shows FINALIZED" in (await until_ended(s.planner, ours)).reasons[0]
        assert await count(s.planner, Contract) == 0


@asynccontextmanager
async def verified() -> AsyncIterator[tuple[Space, str, str]]:
    """A negotiation at its last step, that the provider does not take; both names of it."""
    async with space() as s:
        s.world.network.faults = lost("/events")
        pid = await s.negotiation(wait=0.3)
        mine = await s.planner.engine.negotiations.get(pid)
        assert mine.state is State.VERIFIED
        theirs = await stored(s.bus, Negotiation, mine.peer_pid)
        for message in await s.bus.store.read(lambda tx: tx.queued(process=theirs.key)):
            await s.bus.store.run(lambda tx, message=message: tx.sent(message.id))  # type: ignore[misc]  # bound early
        yield s, mine.key, theirs.key
        s.world.network.faults = None


async def test_a_peer_that_knows_nothing_of_it_is_not_told() -> None:
    async with undecided() as (s, ours, theirs):
        record = await stored(s.planner, Negotiation, ours)
        await edit(s.planner, Negotiation, ours, peer_pid=theirs[:-4] + "0000")
        await pass_by(s, days=15)
        ended = await until_ended(s.planner, ours)
        assert ended.reasons[0].endswith("the peer knows nothing of it")
        assert not await s.planner.store.read(lambda tx: tx.queued(process=record.key))


# --- transfers --------------------------------------------------------------------------------------------------------


async def test_a_transfer_that_is_never_started_ends() -> None:
    async with space() as s:
        contract = await s.contract()
        s.world.network.faults = lost("/start")
        view = await s.planner.call("transfer", contract.key, request=v.TransferRequestView(wait=0.1))
        await pass_by(s, days=1, hours=1)  # the provider gives its start up, which ends it there
        mine = await s.planner.engine.transfers.get(view.transfer)
        theirs = await until_ended(s.bus, mine.peer_pid, "transfers")
        assert theirs.state is TransferState.TERMINATED
        assert all(one.closed for one in await s.bus.store.read(lambda tx: tx.find(Access)))
        s.world.network.faults = None
        await pass_by(s, days=2)
        assert (await until_ended(s.planner, view.transfer, "transfers")).reasons == (MISSED,)


async def test_a_transfer_ends_a_while_after_its_last_use() -> None:
    async with space() as s:
        transfer = await s.transfer(await s.contract())
        theirs = transfer.peer_pid
        await s.planner.stop()
        await pass_by(s, days=20)
        assert (await s.ask(transfer, "one")).status == 201
        await pass_by(s, days=20)
        assert (await stored(s.bus, Transfer, theirs)).state is TransferState.STARTED
        await pass_by(s, days=11)
        assert (await stored(s.bus, Transfer, theirs)).pending_code == "timed-out"
        assert all(one.closed for one in await s.bus.store.read(lambda tx: tx.find(Access)))
        await pass_by(s, hours=25)
        assert (await until_ended(s.bus, theirs, "transfers")).state is TransferState.TERMINATED


# --- who we are -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["bus", "planner"])
async def test_after_a_revocation_nothing_is_tried_for_long(which: str) -> None:
    async with undecided() as (s, _, theirs):
        s.world.network.faults = lost("/agreement")
        await s.bus.engine.negotiations.approve(theirs)
        await s.world.revoke(s.world.nodes[which])
        s.world.clock.advance(seconds=61)
        ended = await until_ended(s.bus, theirs)
        assert ended.state is State.TERMINATED
        assert "revoked" in ended.reasons[0].lower()
        assert s.world.clock.now() - ended.created < timedelta(minutes=5)
        s.world.network.faults = None
        await s.world.quiet()


async def test_a_step_towards_a_peer_that_is_no_longer_known_ends_it() -> None:
    async with undecided() as (s, _, theirs):
        await edit(s.bus, Published, s.product.product, manual=False)
        await s.world.revoke(s.planner)
        s.world.clock.advance(seconds=61)
        s.bus.engine.start("negotiation", theirs)
        ended = await until_ended(s.bus, theirs)
        assert "REVOKED" in ended.reasons[0]
        assert not s.bus.engine.held


# --- what is shown ----------------------------------------------------------------------------------------------------


async def test_status_names_who_waits_for_what_and_what_happens_then() -> None:
    async with undecided() as (s, ours, theirs):
        s.world.clock.advance(seconds=10)
        [mine] = (await s.planner.status()).stuck
        [decision] = (await s.bus.status()).stuck
        assert (mine.process, mine.waits_for) == (ours, "the provider's offer or agreement")
        assert (decision.process, decision.waits_for) == (theirs, "a decision here")
        assert (mine.until - mine.since).days == 14  # type: ignore[operator]  # it is there
        assert mine.then == "it ends as timed out, and the peer is told"
        assert (await s.planner.status()).waiting == 1


async def test_status_names_a_message_that_is_not_acknowledged() -> None:
    async with space() as s:
        s.world.network.faults = lost("/request")
        await s.negotiation(wait=0.1)
        await anyio.sleep(0.05)
        stuck = (await s.planner.status()).stuck
        assert (stuck[0].waits_for, stuck[0].attempts > 0) == ("the peer's acknowledgement", True)
        assert "given up" in stuck[0].then
        s.world.network.faults = None
        await s.world.quiet()
