from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.canon import canonical
from trustspace.core.errors import InvalidInput
from trustspace.core.evidence.leaves import KINDS, SECRET, instant, leaf, moment, read_leaf

NOON = datetime(2027, 1, 31, 12, 0, tzinfo=timezone(timedelta(hours=8)))
DENIED = {"use": "u", "reason": "count", "digest": "0" * 64}


def test_a_leaf_is_canonical_and_reads_back() -> None:
    one = leaf("use-denied", time=NOON, subjects=("u", "agreement"), data=DENIED, place=3)
    assert one.subjects == ("u", "agreement")
    assert json.loads(one.body) == {
        "kind": "use-denied",
        "time": "2027-01-31T04:00:00.000000Z",
        "subjects": ["u", "agreement"],
        "data": DENIED,
        "place": 3,
    }
    read = read_leaf(one.body)
    assert (read.kind, read.chain, read.place, read.data) == ("use-denied", "agreement", 3, DENIED)


def test_outside_a_chain_there_is_no_place() -> None:
    read = read_leaf(leaf("product-withdrawn", time=NOON, subjects=("p",), data={"product": "p"}).body)
    assert (read.chain, read.place) == ("", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_asks_for_its_members(kind: str) -> None:
    data = dict.fromkeys(KINDS[kind].members, "x")
    assert read_leaf(leaf(kind, time=NOON, subjects=("s",), data=data).body).kind == kind
    data.popitem()
    with pytest.raises(InvalidInput, match="says"):
        leaf(kind, time=NOON, subjects=("s",), data=data)


@pytest.mark.parametrize("name", sorted(SECRET))
def test_secrets_stay_out_of_the_log(name: str) -> None:
    with pytest.raises(InvalidInput, match="does not belong"):
        leaf("use-denied", time=NOON, subjects=("u",), data={**DENIED, name.title(): "x"})


def test_unknown_kinds_and_empty_subjects_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no kind"):
        leaf("invented", time=NOON, subjects=("u",), data={})
    with pytest.raises(InvalidInput, match="empty"):
        leaf("use-denied", time=NOON, subjects=("u", ""), data=DENIED)


GOOD: dict[str, Any] = {
    "kind": "use-denied",
    "time": "2027-01-31T04:00:00.000000Z",
    "subjects": ["u"],
    "data": DENIED,
    "place": 1,
}


@pytest.mark.parametrize(
    "change",
    [
        {"place": 0},
        {"place": -1},
        {"place": True},
        {"place": "1"},
        {"subjects": []},
        {"subjects": "u"},
        {"subjects": [1]},
        {"data": []},
        {"kind": 1},
        {"kind": "invented"},
        {"time": 1},
        {"more": 1},
    ],
)
def test_what_leaf_would_not_write_is_refused(change: dict[str, Any]) -> None:
    read_leaf(canonical(GOOD))
    with pytest.raises(InvalidInput):
        read_leaf(canonical(GOOD | change))


def test_another_spelling_of_the_same_leaf_is_refused() -> None:
    for body in (json.dumps(GOOD).encode(), canonical({"kind": "use-denied"}), b"[]", b""):
        with pytest.raises(InvalidInput):
            read_leaf(body)


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # the zone is added
def test_a_moment_has_one_spelling(time: datetime) -> None:
    assert moment(instant(time)) == time


@pytest.mark.parametrize("text", ["", "2027-01-31", "2027-01-31T04:00:00Z", "2027-1-31T04:00:00.000000Z", "x"])
def test_other_spellings_of_a_moment_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        moment(text)


def test_a_time_without_an_offset_names_no_moment() -> None:
    with pytest.raises(InvalidInput):
        instant(NOON.replace(tzinfo=None))
