"""Places in the evidence log, and the nodes of its tree (RFC 6962) that they complete.

Bodies write leaves without a place; at the end of a batch the one sequencer puts them in order, so that the order of
the log is the order of commits and nobody waits for the log. Each leaf completes as many subtrees as its number has
trailing one bits: their hashes are kept, so that roots and proofs take a logarithm of reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trustspace.core.evidence.merkle import append, leaf_hash

Node = tuple[int, int, bytes]
"""Level, index within the level, SHA-256."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """How many entries there are, and by level the last complete left subtree, which still waits for its right half."""

    size: int = 0
    peaks: Mapping[int, bytes] = field(default_factory=dict)


def grow(frontier: Frontier, bodies: Sequence[bytes]) -> tuple[Frontier, list[Node]]:
    """The frontier after these entries, and every node that they complete, children before parents."""
    peaks, nodes = dict(frontier.peaks), list[Node]()
    for index, body in enumerate(bodies, frontier.size):
        nodes.extend(append(index, leaf_hash(body), lambda level, _: peaks[level]))
        level, _, digest = nodes[-1]
        peaks[level] = digest
    return Frontier(frontier.size + len(bodies), peaks), nodes


def recover(size: int, node: Callable[[int, int], bytes]) -> Frontier:
    """The frontier of a stored log of that size: one node for each one bit of it."""
    levels = [level for level in range(size.bit_length()) if size >> level & 1]
    return Frontier(size, {level: node(level, (size >> level) - 1) for level in levels})
