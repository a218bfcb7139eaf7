from __future__ import annotations

import pytest

from tests.services.spaces import log_kinds, space
from trustspace.core.evidence.checkpoint import Checkpoint, sign_checkpoint
from trustspace.core.evidence.merkle import consistency_proof, root
from trustspace.node.logview import checkpoint, growth, node_reader
from trustspace.services.witnessing import PeerLog

pytestmark = pytest.mark.anyio


async def test_a_log_that_grows_is_consistent_and_what_was_seen_is_in_our_log() -> None:
    async with space() as s:
        await s.contract("one")
        (first,) = await s.planner.call("check_logs")
        await s.contract("two")
        (second,) = await s.planner.call("check_logs")
        assert first.consistent
        assert second.consistent
        assert first.size < second.size
        subject = f"log of {s.bus.did}"
        assert await log_kinds(s.planner, subject) == ["peer-checkpoint"] * 2
        await s.planner.call("check_logs")
        assert len(await log_kinds(s.planner, subject)) == 2, "nothing new was seen"
        assert [one.size for one in (await s.planner.call("log")).peers] == [second.size]


async def test_a_log_that_went_back_is_detected_and_remembered() -> None:
    async with space() as s:
        await s.contract()
        await s.planner.call("check_logs")
        witness, peer = s.planner.engine.witness, await s.planner.engine.directory.known(s.bus.did)
        before = await witness.last(s.bus.did)
        old = await s.bus.store.read(lambda tx: root(2, node_reader(tx)))
        shorter = sign_checkpoint(Checkpoint(s.bus.did, 2, old), s.bus.engine.key)
        verdict = await witness.saw(before, shorter, [], peer)
        assert not verdict.consistent
        assert verdict.reason
        assert (verdict.size, verdict.root) == (before.size, before.root), "the last good one stays"
        (after,) = await s.planner.call("check_logs")
        assert not after.consistent, "once broken, always shown"


async def test_a_fork_of_the_same_size_is_detected() -> None:
    async with space() as s:
        await s.contract()
        await s.planner.call("check_logs")
        witness, peer = s.planner.engine.witness, await s.planner.engine.directory.known(s.bus.did)
        before = await witness.last(s.bus.did)
        other = sign_checkpoint(Checkpoint(s.bus.did, before.size, b"\1" * 32), s.bus.engine.key)
        assert not (await witness.saw(before, other, [], peer)).consistent


async def test_a_fork_that_grew_is_detected() -> None:
    async with space() as s:
        await s.contract("one")
        await s.planner.call("check_logs")
        witness, peer = s.planner.engine.witness, await s.planner.engine.directory.known(s.bus.did)
        before = await witness.last(s.bus.did)
        await s.contract("two")
        note = await checkpoint(s.bus.store, s.bus.did, s.bus.engine.key)
        size = int(note.split("\n")[1])
        honest = await s.bus.store.read(lambda tx: growth(tx, before.size, size))
        forked = PeerLog(key=s.bus.did, seen=before.seen, note=_note(s.bus.did, before.size, s.bus.engine.key))
        assert not (await witness.saw(_like(forked, before), note, honest, peer)).consistent
        lied = await s.bus.store.read(lambda tx: list(consistency_proof(1, size, node_reader(tx))))
        assert not (await witness.saw(await witness.last(s.bus.did), note, lied, peer)).consistent


async def test_a_checkpoint_signed_by_somebody_else_is_refused() -> None:
    async with space() as s:
        await s.contract()
        witness, peer = s.planner.engine.witness, await s.planner.engine.directory.known(s.bus.did)
        before = await witness.last(s.bus.did)
        assert before.size == 0
        assert before.checkpoint is None
        note = await checkpoint(s.bus.store, s.bus.did, s.planner.engine.key)
        verdict = await witness.saw(before, note, [], peer)
        assert "not signed by the peer" in verdict.reason


def _note(origin: str, size: int, key: object) -> str:
    return sign_checkpoint(Checkpoint(origin, size, b"\2" * 32), key)  # type: ignore[arg-type]  # a signer


def _like(forked: PeerLog, before: PeerLog) -> PeerLog:
    return PeerLog(
        key=forked.key, version=before.version, seen=forked.seen, note=forked.note, size=before.size, root="02" * 32
    )
