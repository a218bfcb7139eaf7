"""What a header calls critical is not understood here and so refused; a payload is never taken unencoded."""

from __future__ import annotations

import json

import pytest

from tests.services.spaces import space
from tests.threats.forging import Entry, by_hand, call, controlled
from trustspace.core.canon import Json, JsonObject, encode64
from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.identity.did import from_jwk
from trustspace.core.identity.tokens import open_jws
from trustspace.node.seal import STATEMENTS

HEADERS: list[JsonObject] = [
    {"crit": ["exp"], "exp": 1},
    {"crit": ["exp"]},
    {"crit": ["b64"], "b64": True},
    {"crit": ["b64"], "b64": False},
    {"b64": False},
    {"b64": True},
    {"b64": "false"},
    {"b64": 0},
    {"crit": []},
    {"crit": None},
    {"crit": "b64"},
    {"crit": {}},
    {"crit": ["alg"]},
    {"crit": ["typ", "typ"]},
    {"crit": ["http://example.invalid/UNDEFINED"], "http://example.invalid/UNDEFINED": True},
    {"crit": [""]},
    {"crit": [None]},
    {"Crit": ["b64"]},
]


@pytest.mark.anyio
async def test_nothing_critical_comes_in() -> None:
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            for head in HEADERS:
                assert (await call(s, entry, by_hand(s, entry, head=head))).status == 401, (head, entry.path)


@pytest.mark.anyio
async def test_a_payload_is_not_taken_as_it_is() -> None:
    """RFC 7797: signed over the payload itself, which then has dots, or looks encoded and is not."""
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            head, payload, _ = by_hand(s, entry).split(".")
            for raw in ('{"iss":"x"}', payload, "a.b", ""):
                unencoded: dict[str, Json] = {"b64": False, "crit": ["b64"]}
                top = by_hand(s, entry, head=unencoded).split(".")[0]
                for first in (head, top):
                    signature = encode64(s.planner.engine.key.sign(f"{first}.{raw}".encode()))
                    status = (await call(s, entry, f"{first}.{raw}.{signature}")).status
                    assert status == (entry.good if (first, raw) == (head, payload) else 401), (raw, entry.path)


@pytest.mark.anyio
async def test_statements_have_nothing_critical_either() -> None:
    async with space() as s:
        peer, seal = await s.bus.engine.directory.known(s.planner.did), s.planner.engine.seal
        entry = Entry("POST", "/", b"", 200)
        for kind, typ in STATEMENTS.items():
            assert s.bus.engine.seal.check_statement(kind, by_hand(s, entry, head={"typ": typ}), peer), "the control"
            assert s.bus.engine.seal.check_statement(kind, seal.statement(kind, b"x"), peer) == b"x", "the control"
            for head in HEADERS:
                with pytest.raises(NotVerified):
                    s.bus.engine.seal.check_statement(kind, by_hand(s, entry, head={"typ": typ, **head}), peer)


def test_the_standards_own_examples() -> None:
    """RFC 7797, 4: the same key signs encoded and unencoded; and RFC 7515, E: an extension that must be understood."""
    key = from_jwk(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }
    )
    assert key is not None
    appendix_a3 = (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"
        "VlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    assert json.loads(open_jws(appendix_a3, public_der=key)[1])["iss"] == "joe", "the control"
    critical = encode64(
        b'{"alg":"none",\r\n "crit":["http://example.invalid/UNDEFINED"],\r\n "http://example.invalid/UNDEFINED":true}'
    )
    for token in (f"{critical}.RkFJTA.", f"{critical}.RkFJTA.{appendix_a3.rpartition('.')[2]}"):
        with pytest.raises(InvalidInput):
            open_jws(token, public_der=key)
