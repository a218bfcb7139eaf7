"""callbackAddress: where answers go is the sender's own endpoint, and never anybody else's."""

from __future__ import annotations

import pytest

from tests.services.spaces import count, space
from tests.threats.attacks import first_request, send
from trustspace.core.contract import Negotiation

pytestmark = pytest.mark.anyio
ELSEWHERE = (
    "https://victim.example/dsp",
    "http://planner.example/dsp",
    "https://planner.example.evil/dsp",
    "https://planner.example:444/dsp",
    "https://planner.example@evil.example/dsp",
    "http://169.254.169.254/latest/meta-data",
    "https://[::1]/dsp",
    "file:///etc/passwd",
    "//planner.example/dsp",
)


async def test_answers_go_to_the_sender_and_nowhere_else() -> None:
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        own = s.planner.engine.base.encode()
        for address in ELSEWHERE:
            answer = await send(s, url, body.replace(own, address.encode()))
            assert answer.status in {400, 403}, address
        assert await count(s.bus, Negotiation) == 0
        assert (await send(s, url, body)).status == 201, "the control"
