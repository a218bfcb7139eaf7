"""The floor asks for no more than a flow really does, and does what it says."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from trustspace.bench.figures import Run
from trustspace.bench.floor import floor
from trustspace.bench.flows import flow
from trustspace.bench.least import FLOW, REQUESTS, SIGNATURES, SYNCS, Journal, Shared
from trustspace.core.contract import Negotiation
from trustspace.core.evidence.leaves import read_leaf
from trustspace.core.policy import offer, use
from trustspace.ports import Signer, Tx
from trustspace.testing.world import Node, World


@dataclass
class CountingKey:
    """A key that counts what it signs."""

    key: Signer
    done: Counter[str]

    @property
    def algorithm(self) -> str:
        return self.key.algorithm

    @property
    def public_der(self) -> bytes:
        return self.key.public_der

    def sign(self, data: bytes) -> bytes:
        self.done["signatures"] += 1
        return self.key.sign(data)


def counted(node: Node, done: Counter[str]) -> None:
    """Count what this node signs and syncs from now on."""
    node.engine.seal.key = CountingKey(node.engine.seal.key, done)

    def step(name: str) -> None:
        done[name] += 1

    node.disk = step


async def logged(node: Node, pid: str, contract: str) -> Counter[str]:
    """What the log of a node says about a flow: how many leaves of each kind."""

    def look(tx: Tx) -> Counter[str]:
        about = {entry.index: entry.body for entry in (*tx.entries(pid), *tx.entries(contract))}
        return Counter(read_leaf(body).kind for body in about.values())

    return await node.store.read(look)


async def one_flow() -> Counter[str]:
    """What one flow signs, commits and logs, once two nodes know each other."""
    done: Counter[str] = Counter()
    async with World.open(storage="sqlite") as world:
        provider, consumer = await world.connector("provider"), await world.connector("consumer")
        product = await world.publish(provider, b"data", offer(use(purpose="bench")))
        await flow(consumer, product.code)
        await world.quiet()
        counted(provider, done)
        counted(consumer, done)
        opened = await flow(consumer, product.code)
        await world.quiet()
        told = await consumer.call("contract", opened.contract)
        negotiation = await consumer.store.read(lambda tx: tx.find(Negotiation))
        pids = {provider: negotiation[-1].peer_pid, consumer: negotiation[-1].key}
        for node, pid in pids.items():
            done += await logged(node, pid, told.contract)
    return done


def test_a_flow_needs_what_the_floor_does() -> None:
    done = anyio.run(one_flow)
    assert done["message-received"] == done["message-sent"] == done["receipt"] == REQUESTS
    assert done["signatures"] >= SIGNATURES, "more, since the offer is asked for, and the list of participants"
    unasked = sum(step.syncs - 1 for step in FLOW)
    assert done["message-received"] + done["receipt"] + unasked == SYNCS, "each in a transaction of its own"


def test_a_sync_is_shared_by_those_who_come_before_it_begins() -> None:
    begun, started, gate = list[int](), asyncio.Event(), asyncio.Event()

    async def work() -> int:
        begun.append(len(begun))
        started.set()
        await gate.wait()
        return begun[-1]

    async def run() -> list[int]:
        shared = Shared(work)
        first = [asyncio.create_task(shared()) for _ in range(3)]
        await asyncio.wait_for(started.wait(), 1)
        later = [asyncio.create_task(shared()) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        return list(await asyncio.gather(*first, *later))

    assert asyncio.run(run()) == [0, 0, 0, 1, 1, 1], "who comes while it is done is not told that it was"


def test_a_journal_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "journal"

    async def run() -> None:
        journal = Journal(path)
        before = path.stat().st_size
        for _ in range(3):
            await journal.sync()
        journal.close()
        assert before == path.stat().st_size > 0

    asyncio.run(run())


@pytest.mark.parametrize("tls", [True, False])
def test_the_floor_is_measured(tmp_path: Path, tls: bool) -> None:
    async def run() -> Run:
        async with floor(tmp_path / "floor", tls=tls) as least:
            return await least.run(6, 3)

    found = asyncio.run(run())
    assert 0 < found["p50_ms"] <= found["p95_ms"]
    assert found["per_second"] > 0
