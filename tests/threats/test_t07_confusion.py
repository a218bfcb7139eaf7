"""What is signed for one purpose or one receiver passes for no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import ASGIApp

from tests.services.spaces import Space, bearer, said, space
from tests.threats.attacks import first_request, post
from tests.threats.forging import by_hand, entries
from trustspace.core.canon import canonical
from trustspace.core.errors import NotVerified
from trustspace.core.evidence.receipts import batch, receipt_leaf
from trustspace.core.identity import tokens
from trustspace.core.identity.tokens import TokenKind
from trustspace.node.management import management_app
from trustspace.node.seal import STATEMENTS
from trustspace.node.verbs import BOTH, CONNECTOR

pytestmark = pytest.mark.anyio


async def test_a_token_for_another_receiver_or_issuer_is_refused() -> None:
    async with space(approval="manual") as s:
        url, body, good = await first_request(s)
        target, seal = url.removeprefix(s.bus.settings.public_url), s.planner.engine.seal
        elsewhere = seal.token("did:web:other.example", "POST", target, body)
        pretended = replace(seal, me=s.bus.did).token(s.bus.did, "POST", target, body)
        for token in (elsewhere, pretended, seal.token(s.bus.did, "GET", target, body), good[:-2] + "AA", "a.b.c", ""):
            assert (await post(s, url, body, token)).status == 401, token
        assert (await post(s, url, body, good)).status == 201, "the control"


async def test_only_a_request_token_opens_an_endpoint() -> None:
    async with space(approval="manual") as s:
        url, body, good = await first_request(s)
        for kind in TokenKind:
            if kind is TokenKind.REQUEST:
                continue
            claims = canonical({"iss": s.planner.did, "sub": s.planner.did, "aud": s.bus.did})
            seal = s.planner.engine.seal
            statement = tokens.sign_statement(seal.key, seal.thumbprint, kind, claims)
            assert (await post(s, url, body, statement)).status == 401, kind
        assert (await post(s, url, body, good)).status == 201, "the control"


async def test_a_statement_of_one_kind_passes_for_no_other() -> None:
    async with space() as s:
        peer = await s.bus.engine.directory.known(s.planner.did)
        for kind in STATEMENTS:
            statement = s.planner.engine.seal.statement(kind, b"{}")
            for other in STATEMENTS:
                if other == kind:
                    assert s.bus.engine.seal.check_statement(other, statement, peer) == b"{}"
                    continue
                with pytest.raises(NotVerified):
                    s.bus.engine.seal.check_statement(other, statement, peer)


MANAGEMENT = "management-token-of-the-bus-company"


def managed(s: Space) -> ASGIApp:
    """The bus company's management interface, under an origin of the test's network."""
    app = management_app(s.bus.operations, (*BOTH, *CONNECTOR), MANAGEMENT, version="1")
    s.world.network.attach("https://manage.example", app)
    return app


async def matrix(s: Space) -> tuple[Mapping[str, Any], Mapping[str, tuple[str, str, bytes]]]:
    """One word of every kind, and one door for each kind of words: a right one opens its own."""
    transfer = await s.transfer(await s.contract())
    assert transfer.address is not None
    told = said(await s.ask(transfer, "monday"))
    root = transfer.address.endpoint
    doors = {
        f"{entry.method} {entry.path.rpartition('/')[2]}": (entry.method, entry.url(s), entry.body)
        for entry in await entries(s)
    }
    doors |= {
        "access": ("POST", f"{root}/uses", b'{"purpose":"trip-planning","use":"monday"}'),
        "use": ("GET", f"{root}/uses/monday", b""),
        "management": ("GET", "https://manage.example/v1/status", b""),
    }
    seal, now = s.planner.engine.seal, s.world.clock.now()
    names = {"sender": s.bus.did, "receiver": s.planner.did, "process": "p", "state": "X"}
    leaf = receipt_leaf(received="0" * 64, answered="1" * 64, status=200, time=now, **names)
    claims = canonical({"iss": s.planner.did, "sub": s.planner.did, "aud": s.bus.did})
    statements = [kind for kind in TokenKind if kind is not TokenKind.REQUEST]
    words = {str(kind): tokens.sign_statement(seal.key, seal.thumbprint, kind, claims) for kind in statements}
    words |= {
        "access": transfer.address.get("authorization").removeprefix("Bearer "),
        "management": MANAGEMENT,
        "receipt": batch([leaf], seal.key, seal.thumbprint)[0],
        "use": told["token"],
        "our identifier": s.planner.engine.identifier,
        "a thumbprint": seal.thumbprint,
    }
    return words, doors


async def test_only_the_diagonal_opens() -> None:
    """Every word at every door: request tokens at those that ask who calls, each other word at its own."""
    async with space() as s:
        managed(s)
        words, doors = await matrix(s)
        peer = s.world.network.peer()

        async def knock(door: str, word: str) -> int:
            method, url, body = doors[door]
            return (await peer.request(method, url, body=body, headers=bearer(word))).status

        for door in doors:
            for name, word in words.items():
                if name != door:
                    assert await knock(door, word) == 401, (name, door)
        asks = await entries(s)
        for entry in asks:
            token = by_hand(s, entry)
            for door in ("access", "use", "management"):
                assert await knock(door, token) == 401, door
            for other in asks:
                answer = await peer.request(other.method, other.url(s), body=other.body, headers=bearer(token))
                right = (other.method, other.path, other.body) == (entry.method, entry.path, entry.body)
                assert answer.status == (entry.good if right else 401), (entry.path, other.path)
        controls = [await knock(door, words[door]) for door in ("use", "access", "management")]
        assert controls == [200, 201, 200], "asked for again, a use has a new token"


async def test_a_word_in_another_scheme_or_place_is_none() -> None:
    async with space() as s:
        managed(s)
        words, doors = await matrix(s)
        peer = s.world.network.peer()
        for door in ("access", "use", "management"):
            method, url, body = doors[door]
            for headers in (
                {},
                {"authorization": words[door]},
                {"authorization": f"Basic {words[door]}"},
                {"authorization": f"DPoP {words[door]}"},
                {"authorization": f"Bearer {words[door]}x"},
                {"authorization": f"Bearer {words[door][:-1]}"},
                {"authorization": f"Bearer {words[door]}, Bearer x"},
                {"authorization": "Bearer "},
                {"cookie": f"authorization={words[door]}"},
                {"x-api-key": words[door]},
                {"proxy-authorization": f"Bearer {words[door]}"},
            ):
                assert (await peer.request(method, url, body=body, headers=headers)).status == 401, (door, headers)
            asked = f"{url}?access_token={words[door]}&token={words[door]}"
            assert (await peer.request(method, asked, body=body)).status == 401, door
