"""Rules at work between two real nodes: every move by rule, waiting that survives a restart, and who is too late."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.spaces import TERMS, Space, space
from trustspace.core.contract import Role, State
from trustspace.core.policy import offer, to_odrl, use
from trustspace.core.transfer import State as Standing
from trustspace.node import views as v
from trustspace.services.negotiation import waits_for

pytestmark = pytest.mark.anyio
FEWER = offer(use(purpose="trip-planning", count=2, until="2027-12-31"), delete_after="P30D")
Rules = list[dict[str, Any]]


def at(on: str, then: str, **more: Any) -> dict[str, Any]:
    return {"on": on, "then": then, **more}


async def ended(bus: Rules, planner: Rules, **options: Any) -> tuple[Any, Any]:
    """How a negotiation for what is offered ends where both sides have rules."""
    async with space(bus=bus, planner=planner, **options) as s:
        return await s.both(await s.negotiation(wait=0.2))


OFFERS = [at("requested", "offer", role="provider")]
AGREES = [at("requested", "agree", role="provider")]
HOLDS = [at("offered", "hold", role="consumer")]


@pytest.mark.parametrize(
    ("bus", "planner", "state"),
    [
        (OFFERS, [], State.FINALIZED),
        (OFFERS, HOLDS, State.OFFERED),
        pytest.param(OFFERS, [at("offered", "accept")], State.FINALIZED, marks=pytest.mark.slow),
        ([*OFFERS, at("accepted", "hold", role="provider")], [], State.ACCEPTED),
        (AGREES, [at("agreed", "hold", role="consumer")], State.AGREED),
        ([*AGREES, at("verified", "hold", role="provider")], [], State.VERIFIED),
        ([*AGREES, at("verified", "finalize")], [at("agreed", "verify")], State.FINALIZED),
    ],
)
async def test_rules_lead_a_negotiation_as_far_as_they_say(bus: Rules, planner: Rules, state: State) -> None:
    mine, theirs = await ended(bus, planner)
    assert mine.state is theirs.state is state


WAITS = [at("requested", "hold", role="provider")]
LEAVES = {"then": "terminate", "reason": "we go no further"}


@pytest.mark.parametrize(
    ("bus", "planner", "role"),
    [
        ([{"on": "requested", "role": "provider", **LEAVES}], [], Role.PROVIDER),
        (
            [at("requested", "hold", role="provider")],
            [{"on": "requested", "role": "consumer", **LEAVES}],
            Role.CONSUMER,
        ),
        (OFFERS, [{"on": "offered", **LEAVES}], Role.CONSUMER),
        ([*OFFERS, {"on": "offered", "role": "provider", **LEAVES}], HOLDS, Role.PROVIDER),
        ([*OFFERS, {"on": "accepted", **LEAVES}], [], Role.PROVIDER),
        (AGREES, [{"on": "agreed", **LEAVES}], Role.CONSUMER),
        ([*AGREES, {"on": "verified", **LEAVES}], [], Role.PROVIDER),
    ],
)
async def test_either_side_ends_it_by_rule_with_its_reason(bus: Rules, planner: Rules, role: Role) -> None:
    mine, theirs = await ended(bus, planner)
    assert mine.state is theirs.state is State.TERMINATED
    assert mine.reasons == theirs.reasons == ("we go no further",)
    assert mine.ended_by is theirs.ended_by is role
    assert mine.code == "terminated"


async def test_counter_offers_by_rule_come_to_terms_that_both_have_said_yes_to() -> None:
    lower = at("requested", "counter", role="provider", round=1, policy=to_odrl(FEWER))
    mine, theirs = await ended([lower], [at("offered", "accept", terms="changed", purpose="trip-planning")])
    assert mine.state is theirs.state is State.FINALIZED
    assert mine.agreed.policy.digest == theirs.agreed.policy.digest == FEWER.digest
    assert mine.offer.id != mine.earlier.id, "other terms are another offer"


async def test_a_consumer_insists_by_rule_and_the_provider_gives_in() -> None:
    bus = [at("requested", "counter", role="provider", round=1, policy=to_odrl(FEWER))]
    mine, theirs = await ended(bus, [at("offered", "counter", role="consumer")])
    assert mine.state is theirs.state is State.FINALIZED
    assert mine.agreed.policy.digest == TERMS.digest
    assert theirs.reached["REQUESTED"] == 2


async def test_two_nodes_do_not_counter_for_ever() -> None:
    bus = [at("requested", "counter", role="provider", policy=to_odrl(FEWER))]
    async with space(bus=bus, planner=[at("offered", "counter", role="consumer")]) as s:
        mine, theirs = await s.both(await s.negotiation(wait=0.2))
        assert (mine.state, theirs.state) == (State.REQUESTED, State.REQUESTED)
        assert theirs.round == 17
        assert waits_for(theirs) == "a decision here"


@pytest.mark.parametrize("then", ["agree", "accept"])
async def test_terms_of_the_other_side_bind_nobody_unless_the_rule_says_so(then: str) -> None:
    bus = AGREES if then == "agree" else [at("requested", "counter", role="provider", policy=to_odrl(FEWER))]
    async with space(bus=bus, planner=[at("offered", "accept")], approval="manual") as s:
        asked = to_odrl(FEWER) if then == "agree" else None
        mine, theirs = await s.both(await s.negotiation(wait=0.2, policy=asked))
        assert mine.agreed is None
        assert waits_for(theirs if then == "agree" else mine) == "a decision here"


# --- transfers -------------------------------------------------------------------------------------------------------


async def moved(bus: Rules, planner: Rules) -> tuple[Any, Any]:
    """How a transfer stands at both sides once their rules have acted."""
    async with space(bus=bus, planner=planner) as s:
        mine = await s.transfer(await s.contract())
        await s.world.quiet()
        return await s.planner.engine.transfers.get(mine.key), await s.bus.engine.transfers.get(mine.peer_pid)


@pytest.mark.parametrize("who", [Role.PROVIDER, pytest.param(Role.CONSUMER, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ([at("transfer started", "complete")], Standing.COMPLETED),
        ([at("transfer started", "terminate", reason="enough")], Standing.TERMINATED),
        ([at("transfer started", "suspend", reason="the depot is closed")], Standing.SUSPENDED),
        ([at("transfer started", "suspend"), at("transfer suspended", "refuse", reason="no")], Standing.TERMINATED),
        (
            [
                at("transfer started", "suspend", round=1),
                at("transfer suspended", "start"),
                at("transfer started", "complete", round=2),
            ],
            Standing.COMPLETED,
        ),
        ([at("transfer requested", "terminate")], Standing.TERMINATED),
    ],
)
async def test_either_side_leads_a_transfer_by_rule(who: Role, rules: Rules, state: Standing) -> None:
    hold = [at("transfer requested", "hold", role="provider")] if rules[0]["on"] == "transfer requested" else []
    bus, planner = (rules, []) if who is Role.PROVIDER else (hold, rules)
    mine, theirs = await moved(bus, planner)
    assert mine.state is theirs.state is state


async def test_no_data_flows_while_it_is_suspended_and_does_again_after() -> None:
    async with space() as s:
        mine = await s.transfer(await s.contract())
        for side, pid in ((s.bus, mine.peer_pid), (s.planner, mine.key)):
            await side.engine.transfers.suspend(pid, "the depot is closed")
            await s.world.quiet()
            answer = await s.ask(mine, f"during {pid[-4:]}")
            assert answer.status == 403
            assert b"suspended" in answer.body
            await side.engine.transfers.start(pid)
            await s.world.quiet()
            mine = await s.planner.engine.transfers.get(mine.key)
            assert mine.state is Standing.STARTED
            assert (await s.ask(mine, f"after {pid[-4:]}")).status == 201


async def test_the_token_from_before_a_restart_by_the_provider_is_dead() -> None:
    async with space() as s:
        old = await s.transfer(await s.contract())
        await s.bus.engine.transfers.suspend(old.peer_pid)
        await s.world.quiet()
        await s.bus.engine.transfers.start(old.peer_pid)
        await s.world.quiet()
        new = await s.planner.engine.transfers.get(old.key)
        assert (await s.ask(old, "old")).status == 403
        assert (await s.ask(new, "new")).status == 201


# --- later -----------------------------------------------------------------------------------------------------------


async def until(s: Space, pid: str, state: State) -> None:
    await s.planner.engine.waiting.until(
        pid, lambda: s.planner.engine.negotiations.get(pid), lambda one: one.state is state, seconds=2.0
    )


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_what_waits_for_its_time_survives_a_restart(storage: str) -> None:
    async with space(bus=[{**AGREES[0], "after": "PT1H"}], storage=storage) as s:
        pid = await s.negotiation(wait=0.05)
        mine, theirs = await s.both(pid)
        assert waits_for(theirs) == "the time that a rule gives it"
        s.world.clock.advance(minutes=59)
        await s.bus.stop()
        await s.bus.start()
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.REQUESTED
        s.world.clock.advance(minutes=1)
        await until(s, pid, State.FINALIZED)


async def test_what_came_due_while_the_node_was_down_is_done_at_its_start() -> None:
    async with space(bus=[{**AGREES[0], "after": 60}]) as s:
        pid = await s.negotiation(wait=0.05)
        await s.bus.stop()
        s.world.clock.advance(hours=5)
        await s.bus.start()
        await until(s, pid, State.FINALIZED)


async def test_a_rule_does_not_act_on_what_has_moved_on_meanwhile() -> None:
    async with space(bus=[{**AGREES[0], "after": 60}]) as s:
        pid = await s.negotiation(wait=0.05)
        await s.planner.call("refuse", pid, request=v.DecisionRequest(reason="no longer wanted"))
        await s.world.quiet()
        s.world.clock.advance(minutes=5)
        await s.world.pause(60)
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.TERMINATED
        assert theirs.reasons == ("no longer wanted",)
        assert s.bus.engine.held == {}


async def test_rules_that_are_new_at_a_start_hold_for_what_waits() -> None:
    async with space(bus=WAITS) as s:
        pid = await s.negotiation(wait=0.05)
        await s.bus.stop()
        s.bus.settings = s.bus.settings.model_copy(update={"rules": ()})
        await s.bus.start()
        await until(s, pid, State.FINALIZED)
