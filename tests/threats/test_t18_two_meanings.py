"""Two parsers, two meanings: what is shown and what is signed are the same bytes, or nothing is signed."""

from __future__ import annotations

import pytest

from tests.services.spaces import count, space
from trustspace.core.canon import JsonObject, decode64, encode64
from trustspace.core.contract import Contract, State
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
