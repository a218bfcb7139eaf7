"""A `@context` is never fetched: what is not known by name says nothing here, or the message is refused."""

from __future__ import annotations

import pytest

from tests.services.spaces import Space, count, space
from tests.threats.attacks import first_request, send
from tests.threats.forging import asked, watched
from trustspace.core.canon import Json, canonical, loads_object
from trustspace.core.contract import Negotiation
from trustspace.protocols.dsp.terms import CONTEXT

pytestmark = pytest.mark.anyio
UNKNOWN: tuple[Json, ...] = (
    "https://evil.example/context.jsonld",
    ["https://evil.example/context.jsonld"],
    ["http://169.254.169.254/latest/meta-data"],
    ["file:///etc/passwd"],
    ["//evil.example/context"],
    ["ftp://evil.example/context"],
    ["context.jsonld"],
    ["https://w3id.org/dspace/2025/1/context.jsonld#evil"],
    ["https://w3id.org/dspace/2025/1/context.jsonld/"],
    ["HTTPS://W3ID.ORG/dspace/2025/1/context.jsonld"],
    ["https://w3id.org.evil.example/dspace/2025/1/context.jsonld"],
    ["https://w3id.org/dspace/2024/1/context.json"],
    [{"@import": "https://evil.example/context.jsonld"}],
    [CONTEXT, {"@import": "https://evil.example/context.jsonld"}],
    [CONTEXT, {"x": {"@id": "urn:x", "@context": "https://evil.example/context.jsonld"}}],
    5,
    [CONTEXT, 5],
    [CONTEXT, [CONTEXT]],
    {},
    "",
)
"""None of them gives the names of a message a meaning, or none that could be known without asking for it."""


async def attempt(s: Space, context: Json) -> int:
    """The status of a first request under that context; nobody is asked for anything meanwhile."""
    url, body, _ = await first_request(s)
    message = canonical({**loads_object(body), "@context": context})
    with watched() as seen, asked(s) as urls:
        status = (await send(s, url, message)).status
    assert urls == []
    assert [event for event in seen.events if event.startswith(("socket.", "open", "urllib."))] == []
    return status


async def test_an_unknown_context_is_refused_and_not_asked_for() -> None:
    async with space(approval="manual") as s:
        for context in UNKNOWN:
            assert await attempt(s, context) == 400, context
        assert await count(s.bus, Negotiation) == 0
        assert await attempt(s, [CONTEXT]) == 201, "the control"


async def test_another_context_beside_the_protocols_own_adds_nothing_that_is_read() -> None:
    """The protocol's terms are protected: what stands beside their context cannot change them, and is not asked for."""
    async with space(approval="manual") as s:
        for context in ([CONTEXT, "https://evil.example/more.jsonld"], ["https://evil.example/more.jsonld", CONTEXT]):
            assert await attempt(s, context) == 201
