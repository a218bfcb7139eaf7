"""What is signed for one purpose or one receiver passes for no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.services.spaces import space
from tests.threats.attacks import first_request, post
from trustspace.core.canon import canonical
from trustspace.core.errors import NotVerified
from trustspace.core.identity import tokens
from trustspace.core.identity.tokens import TokenKind
from trustspace.node.seal import STATEMENTS

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
