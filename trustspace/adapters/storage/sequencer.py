"""Places in the evidence log, and the hashes of RFC 6962 that come with them.

Bodies write leaves without a place; at the end of a batch the one sequencer puts them in order, so that the order of
the log is the order of commits and nobody waits for the log. Each leaf completes as many subtrees as its number has
trailing one bits: their hashes are kept, so that roots and proofs take a logarithm of reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

Node = tuple[int, int, bytes]
"""Level, index within the level, SHA-256."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """How many entries there are, and by level the last complete left subtree, which still waits for its right half."""

    size: int = 0
    peaks: Mapping[int, bytes] = field(default_factory=dict)


def leaf_hash(body: bytes) -> bytes:
    """MTH of one entry (RFC 6962, 2.1)."""
    return sha256(b"\0" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 6962, 2.1)."""
    return sha256(b"\1" + left + right).digest()


def grow(frontier: Frontier, bodies: Sequence[bytes]) -> tuple[Frontier, list[Node]]:
    """The frontier after these entries, and every node that they complete, children before parents."""
    peaks, nodes = dict(frontier.peaks), list[Node]()
    for index, body in enumerate(bodies, frontier.size):
        level, digest = 0, leaf_hash(body)
        nodes.append((0, index, digest))
        while index & 1:
            digest = node_hash(peaks[level], digest)
            level, index = level + 1, index >> 1
            nodes.append((level, index, digest))
        peaks[level] = digest
    return Frontier(frontier.size + len(bodies), peaks), nodes


def recover(size: int, node: Callable[[int, int], bytes]) -> Frontier:
    """The frontier of a stored log of that size: one node for each one bit of it."""
    levels = [level for level in range(size.bit_length()) if size >> level & 1]
    return Frontier(size, {level: node(level, (size >> level) - 1) for level in levels})
