from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.canon import canonical, decode64, digest, encode64, loads, loads_object
from trustspace.core.errors import InvalidInput, TooLarge

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT | st.floats(-1e15, 1e15)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


@given(DOCUMENTS)
def test_the_quick_way_gives_the_bytes_of_rfc_8785(document: Any) -> None:
    assert canonical(document) == rfc8785.dumps(document)


@given(DOCUMENTS)
def test_what_is_written_reads_back_as_the_same_bytes(document: Any) -> None:
    assert canonical(loads(canonical(document))) == canonical(document)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", 2**53, {1: "a"}, {"a": b"bytes"}, {"é": 2**60}]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="no canonical form"):
        canonical(value)


def test_a_document_nested_beyond_all_measure_is_refused_and_does_not_crash() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidInput):
        canonical(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"NaN",
        b"[-Infinity]",
        b"1e9999",
        b"-1e9999",
        b"[1.5e9999]",
        b'"\\ud800"',
        b"123456789012345678901234567890",
        b"{} {}",
        b'{"a":1,}',
        b"9007199254740992",
        b"-9007199254740992",
        b'"\\u0000"',
        b'"\\\\\\u0000"',
        b'"\x00"',
        b'["' + b"\\[" * 99,
    ],
)
def test_json_that_could_mean_two_things_or_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        loads(data, where="message")
    assert caught.value.where == "message"


@pytest.mark.parametrize("data", [b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65])
def test_nesting_beyond_64_is_too_large(data: bytes) -> None:
    with pytest.raises(TooLarge, match="deeper than 64"):
        loads(data)


def test_nesting_of_64_and_brackets_within_texts_are_fine() -> None:
    assert loads(b"[" * 64 + b"]" * 64)
    text = json.dumps({"a": '[{"\\' * 50, "b": [[1], [2]] * 40})
    assert loads(text.encode()) == json.loads(text)


@pytest.mark.parametrize("data", [b"[" * 65, b"[" * 40 + b"[[" * 40 + b"]]" * 40, b'["' + b'\\"[' * 100_000])
def test_nesting_that_never_ends_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        loads(data)


@given(DOCUMENTS, st.integers(0, 70))
def test_depth_is_counted_as_the_reader_recurses(document: Any, around: int) -> None:
    data = b"[" * around + canonical([document, "[{", [[]] * 70]) + b"]" * around
    deep = _depth(json.loads(data))
    if deep <= 64:
        assert loads(data) == json.loads(data)
    else:
        with pytest.raises(TooLarge):
            loads(data)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def test_what_is_too_wide_is_refused_and_marks_in_texts_are_not_counted() -> None:
    assert len(loads(b"[" + b"1," * 65_000 + b"1]")) == 65_001
    for wide in (b"1," * 65_600, b"[]," * 32_800, b'"a",' * 65_600):
        with pytest.raises(TooLarge, match="more than 65536 values"):
            loads(b"[" + wide + b"1]")
    text = json.dumps({"a": ',[{\\"' * 30_000, "b": ["\\", '"[', "]"] * 30})
    assert loads(text.encode()) == json.loads(text)


def test_an_escaped_backslash_before_u0000_is_a_text() -> None:
    assert loads(b'"\\\\u0000"') == "\\u0000"
    assert loads(b"[9007199254740991,-9007199254740991]") == [2**53 - 1, 1 - 2**53]


def test_a_message_over_its_limit_is_too_large_and_says_how_large_it_is() -> None:
    with pytest.raises(TooLarge, match="1048577 bytes are more than the 1048576 allowed"):
        loads(b'"' + b"a" * (1 << 20) + b"")


@given(st.binary(max_size=200))
def test_reading_any_bytes_gives_a_value_or_invalid_input(data: bytes) -> None:
    try:
        value = loads(data)
    except InvalidInput:
        return
    assert value == json.loads(data)


def test_an_object_is_asked_for_where_one_is_needed() -> None:
    assert loads_object(b'{"a":1}') == {"a": 1}
    with pytest.raises(InvalidInput, match="a JSON object is expected"):
        loads_object(b"[]")


@given(st.binary(max_size=100))
def test_base64url_reads_back(data: bytes) -> None:
    assert decode64(encode64(data)) == data
    assert "=" not in encode64(data)


@pytest.mark.parametrize("text", ["A", "QQ==", "QR", "QQB", "Q+==", "a/bb", "QQ\n", "Qé==", "Q Q"])
def test_base64url_has_one_spelling(text: str) -> None:
    with pytest.raises(InvalidInput):
        decode64(text, where="signature")


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=\n", max_size=12))
def test_no_second_spelling_is_read(text: str) -> None:
    try:
        data = decode64(text)
    except InvalidInput:
        return
    assert encode64(data) == text


def test_a_digest_is_sha_256_in_lower_case_hexadecimal() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
