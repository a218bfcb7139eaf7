from __future__ import annotations

import pytest

from tests.services.spaces import DATA, space
from trustspace.core.errors import NotFound, Refused
from trustspace.core.transfer import State
from trustspace.core.usage import Access
from trustspace.node import views as v
from trustspace.services.transfer import DIGEST, PULL, SIZE
from trustspace.testing.cheats import changed, in_message

pytestmark = pytest.mark.anyio


async def test_a_transfer_starts_with_the_address_digest_and_size() -> None:
    async with space() as s:
        contract = await s.contract()
        mine = await s.transfer(contract)
        theirs = await s.bus.engine.transfers.get(mine.peer_pid)
        assert mine.state is theirs.state is State.STARTED
        assert mine.address is not None
        assert mine.address.get(SIZE) == str(len(DATA))
        assert mine.address.get(DIGEST) == s.product.digest
        assert mine.address.endpoint.startswith(s.bus.settings.public_url)


async def test_the_same_key_again_is_the_same_transfer() -> None:
    async with space() as s:
        contract = await s.contract()
        first, again = await s.transfer(contract, "k"), await s.transfer(contract, "k")
        assert first.key == again.key
        assert (await s.transfer(contract, "other")).key != first.key


async def test_the_access_token_is_not_kept_and_not_in_the_log() -> None:
    async with space() as s:
        contract = await s.contract()
        mine = await s.transfer(contract)
        assert mine.address is not None
        token = mine.address.get("authorization").removeprefix("Bearer ")
        for node in (s.bus, s.planner):
            entries = await node.store.read(lambda tx: tx.entries(""))
            assert not any(token.encode() in entry.body for entry in entries)


async def test_who_completes_it_closes_the_access() -> None:
    async with space() as s:
        mine = await s.transfer(await s.contract())
        await s.planner.engine.transfers.complete(mine.key)
        await s.world.quiet()
        theirs = await s.bus.engine.transfers.get(mine.peer_pid)
        assert theirs.state is State.COMPLETED
        (access,) = await s.bus.store.read(lambda tx: tx.find(Access, transfer=theirs.key))
        assert access.closed


async def test_who_terminates_it_gives_a_reason() -> None:
    async with space() as s:
        mine = await s.transfer(await s.contract())
        await s.bus.engine.transfers.terminate(mine.peer_pid, "the depot is closed")
        await s.world.quiet()
        mine = await s.planner.engine.transfers.get(mine.key)
        assert mine.state is State.TERMINATED
        assert mine.reasons == ("the depot is closed",)


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("agreementId", "urn:uuid:unknown", "no such agreement"),
        ("format", "HttpData-PUSH", PULL),
        ("callbackAddress", "https://evil.example/dsp", "callbackAddress"),
    ],
)
async def test_a_request_for_something_else_is_refused(member: str, value: str, reason: str) -> None:
    async with space() as s:
        contract = await s.contract()
        s.ruses.alter("request", in_message(changed(member, to=value)))
        view = await s.planner.call("transfer", contract.key, request=v.TransferRequestView(wait=3.0))
        await s.world.quiet()
        mine = await s.planner.engine.transfers.get(view.transfer)
        assert mine.state is State.TERMINATED
        assert reason in mine.reasons[0]
        assert await s.bus.store.read(lambda tx: tx.count(Access)) == 0


async def test_the_contract_of_another_pair_opens_no_transfer() -> None:
    async with space() as s:
        contract = await s.contract()
        stranger = await s.world.connector("stranger")
        begun = await stranger.engine.transfers.request(contract, s.bus.engine.base)
        await s.world.quiet()
        theirs = await stranger.engine.transfers.get(begun.key)
        assert theirs.state is State.TERMINATED
        assert "no such agreement of yours" in theirs.reasons[0]


async def test_only_the_consumer_asks_for_data() -> None:
    async with space() as s:
        contract = await s.contract()
        with pytest.raises(Refused, match="only the consumer"):
            await s.bus.call("transfer", contract.key, request=v.TransferRequestView())
        with pytest.raises(NotFound):
            await s.planner.call("transfer", "urn:uuid:none", request=v.TransferRequestView())


async def test_a_start_that_the_consumer_refuses_ends_at_both_sides() -> None:
    async with space() as s:
        contract = await s.contract()
        s.tricks.alter("start", in_message(changed("dataAddress", "endpointType", to=5)))
        view = await s.planner.call("transfer", contract.key, request=v.TransferRequestView(wait=3.0))
        await s.world.quiet()
        mine = await s.planner.engine.transfers.get(view.transfer)
        theirs = await s.bus.engine.transfers.get(mine.peer_pid)
        assert mine.state is theirs.state is State.TERMINATED
        assert mine.reasons == theirs.reasons
        assert "endpointType" in mine.reasons[0]
