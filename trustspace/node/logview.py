"""Reading a node's evidence log: its size and root, the signed checkpoint, proofs of growth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trustspace.core.errors import InvalidInput
from trustspace.core.evidence.checkpoint import Checkpoint, sign_checkpoint
from trustspace.core.evidence.merkle import consistency_proof, root
from trustspace.ports import Signer, Store, Tx

MANY: Final = 1_000_000


def node_reader(tx: Tx) -> Callable[[int, int], bytes]:
    """The hashes of full subtrees, as the proofs ask for them."""

    def node(level: int, index: int) -> bytes:
        found = tx.node(level, index)
        if found is None:
            raise InvalidInput("the log is shorter than that", where="log")
        return found

    return node


def head(tx: Tx) -> tuple[int, bytes]:
    """Size and root as they are now."""
    size = tx.log_size()
    return size, root(size, node_reader(tx))


async def log_state(store: Store) -> tuple[int, str]:
    """Size, and root in hexadecimal."""
    size, top = await store.read(head)
    return size, top.hex()


async def checkpoint(store: Store, origin: str, key: Signer) -> str:
    """The signed note about the log as it is."""
    size, top = await store.read(head)
    return sign_checkpoint(Checkpoint(origin, size, top), key)


def growth(tx: Tx, old: int, new: int) -> list[bytes]:
    """The proof that the log of size `new` continues that of size `old`; `InvalidInput` for sizes it never had."""
    if not 0 <= old <= new <= tx.log_size():
        raise InvalidInput(f"sizes from 0 to {tx.log_size()} in order are expected", where="log")
    return list(consistency_proof(old, new, node_reader(tx)))


def how_many(tx: Tx, subject: str) -> int:
    """How many entries the log has about a subject; all, for none."""
    return len(tx.entries(subject, limit=MANY)) if subject else tx.log_size()
