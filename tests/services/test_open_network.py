"""What a caller on an open test network is called."""

from __future__ import annotations

import pytest

from trustspace.core.canon import canonical, encode64
from trustspace.services.open_network import ANYONE, named


def jwt(payload: bytes) -> str:
    return f"e30.{encode64(payload)}.c2ln"


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("", ANYONE),
        ("TCK_PARTICIPANT", "TCK_PARTICIPANT"),
        ("did:web:bus.example%3A8443", "did:web:bus.example%3A8443"),
        (jwt(canonical({"iss": "did:web:trip.example"})), "did:web:trip.example"),
        (jwt(canonical({"sub": "x"})), jwt(canonical({"sub": "x"}))),
        (jwt(canonical({"iss": ["x"]})), jwt(canonical({"iss": ["x"]}))),
        (jwt(canonical({"iss": "two\nlines"})), ANYONE),
        (jwt(b"[]"), jwt(b"[]")),
        ("a.b.c", "a.b.c"),
        ("a.\udcff.c", ANYONE),
        ("x" * 257, ANYONE),
        ("two\x00words", ANYONE),
    ],
)
def test_the_name_in_a_token(token: str, name: str) -> None:
    assert named(token) == name
