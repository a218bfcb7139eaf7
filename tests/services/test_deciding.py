"""What a person sees and decides, on either side: rounds, races, messages that are lost, and coming too late."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from typing import Any

import anyio
import pytest

from tests.services.spaces import TERMS, Space, space
from trustspace.core.contract import Contract, State
from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput, Refused, TrustspaceError
from trustspace.core.policy import Policy, offer, to_odrl, use
from trustspace.core.transfer import State as Standing
from trustspace.node import views as v
from trustspace.testing.network import DOUBLED, LOST, UNACKNOWLEDGED, Fault

pytestmark = pytest.mark.anyio
FEWER = offer(use(purpose="trip-planning", count=2, until="2027-12-31"), delete_after="P30D")
SOME = offer(use(purpose="trip-planning", count=5, until="2027-12-31"), delete_after="P30D")


def rounds(view: v.NegotiationView) -> list[tuple[str, str]]:
    """The numbers that changed."""
    return [("".join(filter(str.isdigit, one.was)), "".join(filter(str.isdigit, one.now))) for one in view.changes]


async def held(s: Space, policy: Policy | None = None) -> tuple[str, str]:
    """A request that waits for the provider's person: the pids of consumer and provider."""
    pid = await s.negotiation(wait=0.0, policy=to_odrl(policy) if policy else None)
    return pid, (await s.both(pid))[1].key


async def test_each_round_shows_what_changed_since_the_last_to_whoever_decides() -> None:
    async with space(approval="manual") as s:
        mine, theirs = await held(s, FEWER)
        [asked] = await s.bus.negotiations(waiting=True)
        assert (asked.negotiation, asked.peer, asked.title) == (theirs, s.planner.did, s.product.title)
        assert asked.since is not None
        assert rounds(asked) == [("10", "2")]
        await s.bus.counter(asked, SOME)
        await s.world.quiet()
        [offered] = await s.planner.negotiations(waiting=True)
        assert offered.negotiation == mine
        assert rounds(offered) == [("2", "5")]
        assert offered.title == s.product.title
        await s.planner.counter(offered, TERMS)
        await s.world.quiet()
        [again] = await s.bus.negotiations(waiting=True)
        assert (again.round, rounds(again)) == (2, [("5", "10")])
        await s.bus.approve(again)
        one, other = await s.both(mine)
        assert one.state is other.state is State.FINALIZED
        assert one.agreed is not None
        assert one.agreed.policy.digest == TERMS.digest
        assert await s.bus.negotiations(waiting=True) == await s.planner.negotiations(waiting=True) == []


async def test_status_names_who_waits_for_a_person_and_for_what() -> None:
    async with space(approval="manual") as s:
        mine, _ = await held(s)
        s.world.clock.advance(minutes=1)
        [stuck] = (await s.bus.status()).stuck
        assert stuck.what == f"negotiation with {s.planner.did} about {s.product.title}"
        assert (stuck.waits_for, stuck.decide) == ("a decision here", "counter, approve, refuse")
        await s.bus.counter(stuck.process, FEWER)
        await s.world.quiet()
        s.world.clock.advance(minutes=1)
        assert [one.decide for one in (await s.bus.status()).stuck] == [""]
        [stuck] = (await s.planner.status()).stuck
        assert (stuck.process, stuck.decide) == (mine, "counter, approve, refuse")
        assert stuck.what == f"negotiation with {s.bus.did} about {s.product.title}"


async def test_a_reason_reaches_the_other_side_and_is_needed() -> None:
    async with space(approval="manual") as s:
        mine, theirs = await held(s)
        with pytest.raises(InvalidInput, match="a reason is needed"):
            await s.bus.refuse(theirs, " ")
        await s.bus.refuse(theirs, "我们不与贵司合作")
        one, _ = await s.both(mine)
        assert one.reasons == ("我们不与贵司合作",)


async def tried(act: Awaitable[Any], told: list[TrustspaceError]) -> None:
    try:
        await act
    except TrustspaceError as error:
        told.append(error)


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_of_two_persons_at_once_one_decides_and_the_other_is_told(storage: str) -> None:
    async with space(approval="manual", storage=storage) as s:
        mine, _ = await held(s)
        [seen] = await s.bus.negotiations(waiting=True)
        told: list[TrustspaceError] = []
        async with anyio.create_task_group() as group:
            group.start_soon(tried, s.bus.approve(seen), told)
            group.start_soon(tried, s.bus.refuse(seen, "no"), told)
            group.start_soon(tried, s.bus.counter(seen, FEWER), told)
        one, other = await s.both(mine)
        assert one.state is other.state
        assert one.state in {State.FINALIZED, State.TERMINATED, State.OFFERED}
        assert len(told) == 2
        assert all(isinstance(error, Conflict | IllegalTransition) for error in told)
        assert all("on its way" in error.what or "now" in error.what or "decision" in error.what for error in told)


async def test_who_approves_after_the_peer_has_ended_it_reads_why() -> None:
    async with space(approval="manual") as s:
        mine, _ = await held(s)
        [seen] = await s.bus.negotiations(waiting=True)
        await s.planner.refuse(mine, "we found another feed")
        await s.world.quiet()
        with pytest.raises(IllegalTransition, match="TERMINATED") as caught:
            await s.bus.approve(seen)
        assert "we found another feed" in caught.value.hint
        with pytest.raises(IllegalTransition, match="TERMINATED"):
            await s.bus.counter(seen, FEWER)
        assert await s.bus.store.read(lambda tx: tx.count(Contract)) == 0


async def test_terms_that_came_after_those_that_were_read_are_not_approved() -> None:
    async with space(approval="manual") as s:
        mine, theirs = await held(s, FEWER)
        [seen] = await s.bus.negotiations(waiting=True)
        await s.bus.counter(seen, SOME)
        await s.world.quiet()
        await s.planner.counter(mine, TERMS)
        await s.world.quiet()
        for late in (s.bus.approve(seen), s.bus.counter(seen, FEWER)):
            with pytest.raises(Conflict, match="other terms"):
                await late
        await s.bus.approve(await s.bus.call("negotiation", theirs))
        assert (await s.both(mine))[0].state is State.FINALIZED


async def test_nothing_is_approved_that_waits_for_nobody_here() -> None:
    async with space(approval="manual") as s:
        mine, theirs = await held(s)
        with pytest.raises(IllegalTransition, match="nothing here waits"):
            await s.planner.approve(mine)
        await s.bus.approve(theirs)
        await s.both(mine)
        with pytest.raises(IllegalTransition, match="FINALIZED"):
            await s.bus.approve(theirs)


async def test_a_person_cannot_sign_what_nobody_enforces() -> None:
    rain = {"leftOperand": "urn:x:weather", "operator": "eq", "rightOperand": "fine"}
    async with space(approval="manual") as s:
        s.ruses.alter("request", lambda message, _: _with_constraint(message, rain))
        _, theirs = await held(s)
        with pytest.raises(Refused, match="weather"):
            await s.bus.approve(theirs)


def _with_constraint(message: Any, constraint: Any) -> Any:
    rule = {**message["offer"]["permission"][0], "constraint": [constraint]}
    return {**message, "offer": {**message["offer"], "permission": [rule]}}


async def test_a_person_does_not_agree_to_an_offer_whose_time_is_over() -> None:
    async with space(approval="manual") as s:
        _, theirs = await held(s)
        s.world.clock.advance(seconds=420 * 86_400)
        with pytest.raises(Refused, match="the offer ended at 2027-12-31"):
            await s.bus.engine.negotiations.approve(theirs)
        assert (await s.bus.engine.negotiations.get(theirs)).state is State.REQUESTED


@pytest.mark.parametrize("fault", [LOST, UNACKNOWLEDGED, DOUBLED])
async def test_rounds_over_a_bad_network_end_with_the_same_contract(fault: Fault) -> None:
    chance = random.Random("rounds")
    async with space(approval="manual") as s:
        mine, theirs = await held(s, FEWER)
        s.world.network.faults = lambda _, __, url: fault if "/dsp/" in url and chance.random() < 0.4 else None
        await s.bus.counter(theirs, SOME)
        await s.both(mine)
        await s.planner.counter(mine, FEWER)
        await s.both(mine)
        await s.bus.approve(theirs)
        one, other = await s.both(mine)
        s.world.network.faults = None
        assert one.state is other.state is State.FINALIZED
        assert one.agreement == other.agreement
        assert one.agreed is not None
        assert one.agreed.policy.digest == FEWER.digest
        assert one.reached == other.reached


# --- a provider that begins ------------------------------------------------------------------------------------------


async def proposed(s: Space, policy: Policy | None = None) -> tuple[str, str]:
    """An offer to somebody who has not asked: the pids of consumer and provider."""
    begun = await s.bus.propose(s.product, s.planner.did, policy=policy, key="spring")
    await s.world.quiet()
    assert (await s.bus.propose(s.product, s.planner.did, policy=policy, key="spring")).negotiation == begun.negotiation
    theirs = await s.bus.engine.negotiations.get(begun.negotiation)
    return theirs.peer_pid, theirs.key


async def test_an_offer_to_somebody_who_has_not_asked_waits_for_a_person_there() -> None:
    async with space() as s:
        mine, _ = await proposed(s, FEWER)
        [seen] = await s.planner.negotiations(waiting=True)
        assert (seen.negotiation, seen.peer, seen.state) == (mine, s.bus.did, "OFFERED")
        assert all(one.was == "" for one in seen.changes)
        done = await s.planner.approve(seen)
        one, other = await s.both(mine)
        assert one.state is other.state is State.FINALIZED
        contract = await s.planner.call("contract", done.contract or (one.agreed.id if one.agreed else ""))
        assert (contract.role, contract.signed, contract.policy) == ("consumer", "both", to_odrl(FEWER))


async def test_such_an_offer_can_be_countered_and_is_agreed_where_that_is_what_we_publish() -> None:
    async with space() as s:
        mine, _ = await proposed(s, FEWER)
        await s.planner.counter(mine, TERMS)
        one, other = await s.both(mine)
        assert one.state is other.state is State.FINALIZED


async def test_such_an_offer_is_never_accepted_by_itself_even_where_it_is_what_was_asked_before() -> None:
    async with space() as s:
        await s.contract()
        mine, _ = await proposed(s)
        one, other = await s.both(mine)
        assert one.state is other.state is State.OFFERED


async def test_an_offer_of_other_data_than_was_asked_for_is_not_accepted_by_itself() -> None:
    async with space(approval="manual") as s:
        other = await s.world.publish(s.bus, b"other", TERMS, title="另一产品")
        mine, theirs = await held(s)
        s.tricks.alter("offer", lambda m, _: {**m, "offer": {**m["offer"], "target": other.product}})
        await s.bus.counter(theirs, TERMS)
        one, _ = await s.both(mine)
        assert one.state is State.OFFERED
        [seen] = await s.planner.negotiations(waiting=True)
        assert [(change.path, change.was, change.now) for change in seen.changes] == [
            ("target", s.product.product, other.product)
        ]


# --- transfers -------------------------------------------------------------------------------------------------------


async def test_a_held_transfer_is_shown_started_suspended_and_ended_by_people() -> None:
    hold = {"on": "transfer requested", "then": "hold", "role": "provider"}
    async with space(bus=[hold]) as s:
        contract = await s.contract()
        request = v.TransferRequestView(wait=0.0)
        mine = (await s.planner.call("transfer", contract.key, request=request)).transfer
        await s.world.quiet()
        s.world.clock.advance(minutes=1)
        [stuck] = (await s.bus.status()).stuck
        assert stuck.decide == "start, terminate"
        assert (await s.bus.call("start_transfer", stuck.process)).state == "STARTED"
        why = v.DecisionRequest(reason="the depot is closed")
        assert (await s.planner.call("suspend_transfer", mine, request=why)).state == "SUSPENDED"
        [seen] = await s.bus.call("transfers", contract=contract.key)
        assert (seen.state, seen.waits_for, seen.peer) == ("SUSPENDED", "either side to start again", s.planner.did)
        assert (await s.planner.call("start_transfer", mine)).state == "STARTED"
        with pytest.raises(InvalidInput, match="a reason is needed"):
            await s.bus.call("terminate_transfer", stuck.process, request=v.DecisionRequest())
        await s.bus.call("terminate_transfer", stuck.process, request=why)
        await s.world.quiet()
        assert (await s.planner.engine.transfers.get(mine)).state is Standing.TERMINATED


async def test_rules_are_shown_in_the_order_in_which_they_are_tried() -> None:
    rules = [{"on": "requested", "then": "hold", "name": "look first"}, {"on": "verified", "then": "finalize"}]
    async with space(bus=rules) as s:
        seen = await s.bus.call("rules")
        assert [(one.name, one.on, one.then) for one in seen] == [
            ("look first", ["requested"], "hold"),
            ("", ["verified"], "finalize"),
        ]
        assert seen[1].rule == rules[1]
