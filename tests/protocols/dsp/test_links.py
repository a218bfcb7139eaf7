"""The `Link` header: what we write is read again, and what others write is read as far as it says something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.protocols.dsp import read_links, write_links

URLS = st.text("abcXYZ019:/?&=%.;,-_~'()", min_size=1)


@given(st.dictionaries(st.sampled_from(["next", "previous"]), URLS))
def test_what_is_written_is_read(links: dict[str, str]) -> None:
    assert read_links(write_links(links)) == links


@given(st.text())
def test_anything_at_all_is_read_without_an_error(header: str) -> None:
    assert set(read_links(header)) <= {"next", "previous"}


@pytest.mark.parametrize(
    ("header", "links"),
    [
        ("", {}),
        ('<https://a/1>; rel="next"', {"next": "https://a/1"}),
        ("<https://a/1>;rel=next", {"next": "https://a/1"}),
        ('<https://a/1>; title="x, y; <z"; REL="Next"', {"next": "https://a/1"}),
        ('<https://a/1>; title="x, y; rel=prev"; REL="Next"', {"next": "https://a/1"}),
        ('<https://a/0>; rel="prev", <https://a/2>; rel="next"', {"previous": "https://a/0", "next": "https://a/2"}),
        ('<https://a/1>; rel="first next"', {"next": "https://a/1"}),
        ('<https://a/1>; rel="first"; rel="next"', {}),
        ('<https://a/1>; rel="next", <https://b/1>; rel="next"', {"next": "https://a/1"}),
        ('https://a/1; rel="next"', {}),
        ("<https://a/1>", {}),
        ('<?page=2>; rel="next"', {"next": "?page=2"}),
    ],
)
def test_other_spellings(header: str, links: dict[str, str]) -> None:
    assert read_links(header) == links


def test_nothing_is_written_for_no_page() -> None:
    assert write_links({"next": "", "previous": ""}) == ""
