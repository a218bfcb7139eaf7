"""Signing certificates that were seen, our own and others': a pack needs them long after they were renewed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from trustspace.core.canon import decode64, encode64
from trustspace.core.identity.keys import thumbprint
from trustspace.core.record import Record
from trustspace.ports import Store, Tx

MANY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Record):
    """A signing certificate; the key is its thumbprint, `owner` whoever signs with it, `der` base64url."""

    KIND: ClassVar[str] = "certificate"
    INDEX: ClassVar[tuple[str, ...]] = ("owner",)

    owner: str
    der: str


async def remember(store: Store, owner: str, certificates: Iterable[bytes]) -> None:
    """Keep certificates of a participant; those that are kept already stay."""
    named = {thumbprint(der): der for der in certificates}
    kept = await store.read(lambda tx: {name for name in named if tx.get(Seen, name) is not None})
    missing = [Seen(key=name, owner=owner, der=encode64(der)) for name, der in named.items() if name not in kept]
    if missing:
        await store.run(lambda tx: _save(tx, missing))


def _save(tx: Tx, missing: Sequence[Seen]) -> None:
    for one in missing:
        if tx.get(Seen, one.key) is None:
            tx.save(one, expect=0)


def remembered(tx: Tx, owner: str) -> list[bytes]:
    """The certificates (DER) of a participant that were seen."""
    return [decode64(one.der) for one in tx.find(Seen, limit=MANY, owner=owner)]
