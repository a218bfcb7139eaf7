"""Records that cannot be written or read, and classes that cannot be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.adapters.storage.codec import asked, micros, shape
from trustspace.core.errors import InvalidInput, MisusedError, NotVerified, TooLarge
from trustspace.core.record import Record
from trustspace.testing.store_samples import Mood, Note, Part

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1000, 1, 1), timezones=ZONES)  # noqa: DTZ001  # the zones are drawn beside it
FREE = st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner, max_size=2), max_leaves=3)
PARTS = st.builds(Part, name=st.text(), data=st.binary(), at=st.none() | TIMES)


@settings(max_examples=50, deadline=None)
@given(
    st.builds(
        Note, key=st.text(), version=st.integers(0, 2**53), mood=st.sampled_from(Mood), owner=st.text(),
        topic=st.none() | st.text(), count=st.integers(-(2**62), 2**62), parts=st.lists(PARTS, max_size=3).map(tuple),
        free=FREE,
    )
)  # fmt: skip
def test_what_is_written_reads_as_the_same(note: Note) -> None:
    assert shape(Note).decode(shape(Note).encode(note)) == note


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameless(Record):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Overindexed(Record):
    KIND: ClassVar[str] = "over"
    INDEX: ClassVar[tuple[str, ...]] = ("a", "b", "c", "d")


@pytest.mark.parametrize("kind", [Nameless, Overindexed])
def test_class_that_cannot_be_kept(kind: type[Record]) -> None:
    with pytest.raises(MisusedError, match=kind.__name__):
        shape(kind)


def test_value_of_another_type_is_refused_when_written() -> None:
    with pytest.raises(InvalidInput, match=r"note k: this record cannot be stored"):
        shape(Note).encode(Note(key="k", count=cast("int", "seven")))


@pytest.mark.parametrize("body", [b"", b"[]", b'[{"key":"k","mood":"angry"}]', b"\xff"])
def test_damaged_bytes_are_found(body: bytes) -> None:
    with pytest.raises(NotVerified, match="note: a stored record cannot be read"):
        shape(Note).decode(body)


def test_missing_field_takes_its_default() -> None:
    assert shape(Note).decode(b'[{"key":"k","version":3,"gone":1}]') == Note(key="k", version=3)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: asked([f"t{n}" for n in range(65)]), TooLarge),
        (lambda: micros(datetime(2026, 1, 1)), MisusedError),  # noqa: DTZ001  # that is what is refused
    ],
)
def test_bounds(call: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
