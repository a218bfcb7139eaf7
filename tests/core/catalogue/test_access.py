"""Access rules: whom they admit, and which words make one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trustspace.core.catalogue import Visitor, access_rule, admits
from trustspace.core.catalogue.access import MAX_WORDS
from trustspace.core.catalogue.published import Published, rule_of, shelf_of
from trustspace.core.errors import InvalidInput
from trustspace.core.identifiers import Kind, make

BUS = "91350100M000100Y43"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def made(kind: Kind, place: str) -> str:
    return make(kind=kind, subject=BUS, place=place, serial="017K2M9Q").code


FUZHOU = made(Kind.CONNECTOR, "3501")
ROADS = made(Kind.CONNECTOR, "0054")
REGISTERED = Visitor("did:web:bus.example", FUZHOU)
OF_INDUSTRY = Visitor("did:web:road.example", ROADS)
STRANGER = Visitor("did:web:stranger.example")


@pytest.mark.parametrize(
    ("words", "admitted"),
    [
        ([], {REGISTERED, OF_INDUSTRY, STRANGER}),
        (["everyone"], {REGISTERED, OF_INDUSTRY, STRANGER}),
        (["members", "everyone"], {REGISTERED, OF_INDUSTRY, STRANGER}),
        (["members"], {REGISTERED, OF_INDUSTRY}),
        (["region:35"], {REGISTERED}),
        (["region:3501"], {REGISTERED}),
        (["region:3502"], set()),
        (["region:11"], set()),
        (["industry:0054"], {OF_INDUSTRY}),
        (["industry:0053"], set()),
        (["did:web:stranger.example"], {STRANGER}),
        ([FUZHOU], {REGISTERED}),
        ([BUS], {REGISTERED, OF_INDUSTRY}),
        (["did:web:stranger.example", " industry:0054 "], {STRANGER, OF_INDUSTRY}),
        (["did:web:bus.example.evil"], set()),
    ],
)
def test_one_true_alternative_is_enough(words: list[str], admitted: set[Visitor]) -> None:
    rule = access_rule(words)
    assert {one for one in (REGISTERED, OF_INDUSTRY, STRANGER) if admits(rule, one)} == admitted


@pytest.mark.parametrize(
    "word",
    [
        *("", "all", "region:", "region:99", "region:0054", "industry:3501", "industry:54", "did:web:", "did:web:a b"),
        *("91350100M000100Y44", FUZHOU[:-1], FUZHOU[:-1] + "?", "members,everyone", made(Kind.PRODUCT, "3501")),
    ],
)
def test_a_word_that_names_nobody_is_refused_with_its_place(word: str) -> None:
    with pytest.raises(InvalidInput):
        access_rule(["members", word])


def test_a_rule_is_bounded_and_has_one_spelling() -> None:
    many = [f"did:web:n{number}.example" for number in range(MAX_WORDS + 1)]
    with pytest.raises(InvalidInput, match="1000 alternatives"):
        access_rule(many)
    assert access_rule(reversed(many[:3])) == access_rule(many[:3] * 2) == tuple(many[:3])


def test_a_product_is_shown_while_it_is_not_withdrawn_and_found_by_state_and_rule() -> None:
    product = Published(
        key="urn:p", offer="o", policy="{}", title="t", reference="r", name="n", digest="d", size=1,
        media_type="text/csv", visible_to=("members",), state="listed", created=NOW, changed=NOW,
    )  # fmt: skip
    assert (product.shown_to(REGISTERED), product.shown_to(STRANGER)) == (True, False)
    for state, shelf, seen in (("listed", "listed members", True), ("delisted", "delisted", False)):
        there = Published(
            **{**{name: getattr(product, name) for name in product.__slots__}, "key": "k", "state": state}
        )
        assert (there.shelf, there.shown_to(REGISTERED)) == (shelf, seen)


@pytest.mark.parametrize("rule", [(), ("members",), ("did:web:a", "region:35")])
def test_a_shelf_tells_its_rule(rule: tuple[str, ...]) -> None:
    assert rule_of(shelf_of(rule)) == rule
    assert rule_of("submitted") is None
