"""Two parsers, two meanings: what is shown and what is signed are the same bytes, or nothing is signed."""

from __future__ import annotations

import json

import orjson
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.spaces import count, space
from trustspace.core.canon import Json, JsonObject, canonical, decode64, encode64, loads
from trustspace.core.contract import Contract, State
from trustspace.core.errors import InvalidInput
from trustspace.node.seal import Seal
from trustspace.protocols.dsp import terms
from trustspace.testing.cheats import changed, in_bytes, in_json

pytestmark = pytest.mark.anyio


def spaced(message: JsonObject, seal: Seal) -> JsonObject:
    """The same JSON in bytes that are not canonical, validly signed."""
    text = decode64(message[terms.AGREEMENT]).replace(b'","', b'", "')
    return {**message, terms.AGREEMENT: encode64(text), terms.PROVIDER_SIGNATURE: encode64(seal.sign(text))}


def doubled(message: JsonObject, seal: Seal) -> JsonObject:
    """A member twice: one parser takes the first, another the last."""
    text = decode64(message[terms.AGREEMENT]).replace(b'{"@id"', b'{"target":"urn:uuid:other","@id"', 1)
    return {**message, terms.AGREEMENT: encode64(text), terms.PROVIDER_SIGNATURE: encode64(seal.sign(text))}


ATTACKS = {
    "shown otherwise": in_json(changed("target")),
    "signed otherwise": in_bytes(changed("target")),
    "not canonical": spaced,
    "a member twice": doubled,
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_what_is_signed_is_what_is_shown(name: str) -> None:
    async with space() as s:
        mine, theirs = await s.both(await s.negotiation("control"))
        assert mine.state is State.FINALIZED, "the control"
        s.tricks.alter("agree", ATTACKS[name])
        mine, theirs = await s.both(await s.negotiation("attack"))
        assert mine.state is theirs.state is State.TERMINATED
        assert mine.reasons == theirs.reasons
        assert await count(s.planner, Contract) == 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS
DOCUMENTS = st.recursive(LEAVES, lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXTS, part, max_size=4))


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_three_readers_read_the_same_and_the_signed_form_has_one_spelling(value: Json) -> None:
    spelled = canonical(value)
    assert loads(spelled) == json.loads(spelled) == orjson.loads(spelled) == value
    assert canonical(loads(json.dumps(value, indent=1).encode())) == spelled == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":9007199254740993}',
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"a":1}{"a":2}',
        b'{"a":01}',
        b"{'a':1}",
        b'{"a":1,}',
    ],
)
def test_what_readers_understand_differently_is_no_document(text: bytes) -> None:
    with pytest.raises(InvalidInput):
        loads(text)
