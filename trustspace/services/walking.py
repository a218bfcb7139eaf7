"""Going through many records without holding them all, and without keeping anybody waiting for long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import anyio.lowlevel

from trustspace.core.record import Record
from trustspace.ports import Store, Tx

R = TypeVar("R", bound=Record)

PAGE: Final = 100


async def each(store: Store, kind: type[R], field: str, values: Sequence[str], take: Callable[[R], object]) -> None:
    """Hand every record whose indexed field has one of the values to `take`, oldest first, as it stands at that moment.

    Others have their turn after each page. What changes meanwhile is met as it was or as it is, or not at all where it
    has left these values.
    """
    after = ""
    while found := await store.read(partial(_page, kind=kind, field=field, values=values, after=after)):
        for record in found:
            take(record)
        after = found[-1].key
        await anyio.lowlevel.checkpoint()


def _page(tx: Tx, *, kind: type[R], field: str, values: Sequence[str], after: str) -> list[R]:
    return tx.page(kind, field, values, after=after, limit=PAGE)
