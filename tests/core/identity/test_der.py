"""DER is read in its one spelling, and every other input is refused and never a crash."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import InvalidInput
from trustspace.core.identity import der

moments = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds


@given(st.binary(max_size=400))
def test_any_bytes_are_elements_or_bad_input(data: bytes) -> None:
    try:
        found = der.elements(data)
    except InvalidInput:
        return
    assert b"".join(element.raw for element in found) == data
    assert all(der.tlv(element.tag, element.content) == element.raw for element in found)


@given(st.lists(st.integers(0, 1 << 200)))
def test_integers_are_read_back(values: list[int]) -> None:
    found = der.elements(b"".join(map(der.integer, values)))
    assert [int.from_bytes(element.content, "big", signed=True) for element in found] == values


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths_have_one_spelling(size: int) -> None:
    element = der.tlv(der.OCTETS, bytes(size))
    assert der.only(element, der.OCTETS) == bytes(size)
    with pytest.raises(InvalidInput):
        der.elements(element[:-1] if size else element[:1])


@pytest.mark.parametrize(
    "text",
    ["0480", "048100", "04817f", "0482007f", "04820080", "0485010000000000", "1f0100", "3f8100", "04ff"],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        der.elements(bytes.fromhex(text) + bytes(0x7F))


@pytest.mark.parametrize("text", ["04", "0401", "30", "040004", "048180"])
def test_the_end_in_the_middle_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        der.elements(bytes.fromhex(text))


def test_what_stands_elsewhere_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none"):
        der.only(b"", der.OID)
    with pytest.raises(InvalidInput, match="missing"):
        der.first(b"")
    with pytest.raises(InvalidInput):
        der.only(der.integer(1), der.OID)


@given(moments)
def test_times_are_read_back(moment: datetime) -> None:
    (element,) = der.elements(der.time(moment))
    assert der.read_time(element) == moment.replace(microsecond=0)
    assert (element.tag == der.UTC_TIME) is (moment.year < 2050)


def test_a_time_elsewhere_is_written_in_utc() -> None:
    shanghai = datetime(2027, 1, 1, 7, 30, tzinfo=timezone(timedelta(hours=8)))
    assert der.time(shanghai) == b"\x17\x0d261231233000Z"


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (der.UTC_TIME, b"261124080000+0000"),
        (der.UTC_TIME, b"2611240800Z"),
        (der.UTC_TIME, b"261324080000Z"),
        (der.UTC_TIME, b"261124080060Z"),
        (der.UTC_TIME, b"26112408000xZ"),
        (der.GENERALIZED_TIME, b"20261124080000Z"),
        (der.GENERALIZED_TIME, b"20501124080000.5Z"),
        (der.GENERALIZED_TIME, b"20500230080000Z"),
        (der.OCTETS, b"261124080000Z"),
    ],
)
def test_other_times_are_refused(tag: int, content: bytes) -> None:
    (element,) = der.elements(der.tlv(tag, content))
    with pytest.raises(InvalidInput):
        der.read_time(element)
