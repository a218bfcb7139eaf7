from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.evidence.merkle import (
    EMPTY_ROOT,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parents[3] / "specs/vectors/log.json").read_text())
BODIES = [bytes.fromhex(body) for body in VECTORS["leaves"]]
SIZES = st.integers(1, 70)


def naive(bodies: Sequence[bytes]) -> bytes:
    """The definition of RFC 6962, 2.1, word by word."""
    if len(bodies) < 2:
        return hashlib.sha256(b"\0" + bodies[0]).digest() if bodies else hashlib.sha256().digest()
    split = 1
    while split * 2 < len(bodies):
        split *= 2
    return hashlib.sha256(b"\1" + naive(bodies[:split]) + naive(bodies[split:])).digest()


def bodies_of(size: int) -> list[bytes]:
    return [b"%d" % n for n in range(size)]


def tree_of(bodies: Sequence[bytes]) -> Tree:
    return Tree([leaf_hash(body) for body in bodies])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots_come_out(size: int) -> None:
    assert root(size, tree_of(BODIES).node).hex() == VECTORS["roots"][size - 1]


@pytest.mark.parametrize("case", VECTORS["inclusion"])
def test_the_published_audit_paths_come_out(case: dict[str, Any]) -> None:
    path = inclusion_proof(case["index"], case["size"], tree_of(BODIES).node)
    assert [step.hex() for step in path] == case["path"]


@pytest.mark.parametrize("case", VECTORS["consistency"])
def test_the_published_consistency_proofs_come_out(case: dict[str, Any]) -> None:
    path = consistency_proof(case["old"], case["new"], tree_of(BODIES).node)
    assert [step.hex() for step in path] == case["path"]


def test_the_empty_log_has_the_root_of_nothing() -> None:
    assert Tree().root() == EMPTY_ROOT == bytes.fromhex(VECTORS["empty_root"])


@given(SIZES)
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert tree_of(bodies_of(size)).root() == naive(bodies_of(size))


@given(SIZES, st.data())
def test_every_leaf_can_be_shown_and_no_flipped_bit_passes(size: int, data: st.DataObject) -> None:
    tree, index = tree_of(bodies_of(size)), data.draw(st.integers(0, size - 1))
    leaf, path = leaf_hash(b"%d" % index), list(inclusion_proof(index, size, tree.node))
    verify_inclusion(index, size, leaf, path, tree.root())
    with pytest.raises(NotVerified):
        verify_inclusion(index, size, flipped(leaf, data), path, tree.root())
    for number in range(len(path)):
        wrong = [*path[:number], flipped(path[number], data), *path[number + 1 :]]
        with pytest.raises(NotVerified):
            verify_inclusion(index, size, leaf, wrong, tree.root())


@given(SIZES, st.data())
def test_growth_can_be_shown_and_no_flipped_bit_passes(new: int, data: st.DataObject) -> None:
    old, bodies = data.draw(st.integers(0, new)), bodies_of(new)
    path = list(consistency_proof(old, new, tree_of(bodies).node))
    before, after = naive(bodies[:old]), naive(bodies)
    verify_consistency(old, new, path, before, after)
    for number in range(len(path)):
        wrong = [*path[:number], flipped(path[number], data), *path[number + 1 :]]
        with pytest.raises(NotVerified):
            verify_consistency(old, new, wrong, before, after)
    with pytest.raises(NotVerified):
        verify_consistency(old, new, path, flipped(before, data), after)


@given(st.integers(2, 70), st.data())
def test_proofs_of_another_length_are_refused(size: int, data: st.DataObject) -> None:
    tree, index = tree_of(bodies_of(size)), data.draw(st.integers(0, size - 1))
    path, leaf = inclusion_proof(index, size, tree.node), leaf_hash(b"%d" % index)
    for wrong in ((*path, b"x" * 32), path[:-1]):
        with pytest.raises(NotVerified, match=r"too long|too short|does not lead"):
            verify_inclusion(index, size, leaf, wrong, tree.root())
    old = data.draw(st.integers(1, size - 1))
    growth = consistency_proof(old, size, tree.node)
    for wrong in ((*growth, b"x" * 32), growth[:-1]):
        with pytest.raises(NotVerified, match=r"too long|too short|does not lead"):
            verify_consistency(old, size, wrong, naive(bodies_of(old)), tree.root())


def flipped(value: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(value))


def test_every_single_bit_of_a_proof_counts() -> None:
    tree = tree_of(BODIES)
    path = inclusion_proof(5, 7, tree.node)
    top = root(7, tree.node)
    flat = b"".join(path)
    for bit in range(len(flat) * 8):
        wrong = bytearray(flat)
        wrong[bit // 8] ^= 1 << bit % 8
        steps = [bytes(wrong[start : start + 32]) for start in range(0, len(flat), 32)]
        with pytest.raises(NotVerified):
            verify_inclusion(5, 7, leaf_hash(BODIES[5]), steps, top)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5), (9, 3)])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(InvalidInput):
        inclusion_proof(index, size, tree_of(BODIES).node)
    with pytest.raises(NotVerified):
        verify_inclusion(index, size, b"", [], EMPTY_ROOT)


@pytest.mark.parametrize(("old", "new"), [(5, 4), (-1, 3)])
def test_a_log_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(InvalidInput):
        consistency_proof(old, new, tree_of(BODIES).node)
    with pytest.raises(NotVerified, match="went back"):
        verify_consistency(old, new, [], EMPTY_ROOT, EMPTY_ROOT)


def test_equal_and_empty_logs_need_no_proof_and_take_none() -> None:
    top = tree_of(BODIES).root()
    verify_consistency(0, 8, [], EMPTY_ROOT, top)
    verify_consistency(8, 8, [], top, top)
    for old, before, path in ((8, EMPTY_ROOT, []), (0, top, []), (8, top, [top]), (0, EMPTY_ROOT, [top])):
        with pytest.raises(NotVerified):
            verify_consistency(old, 8, path, before, top)
    with pytest.raises(NotVerified, match="too short"):
        verify_consistency(3, 8, [], top, top)
