"""Pages of a catalogue while products come, change and go: whoever pages through meets each that stays exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.adapters.storage.memory import MemoryStore
from trustspace.core.catalogue import AccessRule, Visitor, access_rule
from trustspace.core.catalogue.published import Published
from trustspace.ports import Tx
from trustspace.services.shelves import Page, Place, edition, keep, page, shelves

T = TypeVar("T")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULES = (access_rule([]), access_rule(["did:web:me"]), access_rule(["did:web:me", "region:35"]))
HIDDEN = access_rule(["did:web:another"])
ME = Visitor("did:web:me")


def product(name: str, rule: AccessRule = ()) -> Published:
    return Published(
        key=name, offer="o", policy="{}", title=name, visible_to=rule, state="listed",
        reference="r", name="n", digest="d", size=1, media_type="text/csv", created=NOW, changed=NOW,
    )  # fmt: skip


class Shop:
    """A store of products, and what is done to it."""

    def __init__(self) -> None:
        self.store, self.names = MemoryStore(), list[str]()

    def run(self, body: Callable[[Tx], T]) -> T:
        return anyio.run(self.store.run, body)

    def publish(self, rule: AccessRule = ()) -> str:
        self.names.append(f"p{len(self.names)}")
        self.run(lambda tx: keep(tx, product(self.names[-1], rule), expect=0))
        return self.names[-1]

    def change(self, name: str, **fields: object) -> None:
        def body(tx: Tx) -> None:
            known = tx.get(Published, name)
            assert known is not None
            keep(tx, replace(known, **fields), expect=known.version)  # type: ignore[arg-type]  # fields of the test

        self.run(body)

    def page(self, place: Place, limit: int, room: int = 1000) -> Page:
        return self.run(
            lambda tx: page(tx, shelves(tx, ME), place, limit=limit, room=room, weigh=lambda one: len(one.key))
        )


CHANGES: dict[str, dict[str, object]] = {
    "hide": {"visible_to": HIDDEN},
    "withdraw": {"state": "delisted"},
    "list": {"state": "listed"},
}
Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["publish", "update", *CHANGES]), st.integers(0, 60), st.integers(0, 3)), max_size=12
)


def disturb(shop: Shop, steps: list[Step], spared: set[str]) -> None:
    """Do these things to the shop, and leave some products where they are."""
    for what, at, rule in steps:
        name = shop.names[at % len(shop.names)]
        if what == "publish":
            shop.publish((*RULES, HIDDEN)[rule])
        elif what == "update":
            shop.change(name, title=f"{name}'")
        elif name not in spared:
            shop.change(name, **CHANGES[what])


def walked(shop: Shop, interludes: Iterator[list[Step]], spared: set[str], limit: int, *, back: bool) -> list[str]:
    """The names on all pages, first to last or last to first, while others are at work between each two of them."""
    place: Place | None = Place(before=shop.publish(HIDDEN)) if back else Place()
    found: list[list[str]] = []
    while place is not None:
        seen = shop.page(place, limit)
        assert len(seen.products) <= limit
        found.append([one.key for one in seen.products])
        place = seen.previous if back else seen.next
        disturb(shop, next(interludes, []), spared)
    return [name for names in (reversed(found) if back else found) for name in names]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(RULES), min_size=1, max_size=30),
    st.lists(STEPS, max_size=8),
    st.sets(st.integers(0, 29)),
    st.integers(1, 7),
    st.booleans(),
)
def test_each_product_that_stays_is_met_once_and_in_order(
    rules: list[AccessRule], interludes: list[list[Step]], stable: set[int], limit: int, back: bool
) -> None:
    shop = Shop()
    for rule in rules:
        shop.publish(rule)
    spared = {name for number, name in enumerate(shop.names) if number in stable}
    met = walked(shop, iter(interludes), spared, limit, back=back)
    assert len(met) == len(set(met))
    assert [name for name in met if name in spared] == sorted(spared, key=lambda name: int(name[1:]))


def test_forth_and_back_are_the_same_pages_while_nothing_changes() -> None:
    shop = Shop()
    for number in range(10):
        shop.publish(HIDDEN if number in (0, 4, 9) else RULES[number % 3])
    first = shop.page(Place(), 3)
    assert first.next is not None
    second = shop.page(first.next, 3)
    assert second.next is not None
    third = shop.page(second.next, 3)
    names = [[one.key for one in page.products] for page in (first, second, third)]
    assert names == [["p1", "p2", "p3"], ["p5", "p6", "p7"], ["p8"]]
    assert (first.previous, third.next) == (None, None)
    assert third.previous is not None
    again = shop.page(third.previous, 3)
    assert again == second
    assert again.previous is not None
    assert shop.page(again.previous, 3) == first


def test_a_page_is_cut_by_weight_and_never_empty() -> None:
    shop = Shop()
    for _ in range(4):
        shop.publish()
    assert [len(shop.page(Place(), 9, room).products) for room in (0, 1, 2, 4, 7, 8)] == [1, 1, 1, 2, 3, 4]
    assert [one.key for one in shop.page(Place(before="p3"), 9, 4).products] == ["p1", "p2"]


def test_a_change_is_a_new_edition_and_reading_is_none() -> None:
    shop = Shop()
    assert shop.run(edition) == 0
    name = shop.publish()
    shop.page(Place(), 1)
    assert shop.run(edition) == 1
    shop.change(name, visible_to=HIDDEN)
    assert (shop.run(edition), shop.page(Place(), 1)) == (2, Page())
