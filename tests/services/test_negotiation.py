from __future__ import annotations

import pytest

from tests.services.spaces import TERMS, count, log_kinds, space
from trustspace.core.contract import Contract, State
from trustspace.core.errors import NotFound, Refused
from trustspace.core.policy import offer, to_odrl, use
from trustspace.node import views as v
from trustspace.services.negotiation import waits_for

pytestmark = pytest.mark.anyio
FEWER = offer(use(purpose="trip-planning", count=2, until="2027-12-31"), delete_after="P30D")


async def test_a_request_for_what_is_offered_becomes_a_contract_signed_by_both() -> None:
    async with space() as s:
        mine, theirs = await s.both(await s.negotiation())
        assert mine.state is theirs.state is State.FINALIZED
        assert mine.agreement == theirs.agreement
        one, other = (await s.planner.call("contracts"))[0], (await s.bus.call("contracts"))[0]
        assert one.contract == other.contract
        assert one.signed == other.signed == "both"
        assert (one.role, other.role) == ("consumer", "provider")
        assert one.digest == other.digest
        assert [one.role for one in one.signatures] == ["provider", "consumer"]
        assert one.title == other.title == s.product.title


async def test_both_logs_tell_the_same_story() -> None:
    async with space() as s:
        contract = await s.contract()
        mine, theirs = await s.both(contract.negotiation)
        assert (await log_kinds(s.planner, contract.key)).count("agreement-signed") == 1
        assert (await log_kinds(s.bus, contract.key)).count("agreement-signed") == 1
        sent = await log_kinds(s.planner, mine.key)
        received = await log_kinds(s.bus, theirs.key)
        assert sent.count("message-sent") == received.count("message-received") == 2  # request, verification
        assert received.count("message-sent") == sent.count("message-received") == 2  # agreement, finalisation
        assert sent.count("receipt") == received.count("receipt") == 2


async def test_the_same_key_again_is_the_same_negotiation() -> None:
    async with space() as s:
        assert await s.negotiation("once") == await s.negotiation("once")
        assert await s.negotiation("twice") != await s.negotiation("once")
        assert await count(s.bus, Contract) == 2


async def test_a_manual_product_waits_for_a_person_who_approves() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        mine, theirs = await s.both(pid)
        assert (mine.state, theirs.state) == (State.REQUESTED, State.REQUESTED)
        assert waits_for(theirs) == "a decision here"
        assert waits_for(mine) == "the provider's offer or agreement"
        await s.bus.call("approve", theirs.key)
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED
        assert waits_for(mine) == ""


async def test_a_person_refuses_and_the_other_side_reads_why() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        await s.bus.call("refuse", theirs.key, request=v.DecisionRequest(reason="我们不与贵司合作"))
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.TERMINATED
        assert mine.reasons == theirs.reasons == ("我们不与贵司合作",)
        assert await count(s.planner, Contract) == 0


async def test_other_terms_than_offered_are_refused_where_nobody_decides() -> None:
    async with space() as s:
        mine, theirs = await s.both(await s.negotiation(policy=to_odrl(FEWER)))
        assert mine.state is theirs.state is State.TERMINATED
        assert mine.reasons == theirs.reasons
        assert 'expected "10", got "2"' in mine.reasons[0]


async def test_other_terms_are_agreed_where_a_person_says_so() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0, policy=to_odrl(FEWER))
        _, theirs = await s.both(pid)
        view = await s.bus.call("negotiation", theirs.key)
        [change] = view.changes
        assert ("10" in change.was, "2" in change.now) == (True, True)
        await s.bus.call("approve", theirs.key)
        mine, _ = await s.both(pid)
        assert mine.state is State.FINALIZED
        assert mine.agreed is not None
        assert mine.agreed.policy.digest == FEWER.digest


async def test_a_counter_offer_is_shown_and_accepted_by_a_person() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        await s.bus.call("counter", theirs.key, request=v.CounterRequest(policy=to_odrl(FEWER)))
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.OFFERED
        assert mine.todo == "decide"
        await s.planner.call("approve", pid)
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED
        assert theirs.agreed is not None
        assert theirs.agreed.policy.digest == FEWER.digest


async def test_a_counter_offer_is_answered_by_another_request() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        await s.bus.call("counter", theirs.key, request=v.CounterRequest(policy=to_odrl(FEWER)))
        await s.both(pid)
        await s.planner.call("counter", pid, request=v.CounterRequest(policy=to_odrl(TERMS)))
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.REQUESTED
        assert theirs.offer is not None
        assert theirs.offer.policy.digest == TERMS.digest


async def test_an_offer_that_is_what_was_asked_for_is_accepted_at_once() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        await s.bus.call("counter", theirs.key, request=v.CounterRequest(policy=to_odrl(TERMS)))
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED


async def test_a_withdrawn_product_is_not_on_offer() -> None:
    async with space() as s:
        _, found, provider = await s.planner.operations.offer(s.product.code)
        await s.bus.call("withdraw", s.product.product)
        endpoint = s.bus.engine.base
        begun = await s.planner.engine.negotiations.request(found, provider.participant, endpoint)
        mine, theirs = await s.both(begun.key)
        assert mine.state is theirs.state is State.TERMINATED
        assert mine.reasons == theirs.reasons == ("there is no such data product on offer here",)
        assert mine.code == "not-found"


async def test_a_clause_that_nobody_enforces_is_not_asked_for() -> None:
    unknown = {
        "permission": [
            {
                "action": "use",
                "constraint": [{"leftOperand": "urn:x:weather", "operator": "eq", "rightOperand": "fine"}],
            }
        ]
    }
    async with space() as s:
        with pytest.raises(Refused, match="weather"):
            await s.negotiation(policy=unknown)
        assert await count(s.planner, Contract) == 0


async def test_what_is_not_there_is_not_found() -> None:
    async with space() as s:
        with pytest.raises(NotFound):
            await s.planner.engine.negotiations.get("urn:uuid:nothing")
        with pytest.raises(NotFound):
            await s.planner.call("approve", "urn:uuid:nothing")


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_a_process_that_ends_in_the_middle_goes_on_where_it_stopped(storage: str) -> None:
    async with space(storage=storage) as s:
        _, found, provider = await s.planner.operations.offer(s.product.code)
        await s.bus.stop()
        begun = await s.planner.engine.negotiations.request(found, provider.participant, s.bus.engine.base, key="later")
        await s.planner.stop()
        await s.bus.start()
        await s.planner.start()
        mine, theirs = await s.both(begun.key)
        assert mine.state is theirs.state is State.FINALIZED
        assert await count(s.bus, Contract) == await count(s.planner, Contract) == 1
