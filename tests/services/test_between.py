"""What stands between two nodes answers in the peer's place, or spoils what comes: neither side believes it."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from tests.services.spaces import Space, space, stored
from tests.services.test_delivery import REFUSAL, Post
from trustspace.core.contract import Contract, Negotiation, State, Status
from trustspace.core.errors import Unavailable
from trustspace.core.evidence.checkpoint import Checkpoint, sign_checkpoint
from trustspace.core.transfer import Transfer
from trustspace.node import views as v
from trustspace.ports import Answer
from trustspace.services.delivery import Courtesy
from trustspace.services.witnessing import PeerLog
from trustspace.testing.network import LOST, Fault, Faults

pytestmark = pytest.mark.anyio
PORTAL = Fault(status=200, body=b"<html>please log in</html>", reaches=False)


def first(ending: str, *faults: Fault) -> Faults:
    """These faults for the first requests whose URL ends so, one after the other; no others."""
    left = list(faults)
    return lambda _, __, url: left.pop(0) if left and url.endswith(ending) else None


async def agreed(s: Space, faults: Faults) -> tuple[Negotiation, Negotiation]:
    """A negotiation with these faults, as consumer and provider have it in the end."""
    s.world.network.faults = faults
    return await s.both(await s.negotiation())


@pytest.mark.parametrize("status", [302, 403, 404, 413])
@pytest.mark.parametrize("reaches", [True, False])
@pytest.mark.parametrize("ending", ["/agreement", "/agreement/verification", "/events"])
async def test_a_refusal_without_a_reason_is_not_the_peers(status: int, reaches: bool, ending: str) -> None:
    async with space() as s:
        between = Fault(status=status, body=b"<html>no</html>", reaches=reaches)
        mine, theirs = await agreed(s, first(ending, between, between))
        assert mine.state is theirs.state is State.FINALIZED


async def test_a_refusal_is_held_against_the_peers_state_until_that_is_known() -> None:
    """The finalisation is taken and the answer to it a refusal, and twice nobody says where the peer stands."""
    async with space() as s:
        refused, asked = first("/events", *[Fault(status=400, body=REFUSAL)] * 3), [LOST, Fault(status=503)]

        def faults(number: int, method: str, url: str) -> Fault | None:
            if method == "GET" and "/negotiations/" in url and asked:
                return asked.pop(0)
            return refused(number, method, url)

        mine, theirs = await agreed(s, faults)
        assert not asked
        assert mine.state is theirs.state is State.FINALIZED


async def test_a_peer_that_refuses_and_never_says_where_it_stands_is_given_up_in_the_end() -> None:
    settled: list[int] = []

    class Asks(Post):
        async def settle(self, outgoing: object, answer: Answer) -> None:
            del outgoing
            if answer.status != 410:
                raise Unavailable("it does not say where it stands")
            settled.append(answer.status)
            await self.store.run(lambda tx: tx.sent("a"))

    post = Asks(lambda _, __: Answer(400, REFUSAL))
    async with post.running(Courtesy(timedelta(seconds=2))) as delivery:
        delivery.kick(await post.queue("a"))
    assert settled == [410]
    assert len(post.tries) > 2


async def test_a_contract_whose_finalisation_is_refused_ends_with_it() -> None:
    async with space() as s:
        refusal = Fault(status=400, body=REFUSAL, reaches=False)
        mine, theirs = await agreed(s, first("/events", refusal))
        assert theirs.agreed is not None
        assert mine.state is theirs.state is State.TERMINATED
        contract = await stored(s.bus, Contract, theirs.agreed.id)
        assert contract.status is Status.ENDED
        assert "not now" in contract.ended_reason
        assert await stored(s.planner, Contract, theirs.agreed.id) is None


async def test_a_contract_that_its_provider_ends_before_its_consumer_has_it_ends_at_both() -> None:
    async with space() as s:
        s.world.network.faults = lambda _, __, url: LOST if url.endswith("/events") else None
        await s.negotiation(wait=0.3)
        [contract] = await s.bus.store.read(lambda tx: tx.find(Contract))
        assert await stored(s.planner, Contract, contract.key) is None, "the finalisation is on its way"
        await s.bus.call("end", contract.key, request=v.DecisionRequest(reason="a mistake"))
        s.world.network.faults = None
        await s.world.quiet()
        for node in (s.bus, s.planner):
            found = await stored(node, Contract, contract.key)
            assert (found.status, found.ended_reason) == (Status.ENDED, "a mistake")


async def test_somebody_elses_yes_to_an_ending_is_none() -> None:
    async with space() as s:
        contract = await s.contract()
        s.world.network.faults = first("/endings", PORTAL, PORTAL)
        await s.bus.call("end", contract.key, request=v.DecisionRequest(reason="enough"))
        await s.world.quiet()
        assert (await stored(s.planner, Contract, contract.key)).status is Status.ENDED


async def test_a_transfer_asked_for_again_after_its_contract_ended_gets_the_first_answer_again() -> None:
    """The provider takes the request, its answer is lost, and it ends the contract before the request comes again."""
    async with space() as s:
        contract = await s.contract()
        lost = iter([Fault(answered=False), *[LOST] * 4])
        s.world.network.faults = lambda _, __, url: next(lost, None) if url.endswith("/transfers/request") else LOST
        mine = await s.planner.engine.transfers.request(contract, s.bus.engine.base)
        with anyio.fail_after(2):
            await taken(s)
        await s.bus.call("end", contract.key, request=v.DecisionRequest(reason="enough"))
        s.world.network.faults = None
        await s.world.quiet()
        mine = await s.planner.engine.transfers.get(mine.key)
        theirs = await s.bus.engine.transfers.get(mine.peer_pid)
        assert theirs.peer_pid == mine.key
        assert mine.state is theirs.state
        assert mine.refusal == ""


async def taken(s: Space) -> None:
    """Wait until the provider has a transfer."""
    if not await s.bus.store.read(lambda tx: tx.count(Transfer)):
        await anyio.sleep(0.001)
        await taken(s)


async def asked(s: Space) -> int:
    """What the provider answers to a request that anybody registered may make."""
    url = f"{s.bus.engine.base}/catalog/datasets/{s.product.product}"
    return (await s.planner.engine.send("GET", url, s.bus.did)).status


async def test_a_spoilt_document_is_not_held_against_whoever_calls() -> None:
    """The documents come broken off: the provider cannot say who calls, and neither refuses nor believes it."""
    async with space() as s:
        broken = Fault(status=200, body=b'{"@context":["https://www.w3', reaches=False)
        s.world.network.faults = first("planner.example/.well-known/did.json", broken, broken, broken)
        assert [await asked(s) for _ in range(3)] == [503, 503, 200]


async def test_a_list_that_does_not_hold_is_not_held_against_whoever_calls() -> None:
    async with space() as s:
        assert await asked(s) == 200
        s.world.clock.advance(seconds=61)
        await s.planner.engine.directory.refresh()
        s.world.network.faults = first("/GetParticipantList", Fault(status=200, body=b"{}", reaches=False))
        assert [await asked(s) for _ in range(2)] == [503, 200]


async def test_a_log_that_went_back_and_is_shorter_still_is_found_out() -> None:
    async with space() as s:
        await s.contract()
        (seen,) = await s.planner.call("check_logs")
        longer = sign_checkpoint(Checkpoint(s.bus.did, seen.size + 9, bytes(32)), s.bus.engine.key)
        last = await s.planner.engine.witness.last(s.bus.did)
        forgotten = PeerLog(key=last.key, note=longer, size=seen.size + 9, root=bytes(32).hex(), seen=last.seen)
        await s.planner.store.run(lambda tx: tx.save(forgotten, expect=last.version))
        (found,) = await s.planner.call("check_logs")
        assert not found.consistent
