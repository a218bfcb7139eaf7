"""The hashing of the log: RFC 6962 section 2.1, proofs read from stored nodes, checked as RFC 9162 does.

A node `(level, index)` is the hash of the full subtree over leaves [index·2^level, (index+1)·2^level). Full subtrees
never change, so a store keeps them; the incomplete right edge of a tree is computed from them when it is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from trustspace.core.errors import InvalidInput, NotVerified

Node = Callable[[int, int], bytes]
"""`node(level, index)`: the 32-byte hash of a full subtree."""

EMPTY_ROOT: Final = hashlib.sha256().digest()
"""The root of the log without leaves."""


def leaf_hash(body: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 ‖ body). The prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append(index: int, leaf: bytes, node: Node) -> Iterator[tuple[int, int, bytes]]:
    """The nodes that become full with the leaf hash in place `index`: `(level, index, hash)`, the leaf itself first.

    `node` is asked for earlier nodes only. Amortised two nodes a leaf.
    """
    level, current = 0, leaf
    yield level, index, current
    while index & 1:
        current = node_hash(node(level, index - 1), current)
        level, index = level + 1, index >> 1
        yield level, index, current


class Tree:
    """A tree in memory: append leaf hashes, read nodes."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._nodes: dict[tuple[int, int], bytes] = {}
        self.size = 0
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Put one more leaf hash at the right."""
        for level, index, value in append(self.size, leaf, self.node):
            self._nodes[level, index] = value
        self.size += 1

    def node(self, level: int, index: int) -> bytes:
        """The hash of the full subtree."""
        return self._nodes[level, index]

    def root(self) -> bytes:
        """The root over all leaves."""
        return root(self.size, self.node)


def root(size: int, node: Node) -> bytes:
    """The Merkle tree hash of the first `size` leaves (RFC 6962, 2.1)."""
    return _over(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` (RFC 6962, 2.1.1), lowest first; `InvalidInput` outside."""
    if not 0 <= index < size:
        raise InvalidInput(f"there is no leaf {index} in a log of {size}")
    path, start, stop = [], 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_over(middle, stop, node))
            stop = middle
        else:
            path.append(_over(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """The proof that the tree of `old` leaves is a prefix of that of `new` (RFC 6962, 2.1.2); empty for 0 and `new`."""
    if not 0 <= old <= new:
        raise InvalidInput(f"a log of {new} has no earlier size {old}")
    if old in (0, new):
        return ()
    path, start, stop = [], 0, new
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append(_over(middle, stop, node))
            stop = middle
        else:
            path.append(_over(start, middle, node))
            start = middle
    if start:
        path.append(_over(start, stop, node))
    return tuple(reversed(path))


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], expected: bytes) -> None:
    """Check that the leaf hash stands in place `index` of the tree with that size and root; else `NotVerified`."""
    _need(implied_root(index, size, leaf, path) == expected, f"the proof of leaf {index} does not lead to the root")


def implied_root(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that an audit path leads to from the leaf hash in place `index` of `size` (RFC 9162, 2.1.3.2)."""
    _need(0 <= index < size, f"there is no leaf {index} in a log of {size}")
    place, last, value = index, size - 1, leaf
    for step in path:
        _need(last > 0, "the inclusion proof is too long")
        if place & 1 or place == last:
            value = node_hash(step, value)
            place, last = _climb(place, last)
        else:
            value = node_hash(value, step)
        place, last = place >> 1, last >> 1
    _need(last == 0, "the inclusion proof is too short")
    return value


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the log of size `old` is a prefix of that of size `new` (RFC 9162, 2.1.4.2); else `NotVerified`."""
    _need(0 <= old <= new, f"the log went back from {old} to {new} entries")
    if old in (0, new):
        _need(not path, "the consistency proof is too long")
        _need(old_root == (EMPTY_ROOT if old == 0 else new_root), f"there are two logs of size {old}")
        return
    _need(bool(path), "the consistency proof is too short")
    steps = (old_root, *path) if old & (old - 1) == 0 else tuple(path)
    first, second = _walk(old - 1, new - 1, steps)
    _need(first == old_root, "the proof does not lead to the earlier root")
    _need(second == new_root, "the proof does not lead to the later root")


def _walk(place: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of the earlier and the later tree that a consistency proof leads to."""
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        _need(last > 0, "the consistency proof is too long")
        if place & 1 or place == last:
            first, second = node_hash(step, first), node_hash(step, second)
            place, last = _climb(place, last)
        else:
            second = node_hash(second, step)
        place, last = place >> 1, last >> 1
    _need(last == 0, "the consistency proof is too short")
    return first, second


def _climb(place: int, last: int) -> tuple[int, int]:
    """Go up the right edge to the level where the place is a right child (or the root)."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _over(start: int, stop: int, node: Node) -> bytes:
    """The hash over leaves [start, stop), where `start` is a multiple of the next power of two of the width."""
    width = stop - start
    level = width.bit_length() - 1
    if width == 1 << level:
        return node(level, start >> level)
    middle = start + (1 << level)
    return node_hash(node(level, start >> level), _over(middle, stop, node))


def _split(width: int) -> int:
    """The largest power of two below the width (at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def _need(holds: bool, reason: str) -> None:
    if not holds:
        raise NotVerified(reason, where="log")
