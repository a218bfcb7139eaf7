"""Which bytes a request means (RFC 9110, 14)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.adapters.dataplane.ranges import etag, parse_range, respond
from trustspace.ports import Content

TEN = Content("ab" * 32, 10, "application/zip", "公交 feed.zip")

TABLE = [
    ("bytes=0-9", 206, 0, 10),
    ("bytes=0-", 206, 0, 10),
    ("bytes=0-0", 206, 0, 1),
    ("bytes=9-", 206, 9, 10),
    ("bytes=3-5", 206, 3, 6),
    ("bytes=3-500", 206, 3, 10),
    ("bytes=-3", 206, 7, 10),
    ("bytes=-30", 206, 0, 10),
    ("BYTES = 3-5 ", 206, 3, 6),
    ("bytes=10-", 416, 0, 0),
    ("bytes=10-20", 416, 0, 0),
    ("bytes=9999999999999999999-", 416, 0, 0),
    ("bytes=-0", 416, 0, 0),
    ("bytes=5-3", 200, 0, 10),
    ("bytes=-", 200, 0, 10),
    ("bytes=", 200, 0, 10),
    ("bytes=0-1,3-4", 200, 0, 10),
    ("bytes=a-b", 200, 0, 10),
    ("bytes=1-٣", 200, 0, 10),
    ("bytes=99999999999999999999-", 200, 0, 10),
    ("items=0-1", 200, 0, 10),
    ("", 200, 0, 10),
    (None, 200, 0, 10),
]


@pytest.mark.parametrize(("header", "status", "start", "stop"), TABLE)
def test_one_range(header: str | None, status: int, start: int, stop: int) -> None:
    answer = respond(TEN, header, None)
    assert (answer.status, answer.start, answer.stop) == (status, start, stop)
    assert answer.headers["content-length"] == str(stop - start)
    shown = {200: None, 206: f"bytes {start}-{stop - 1}/10", 416: "bytes */10"}
    assert answer.headers.get("content-range") == shown[status]


@pytest.mark.parametrize("other", ['"ff"', f'W/"{TEN.digest}"', TEN.digest, "Tue, 24 Nov 2026 00:00:00 GMT", ""])
def test_a_part_of_another_version_is_never_sent(other: str) -> None:
    assert respond(TEN, "bytes=3-", other).status == 200
    assert respond(TEN, "bytes=3-", etag(TEN)).status == 206


def test_the_whole_names_what_it_is() -> None:
    headers = respond(TEN, None, None).headers
    assert headers["etag"] == f'"{TEN.digest}"'
    assert headers["content-type"] == "application/zip"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''%E5%85%AC%E4%BA%A4%20feed.zip"


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=0-0"])
def test_empty_content_has_no_parts(header: str) -> None:
    assert respond(Content("e3", 0, "text/plain", "x"), header, None).status == 200


@given(st.text(max_size=30) | st.from_regex(r"bytes=[0-9]{0,20}-[0-9]{0,20}", fullmatch=True), st.integers(1, 1 << 40))
def test_a_slice_is_always_within_the_content(header: str, size: int) -> None:
    found = parse_range(header, size)
    assert found is None or 0 <= found[0] <= found[1] <= size


@given(st.integers(1, 10_000), st.data())
def test_the_bytes_asked_for_are_the_bytes_given(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    assert parse_range(f"bytes={first}-{last}", size) == (first, last + 1)
    assert parse_range(f"bytes=-{size - first}", size) == (first, size)
