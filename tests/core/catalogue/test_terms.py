"""Search terms: what finds what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.catalogue import query_terms, terms

CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=30)


def finds(query: str, *texts: str) -> bool:
    return set(query_terms(query)) <= terms(*texts)


@given(CHINESE, st.data())
def test_any_part_of_a_title_finds_it(title: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(title) - 1))
    end = data.draw(st.integers(start + 1, len(title)))
    assert finds(title[start:end], f"GTFS {title}, 2026")


@given(st.text(max_size=60))
def test_a_text_finds_itself_whatever_it_is(text: str) -> None:
    assert finds(text, text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_case_and_width_make_no_difference(before: str, after: str) -> None:
    assert finds("gtfs 公交", f"{before} ＧＴＦＳ 公交 {after}")


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("公交 时刻表", ("公交", "时刻", "刻表")),
        ("公", ("公",)),
        ("Bus timetable, bus", ("bus", "timetable")),
        ("公交GTFS数据", ("公交", "gtfs", "数据")),
        ("𠮷野家", ("𠮷野", "野家")),
        ("  …!_ ", ()),
        ("", ()),
    ],
)
def test_a_query_is_words_and_pairs_of_characters(query: str, asked: tuple[str, ...]) -> None:
    assert query_terms(query) == asked


def test_a_word_is_whole_and_a_single_character_is_found() -> None:
    assert not finds("time", "timetable")
    assert finds("交", "城市公交")
    assert not finds("市交", "城市公交")
