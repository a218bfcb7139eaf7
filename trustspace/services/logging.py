"""Writing the evidence log (存证): each leaf gets its place in the chain of the contract or process it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trustspace.core.canon import JsonObject
from trustspace.core.evidence.leaves import leaf
from trustspace.ports import Tx


def log(tx: Tx, kind: str, *, time: datetime, subjects: Sequence[str], data: JsonObject) -> None:
    """Append a leaf as the next of its chain, the last subject: a leaf left out of a pack leaves a gap."""
    tx.evidence(leaf(kind, time=time, subjects=subjects, data=data, place=tx.link(subjects[-1])))
