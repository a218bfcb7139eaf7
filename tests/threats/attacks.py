"""Messages made by hand, with the planner's keys or a stranger's."""

from __future__ import annotations

from tests.services.spaces import Space, bearer
from trustspace.core.contract import ContractRequest
from trustspace.node.seal import Seal
from trustspace.ports import Answer
from trustspace.protocols import dsp


async def first_request(s: Space, seal: Seal | None = None) -> tuple[str, bytes, str]:
    """A request for the offer that nobody has sent yet: its URL, its bytes, and a token for it."""
    _, offer, _ = await s.planner.operations.offer(s.product.code)
    body = dsp.encode(ContractRequest("urn:uuid:made-up", None, offer, s.planner.engine.base, "CMS"))
    url = f"{s.bus.engine.base}/negotiations/request"
    return url, body, token_for(s, url, body, seal)


def token_for(s: Space, url: str, body: bytes, seal: Seal | None = None, *, method: str = "POST") -> str:
    """A token for a request to the bus company."""
    target = url.removeprefix(s.bus.settings.public_url)
    return (seal or s.planner.engine.seal).token(s.bus.did, method, target, body)


async def post(s: Space, url: str, body: bytes, token: str) -> Answer:
    return await s.world.network.peer().request("POST", url, body=body, headers=bearer(token))


async def send(s: Space, url: str, body: bytes, seal: Seal | None = None) -> Answer:
    """With a token of its own."""
    return await post(s, url, body, token_for(s, url, body, seal))
