"""Whoever is not the counterparty of a process sees none: every message type of both machines is answered 404."""

from __future__ import annotations

import pytest

from tests.services.spaces import Space, log_kinds, space, stored
from tests.threats.attacks import post, send
from trustspace.core.canon import canonical
from trustspace.protocols import dsp
from trustspace.protocols.dsp import Endpoint
from trustspace.testing.world import Node

pytestmark = pytest.mark.anyio
AIMED = [row for row in dsp.ENDPOINTS if "{pid}" in row.path]
MESSAGES = {
    "ContractRequest": ("ContractRequestMessage", {}),
    "ContractOffer": ("ContractOfferMessage", {}),
    "ContractAgreement": ("ContractAgreementMessage", {}),
    "ContractVerification": ("ContractAgreementVerificationMessage", {}),
    "ContractEvent": ("ContractNegotiationEventMessage", {"eventType": "FINALIZED"}),
    "ContractTermination": ("ContractNegotiationTerminationMessage", {}),
    "TransferStart": ("TransferStartMessage", {}),
    "TransferSuspension": ("TransferSuspensionMessage", {}),
    "TransferCompletion": ("TransferCompletionMessage", {}),
    "TransferTermination": ("TransferTerminationMessage", {}),
}


async def body_of(s: Space, row: Endpoint, consumer: str, provider: str) -> bytes:
    """A well-formed message of the row's kind, with the right pids."""
    assert row.message is not None
    kind, more = MESSAGES[row.message.__name__]
    _, offer, _ = await s.planner.operations.offer(s.product.code)
    terms = {"@id": offer.id, "@type": "Offer", "target": offer.target, "permission": [{"action": "use"}]}
    parts = {
        "ContractRequestMessage": {"offer": terms},
        "ContractOfferMessage": {"offer": terms},
        "ContractAgreementMessage": {
            "agreement": {**terms, "@type": "Agreement", "assigner": s.bus.did, "assignee": s.planner.did}
        },
    }
    message = {"@context": [dsp.terms.CONTEXT], "@type": kind, "consumerPid": consumer, "providerPid": provider}
    return canonical({**message, **more, **parts.get(kind, {})})


@pytest.mark.parametrize("row", AIMED, ids=lambda row: f"{row.method} {row.path}")
async def test_a_third_party_sees_nothing(row: Endpoint) -> None:
    async with space() as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        stranger = await s.world.connector("stranger")
        mine, theirs = await s.both(contract.negotiation)
        process = theirs if row.area is dsp.Area.NEGOTIATION else await s.bus.engine.transfers.get(transfer.peer_pid)
        url = f"{s.bus.engine.base}{row.path.replace('{pid}', process.key)}"
        if row.message is None:
            token = _get_token(s, url, stranger)
            answer = await s.world.network.peer().request("GET", url, headers={"authorization": f"Bearer {token}"})
            assert answer.status == 404
            return
        body = await body_of(s, row, process.peer_pid, process.key)
        leaves = await log_kinds(s.bus, process.key)
        assert (await send(s, url, body, stranger.engine.seal)).status == 404
        assert (await post(s, url, body, "")).status == 401
        assert await stored(s.bus, type(process), process.key) == process, "nothing moved"
        assert await log_kinds(s.bus, process.key) == leaves
        assert (await send(s, url, body)).status != 404, "the control: the counterparty is answered"
        assert mine.state == theirs.state


def _get_token(s: Space, url: str, node: Node) -> str:
    target = url.removeprefix(s.bus.settings.public_url)
    return node.engine.seal.token(s.bus.did, "GET", target, b"")
