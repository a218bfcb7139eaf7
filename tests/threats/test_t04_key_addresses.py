"""A token brings no key, no address of one, and no chain that we do not trust: 401, and nobody is asked."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from tests.services.spaces import Space, space
from tests.threats.forging import asked, by_hand, call, controlled, watched
from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core.canon import Json, JsonObject
from trustspace.core.errors import NotVerified
from trustspace.core.identity.certificates import Profile, issue
from trustspace.core.identity.did import to_jwk
from trustspace.core.identity.keys import thumbprint, to_x5t
from trustspace.core.identity.participants import ParticipantList, sign_list, verify_list
from trustspace.core.identity.x5c import encode
from trustspace.testing.world import World

pytestmark = pytest.mark.anyio
EVIL = MemoryKey("evil")
HEADERS: dict[str, Json] = {
    "jku": "https://evil.example/jwks.json",
    "x5u": "https://evil.example/chain.pem",
    "jwk": to_jwk(EVIL.public_der),
    "x5t": "kJ0QkJ0QkJ0QkJ0QkJ0QkJ0QkJ0",
    "cty": "JWT",
    "url": "https://bus.example/dsp",
    "nonce": "abc",
    "iss": "did:web:planner.example",
    "trust_chain": ["eyJ"],
    "zip": "DEF",
    "enc": "A256GCM",
    "epk": to_jwk(EVIL.public_der),
    "JKU": "https://evil.example/jwks.json",
    "j\u212au": "x",
}


async def test_no_header_brings_a_key_or_the_address_of_one() -> None:
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            for name, value in HEADERS.items():
                for sign in (EVIL.sign, None):
                    token = by_hand(s, entry, head={name: value}, sign=sign)
                    with watched() as seen, asked(s) as urls:
                        answer = await call(s, entry, token)
                    assert answer.status == 401, (name, entry.path)
                    assert urls == []
                    assert not [event for event in seen.events if event.startswith("socket.")]


def chains(s: Space) -> dict[str, list[bytes]]:
    """Certificates that an attacker can bring: his own root, his own key under our names, others' good ones."""
    now = s.world.clock.now()
    facts = s.planner.engine.folder.facts("signing", now)
    assert facts is not None
    made = partial(
        issue,
        public_der=EVIL.public_der,
        common_name=facts.common_name,
        unit=facts.identifier,
        serial=facts.serial,
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=9),
    )
    root = made(EVIL, None, profile=Profile.ROOT)
    leaf = made(EVIL, root, profile=Profile.SIGNING)
    own, bus = s.planner.engine.seal.certificate, s.bus.engine.seal.certificate
    return {
        "his own root": [root],
        "under his own root": [leaf, root],
        "alone": [leaf],
        "in front of ours": [leaf, own],
        "another participant's": [bus],
        "under our root": [leaf, s.world.functional.registry.authority.root],
    }


async def test_a_chain_that_comes_along_is_believed_only_where_it_is_known() -> None:
    async with space(approval="manual") as s:
        attacks = chains(s)
        own = s.planner.engine.seal.certificate
        for entry in await controlled(s):
            for name, chain in attacks.items():
                for x5t in ({"x5t#S256": to_x5t(thumbprint(chain[0]))}, {}):
                    token = by_hand(s, entry, head={"x5c": encode(chain), **x5t}, sign=EVIL.sign)
                    assert (await call(s, entry, token)).status == 401, (name, entry.path)
            token = by_hand(s, entry, head={"x5c": encode([own])})
            assert (await call(s, entry, token)).status == entry.good, "the control: our own certificate beside it"


async def test_a_list_under_another_root_or_by_a_connector_is_none() -> None:
    async with space() as s:
        registry, now = s.world.functional.registry, s.world.clock.now()
        issued = (await registry.node.participants.current()).list
        roots = [registry.authority.root]
        for chain in chains(s).values():
            with pytest.raises(NotVerified):
                verify_list(sign_list(EVIL, chain[0], issued), roots, now=now)
        connector = sign_list(s.bus.engine.key, s.bus.engine.seal.certificate, issued)
        with pytest.raises(NotVerified, match="is signed by"):
            verify_list(connector, roots, now=now)
        assert isinstance(verify_list((await _current(s.world)), roots, now=now), ParticipantList), "the control"


async def _current(world: World) -> bytes:
    return (await world.functional.registry.node.participants.current()).signed


async def test_a_certificate_of_our_root_in_a_foreign_document_is_no_key_of_the_stranger() -> None:
    """The planner's token names a certificate that is good, and not the planner's."""
    async with space(approval="manual") as s:
        [entry, *_] = await controlled(s)
        bus = s.bus.engine.seal
        head: JsonObject = {"x5t#S256": to_x5t(bus.thumbprint), "x5c": encode([bus.certificate])}
        assert (await call(s, entry, by_hand(s, entry, head=head, sign=bus.key.sign))).status == 401
