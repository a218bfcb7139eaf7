"""A past that is copied: what a flow leaves behind, under other names, at its real size; a node goes on with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from typer.testing import CliRunner

from trustspace.bench.figures import interval
from trustspace.bench.flows import flow
from trustspace.bench.history import Mould, Remains, load, remains
from trustspace.cli.bench import app
from trustspace.core.contract import Contract, Negotiation, State
from trustspace.core.errors import NotFound
from trustspace.core.evidence.leaves import read_leaf
from trustspace.core.transfer import Transfer
from trustspace.core.usage import Access
from trustspace.node.undone import take_up
from trustspace.node.views import NegotiateRequest
from trustspace.ports import Tx
from trustspace.testing.world import Node, World


@asynccontextmanager
async def lived(flows: int = 2) -> AsyncIterator[tuple[Node, Node, str]]:
    """A provider and a consumer with so many flows that ended and as many requests that wait, and what they deal in."""
    async with World.open() as world:
        provider, consumer = await world.connector("provider"), await world.connector("consumer")
        product = await world.publish(provider)
        manual = await world.publish(provider, b"by hand", title="人工审批", approval="manual")
        for _ in range(flows):
            opened = await flow(consumer, product.code)
            await consumer.call("complete_transfer", opened.transfer)
            await consumer.call("negotiate", request=NegotiateRequest(code=manual.code, wait=0))
        await anyio.sleep(0.05)
        await world.network.settle()
        yield provider, consumer, product.code


def two(tx: Tx) -> list[Remains]:
    return [remains(tx, one) for one in tx.find(Negotiation, state="FINALIZED")]


def sizes(left: Remains) -> dict[str, Any]:
    """What a flow left, without its names."""
    return {
        "records": sorted(type(one).__name__ for one in left.records),
        "leaves": [(read_leaf(one).kind, read_leaf(one).place, len(one)) for one in left.leaves],
        "blobs": sorted(len(one) for one in left.blobs.values()),
    }


@pytest.mark.anyio
async def test_a_copy_is_what_a_flow_leaves() -> None:
    async with lived() as (provider, consumer, _):
        for node in (provider, consumer):
            like, real = await node.store.read(two)
            copy = Mould(real, like).copy(7)
            await load(node.store, State.FINALIZED, 1, first=7)
            [_, again, copied] = await node.store.read(two)
            assert sizes(again) == sizes(real)
            assert sizes(copied) == sizes(again)
            assert {type(one) for one in real.records} >= {Negotiation, Contract, Transfer}
            assert [len(answer) for _, answer in copy.replies] == [len(answer) for answer in real.replies] != []
            assert copy == Mould(real, like).copy(7), "a transaction that runs twice stores the same"
            own = real.names() - like.names()
            assert own, "a flow has names of its own"
            assert not own & copied.names(), "no name of the flow stands in its copy"


@pytest.mark.anyio
async def test_a_node_goes_on_with_its_past() -> None:
    async with lived() as (provider, consumer, code):
        for node in (provider, consumer):
            await load(node.store, State.FINALIZED, 3)
            await load(node.store, State.REQUESTED, 4, first=3)
            await node.stop()
            await node.start()
        await flow(consumer, code)
        for node in (provider, consumer):
            assert await node.store.read(lambda tx: tx.count(Negotiation, state="FINALIZED")) == 2 + 3 + 1
            assert await node.store.read(lambda tx: tx.count(Contract)) == 2 + 3 + 1
            assert await node.store.read(lambda tx: tx.count(Negotiation, state="REQUESTED")) == 2 + 4
            assert (await node.status()).waiting >= 2 + 4
        assert await provider.store.read(lambda tx: tx.count(Access)) == 2 + 3 + 1
        assert len(await provider.call("negotiations", waiting="yes")) == 2 + 4


@pytest.mark.anyio
async def test_one_flow_is_not_enough_to_copy() -> None:
    async with lived(flows=1) as (provider, _, _):
        with pytest.raises(NotFound, match="two negotiations that are FINALIZED"):
            await load(provider.store, State.FINALIZED, 1)


@pytest.mark.anyio
async def test_what_is_left_to_do_is_taken_up_some_at_a_time() -> None:
    async with lived() as (provider, _, _):
        await load(provider.store, State.REQUESTED, 250)
        seen, now, most = set[tuple[str, str]](), 0, 0

        async def advance(machine: str, pid: str) -> None:
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            await provider.world.pause(0.01)
            seen.add((machine, pid))
            now -= 1

        await take_up(provider.store, advance)
        assert len(seen) == 252
        assert 1 < most <= 16


@pytest.mark.parametrize(
    ("count", "low", "high", "confidence"), [(1, 1, 1, 0.0), (5, 1, 5, 0.9375), (6, 1, 6, 0.9688), (15, 4, 12, 0.9648)]
)
def test_the_interval_of_a_median(count: int, low: int, high: int, confidence: float) -> None:
    found = interval([float(number) for number in range(count, 0, -1)]).to_json()
    assert found == {"low": low, "high": high, "confidence": confidence}


@pytest.mark.parametrize("wrong", [["--history", "-1"], ["--open", "many"], ["--runs", "0"]])
def test_wrong_sizes_are_told(wrong: list[str]) -> None:
    done = CliRunner().invoke(app, ["negotiate", *wrong])
    assert done.exit_code == 2
    assert wrong[0] in done.output
