"""A connector's own catalogue (数据目录): what a visitor may see of it, in pages that stay put while products come.

Listed products stand on shelves, one for each access rule in use. A visitor is let to some of the shelves, and whoever
is let to the same ones sees the same catalogue: that is what pages may be cached by, and never by anything wider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from trustspace.core.catalogue.access import Visitor, admits
from trustspace.core.catalogue.published import Published, rule_of
from trustspace.core.errors import NotFound
from trustspace.core.record import Record
from trustspace.ports import Tx
from trustspace.services.exchange import Caller

EDITION: Final = "products"
Shelves = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition(Record):
    """Its version counts the changes of products: as long as it stays, every page does."""

    KIND: ClassVar[str] = "catalogue-edition"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page lies: right after the product of that key, or right before it; at the beginning."""

    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some products in the order in which they were first published, and where the pages beside it lie, if any."""

    products: tuple[Published, ...] = ()
    next: Place | None = None
    previous: Place | None = None


def keep(tx: Tx, product: Published, *, expect: int) -> Published:
    """Save a product, and say with it that the catalogue has changed: every change of a product goes through here."""
    edition = tx.get(Edition, EDITION) or Edition(key=EDITION)
    tx.save(edition, expect=edition.version)
    return tx.save(product, expect=expect)


def edition(tx: Tx) -> int:
    """How often products were changed so far."""
    found = tx.get(Edition, EDITION)
    return found.version if found else 0


def visitor(caller: Caller) -> Visitor:
    """The caller as access rules know it."""
    return Visitor(caller.participant, caller.identifier)


def shelves(tx: Tx, visitor: Visitor) -> Shelves:
    """The shelves that the visitor is let to; one step for each access rule in use, however many products there are."""
    rules = ((shelf, rule_of(shelf)) for shelf in tx.values(Published, "shelf"))
    return tuple(shelf for shelf, rule in rules if rule is not None and admits(rule, visitor))


def shown(tx: Tx, name: str, visitor: Visitor) -> Published:
    """The product of that key; `NotFound`, in the same words whether there is none or it is not for the visitor."""
    product = tx.get(Published, name)
    if product is None or not product.shown_to(visitor):
        raise NotFound("there is no such dataset here", where=name)
    return product


def page(tx: Tx, shelves: Shelves, place: Place, *, limit: int, room: int, weigh: Callable[[Published], int]) -> Page:
    """At most `limit` products of these shelves that together weigh no more than `room`, but at least one.

    `NotFound` where the place names no product. Products that stay on their shelf are met once each by whoever goes on
    from page to page, whatever is published, changed or withdrawn meanwhile: new ones come at the end.
    """
    back = bool(place.before)
    found = tx.page(Published, "shelf", shelves, after=place.after, before=place.before, limit=limit + 1)
    inwards = reversed(found) if back else iter(found)
    kept = list(_fitting(inwards, limit, room, weigh))
    if back:
        kept.reverse()
    if not kept:
        return Page()
    earlier, later = Place(before=kept[0].key), Place(after=kept[-1].key)
    more, seen = (earlier, later) if back else (later, earlier)
    ends = {more: len(kept) < len(found), seen: place != Place() and _any(tx, shelves, seen)}
    return Page(tuple(kept), later if ends[later] else None, earlier if ends[earlier] else None)


def _fitting(
    products: Iterable[Published], limit: int, room: int, weigh: Callable[[Published], int]
) -> Iterator[Published]:
    for number, product in enumerate(products):
        room -= weigh(product)
        if number == limit or (number and room < 0):
            return
        yield product


def _any(tx: Tx, shelves: Shelves, place: Place) -> bool:
    return bool(tx.page(Published, "shelf", shelves, after=place.after, before=place.before, limit=1))
