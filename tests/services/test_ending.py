from __future__ import annotations

from contextlib import suppress

import pytest

from tests.services.spaces import DATA, log_kinds, said, space, stored
from trustspace.core.canon import canonical
from trustspace.core.contract import Contract, Status
from trustspace.core.errors import InvalidInput, NotFound, Refused, Unavailable
from trustspace.core.transfer import State
from trustspace.core.usage import Use
from trustspace.node import views as v
from trustspace.testing.network import LOST

pytestmark = pytest.mark.anyio
REASON = "the line is closed"


@pytest.mark.parametrize("who", ["bus", "planner"])
async def test_whoever_ends_a_contract_it_ends_at_both_sides(who: str) -> None:
    async with space() as s:
        contract = await s.contract()
        node = s.world.nodes[who]
        ended = await node.call("end", contract.key, request=v.DecisionRequest(reason=REASON))
        assert ended.status == "ended"
        await s.world.quiet()
        for side in (s.bus, s.planner):
            record = await stored(side, Contract, contract.key)
            assert (record.status, record.ended_by, record.ended_reason) == (Status.ENDED, node.did, REASON)
            assert (await log_kinds(side, contract.key)).count("contract-ended") == 1
        again = await node.call("end", contract.key, request=v.DecisionRequest(reason="another reason"))
        assert again.reason == REASON
        await s.world.quiet()


async def test_tokens_die_and_nothing_new_begins() -> None:
    async with space() as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        granted = said(await s.ask(transfer, "monday"))
        await s.bus.call("end", contract.key, request=v.DecisionRequest(reason=REASON))
        refused = await s.ask(transfer, "tuesday")
        assert refused.status == 403
        assert (await stored(s.bus, Use, granted["use"])).state == "closed"
        await s.world.quiet()
        with pytest.raises(Refused, match=REASON):
            await s.transfer(await stored(s.planner, Contract, contract.key), key="new")


async def test_a_consumer_that_has_not_heard_of_the_end_is_refused_with_the_reason() -> None:
    async with space() as s:
        contract = await s.contract()
        s.world.network.faults = lambda _, __, url: LOST if "endings" in url else None
        await s.bus.call("end", contract.key, request=v.DecisionRequest(reason=REASON))
        view = await s.planner.call("transfer", contract.key, request=v.TransferRequestView(wait=2.0))
        assert view.state == State.TERMINATED
        assert REASON in view.reason
        s.world.network.faults = None
        await s.world.quiet()
        assert (await stored(s.planner, Contract, contract.key)).status is Status.ENDED


async def test_a_running_delivery_is_cut() -> None:
    async with space() as s:
        path = s.world.place / "large.bin"
        path.write_bytes(b"x" * (5 << 20))
        await s.bus.update(s.product.product, path)
        contract = await s.contract()
        transfer = await s.transfer(contract)
        told, address = said(await s.ask(transfer, "monday")), transfer.address
        assert address is not None
        headers, got = {"authorization": f"Bearer {told['token']}"}, 0
        peer = s.world.network.peer()
        async with peer.stream("GET", f"{address.endpoint}/uses/monday", headers=headers) as answer:
            with suppress(Unavailable):
                async for chunk in answer.chunks:
                    got += len(chunk)
                    await s.bus.call("end", contract.key, request=v.DecisionRequest(reason=REASON))
        assert 0 < got < 5 << 20
        await s.world.quiet()
        causes = [type(one.__cause__) for one in s.world.network.crashes]
        assert causes == [Refused], "an answer that has begun can only be broken off"
        s.world.network.crashes.clear()


async def test_a_reason_is_needed() -> None:
    async with space() as s:
        contract = await s.contract()
        with pytest.raises(InvalidInput, match="reason"):
            await s.bus.call("end", contract.key, request=v.DecisionRequest(reason=" "))
        peer = await s.bus.engine.directory.known(s.planner.did)
        with pytest.raises(NotFound):
            await s.bus.engine.endings.end("urn:uuid:none", REASON, s.bus.did, peer)


async def test_nobody_ends_the_contracts_of_others() -> None:
    async with space() as s:
        contract = await s.contract()
        stranger = await s.world.connector("stranger")
        told = {"kind": "ended", "agreement": contract.key, "by": stranger.did, "reason": REASON}
        caller = await s.bus.engine.directory.known(stranger.did)
        with pytest.raises(NotFound):
            await s.bus.engine.endings.told(stranger.engine.seal.statement("end", canonical(told)), caller)
        other = {**told, "kind": "something else"}
        caller = await s.bus.engine.directory.known(s.planner.did)
        with pytest.raises(NotFound):
            await s.bus.engine.endings.told(s.planner.engine.seal.statement("end", canonical(other)), caller)
        assert (await stored(s.bus, Contract, contract.key)).status is Status.ACTIVE
        async with s.planner.use(contract.key, "trip-planning") as data:
            assert await data.read() == DATA
        await s.world.quiet()
