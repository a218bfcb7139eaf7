"""gzip: only for who asks, and unpacked only within a bound."""

from __future__ import annotations

import gzip
import zlib

import pytest

from trustspace.adapters.http.compression import decoded, wants_gzip, zipped
from trustspace.core.errors import InvalidInput, TooLarge


@pytest.mark.parametrize("header", ["gzip", "GZIP", "br, gzip", "gzip;q=0.001", "gzip; q=1.0, identity", "x-gzip"])
def test_asked_for(header: str) -> None:
    assert wants_gzip(header)


@pytest.mark.parametrize("header", ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzipped", "*", "deflate"])
def test_not_asked_for(header: str) -> None:
    assert not wants_gzip(header)


def test_there_and_back_and_the_same_every_time() -> None:
    data = b"x" * 100_000
    assert decoded(zipped(data), "gzip", 100_000) == data
    assert zipped(data) == zipped(data)
    assert decoded(data, "identity", 1) == decoded(data, "", 1) == data


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(bytes(1 << 26))
    assert len(bomb) < 1 << 17
    with pytest.raises(TooLarge, match="over 65536 bytes"):
        decoded(bomb, "gzip", 1 << 16)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain",
        zipped(b"whole")[:-1],
        zipped(b"whole") + b"more",
        zipped(b"a") + zipped(b"b"),
        zlib.compress(b"x"),
    ],
)
def test_damage_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decoded(data, "gzip", 1000)


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "deflate"])
def test_another_coding_is_refused(coding: str) -> None:
    with pytest.raises(InvalidInput, match="not asked for"):
        decoded(b"x", coding, 1000)
