"""Each message of a whole run is sent one to five times: one effect, identical bytes as the answer."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import pytest

from tests.services.spaces import count, log_kinds, space
from trustspace.core.canon import loads_object
from trustspace.core.contract import Contract, Negotiation, State
from trustspace.core.transfer import Transfer
from trustspace.core.usage import Access
from trustspace.node.engine import Engine
from trustspace.ports import Answer, Tx
from trustspace.testing.network import Fault

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("times", [1, 2, 3, 5])
async def test_a_message_that_arrives_several_times_has_one_effect(times: int) -> None:
    async with space() as s:
        s.world.network.faults = lambda _, method, url: (
            Fault(times=times) if method == "POST" and "/dsp/" in url else None
        )
        contract = await s.contract()
        transfer = await s.transfer(contract)
        await s.planner.engine.transfers.complete(transfer.key)
        mine, theirs = await s.both(contract.negotiation)
        assert mine.state is theirs.state is State.FINALIZED
        for kind, number in ((Negotiation, 1), (Contract, 1), (Transfer, 1)):
            assert await count(s.bus, kind) == await count(s.planner, kind) == number
        assert await count(s.bus, Access) == 1
        assert (await log_kinds(s.bus, theirs.key)).count("message-received") == 2
        assert (await log_kinds(s.planner, mine.key)).count("message-received") == 2


async def test_the_same_bytes_are_answered_with_the_same_bytes() -> None:
    async with space() as s:
        answers: dict[str, list[Answer]] = defaultdict(list)

        async def five_times(engine: Engine, url: str, peer: str, body: bytes) -> None:
            answers[url] += [await engine.send("POST", url, peer, body) for _ in range(5)]

        contract = await s.contract()
        mine, theirs = await s.both(contract.negotiation)
        blobs = await _sent_bytes(s.planner.engine, mine.key)
        assert len(blobs) == 2
        for verb, body in blobs.items():
            path = {"request": "request", "verify": f"{theirs.key}/agreement/verification"}[verb]
            await five_times(s.planner.engine, f"{s.bus.engine.base}/negotiations/{path}", s.bus.did, body)
        for given in answers.values():
            assert {(one.status, one.body) for one in given} == {(given[0].status, given[0].body)}
            assert given[0].status in {200, 201}
        assert await count(s.bus, Negotiation) == 1


async def _sent_bytes(engine: Engine, process: str) -> dict[str, bytes]:
    """The messages that a process sent, by verb."""
    found: dict[str, bytes] = {}
    for entry in await engine.store.read(lambda tx: tx.entries(process)):
        leaf = loads_object(entry.body)
        if leaf["kind"] == "message-sent":
            digest = str(leaf["data"]["digest"])
            found[leaf["data"]["message"]] = await engine.store.read(partial(_blob, digest=digest))
    return found


def _blob(tx: Tx, *, digest: str) -> bytes:
    return tx.blob(digest) or b""
