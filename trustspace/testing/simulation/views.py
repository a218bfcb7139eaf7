"""What is known of each node from outside: its log as it grew, and its records as they changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from trustspace.adapters.storage.codec import shape
from trustspace.adapters.storage.memory import Row, Tables
from trustspace.core.canon import loads_object
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Negotiation
from trustspace.core.record import Record
from trustspace.core.transfer import Transfer
from trustspace.core.usage import Counter, Use
from trustspace.services.witnessing import PeerLog

WATCHED: Final[tuple[type[Any], ...]] = (Negotiation, Transfer, Contract, Counter, Use, PeerLog)
Process = Negotiation | Transfer


@dataclass(slots=True)
class View:
    """One node's log and records, as far as they were looked at.

    `said` and `taken` are the digests of messages by process and verb, as the log has them; `uses` the permitted ones;
    `arrived` what the wire brought; of the node's own messages, `refused` are those that the peer answered with an
    error, and `heard` those to which it heard one, whoever said so.
    """

    size: int = 0
    said: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    taken: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    everything: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    blobs: int = 0

    def leaves(self, tables: Tables) -> Iterator[bytes]:
        """Take in what the log has got since; gives the new leaves."""
        new, self.size = tables.entries[self.size :], len(tables.entries)
        for one in new:
            self._leaf(loads_object(one.body))
            yield one.body

    def _leaf(self, leaf: dict[str, Any]) -> None:
        data = leaf["data"]
        if leaf["kind"] in {"message-sent", "message-received"}:
            digest, subject = data.get("exact", data["digest"]), (leaf["subjects"][0], data["message"])
            (self.said if leaf["kind"] == "message-sent" else self.taken)[subject].add(digest)
            if leaf["kind"] == "message-received":
                self.everything.add(digest)
        elif leaf["kind"] == "use-permitted":
            self.uses.add(data["use"])

    def changes(self, tables: Tables) -> Iterator[tuple[Any, Any]]:
        """The records that are others than before: the one before (or None) and the one now."""
        for kind in WATCHED:
            known = self.rows.setdefault(kind.KIND, {})
            for key, row in tables.records.get(kind.KIND, {}).items():
                before = known.get(key)
                if before is not row:
                    known[key] = row
                    yield (shape(kind).decode(before.body) if before else None), shape(kind).decode(row.body)


def records(tables: Tables, kind: type[Record]) -> list[Any]:
    """All records of a kind."""
    return [shape(kind).decode(row.body) for row in tables.records.get(kind.KIND, {}).values()]


def record(tables: Tables, kind: type[Record], key: str) -> Any:
    """The record of that key, or None."""
    row = tables.records.get(kind.KIND, {}).get(key)
    return shape(kind).decode(row.body) if row else None


def product(tables: Tables, key: str) -> Published | None:
    """A published product."""
    found: Published | None = record(tables, Published, key)
    return found
