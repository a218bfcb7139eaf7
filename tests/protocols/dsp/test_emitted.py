"""What two nodes really say to each other, under the protocol's own schemas: every message, answer and error."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from jsonschema import Draft201909Validator  # type: ignore[import-untyped]  # it ships no types
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.protocols.dsp.test_vectors import BASE, needs_schemas, schemas
from tests.services.spaces import TERMS, space, stored
from trustspace.core.canon import JsonObject
from trustspace.core.contract import Contract
from trustspace.core.policy import to_odrl
from trustspace.node import views as v
from trustspace.protocols import dsp
from trustspace.testing.world import Node

pytestmark = pytest.mark.anyio
SCHEMAS = {
    "CatalogRequestMessage": "catalog/catalog-request-message",
    "Catalog": "catalog/catalog",
    "Dataset": "catalog/dataset",
    "ContractRequestMessage": "negotiation/contract-request-message",
    "ContractOfferMessage": "negotiation/contract-offer-message",
    "ContractAgreementMessage": "negotiation/contract-agreement-message",
    "ContractAgreementVerificationMessage": "negotiation/contract-agreement-verification-message",
    "ContractNegotiationEventMessage": "negotiation/contract-negotiation-event-message",
    "ContractNegotiationTerminationMessage": "negotiation/contract-negotiation-termination-message",
    "ContractNegotiation": "negotiation/contract-negotiation",
    "ContractNegotiationError": "negotiation/contract-negotiation-error",
    "TransferRequestMessage": "transfer/transfer-request-message",
    "TransferStartMessage": "transfer/transfer-start-message",
    "TransferProcess": "transfer/transfer-process",
}
"""The schemas that the kit ships; those of the other messages of a transfer it does not."""


def listening(app: ASGIApp, heard: list[bytes]) -> ASGIApp:
    """The app, with every body that goes in or comes out kept."""

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        async def hear() -> Message:
            message = await receive()
            heard.append(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            heard.append(message.get("body", b""))
            await send(message)

        protocol = dsp.BASE in scope.get("path", "")
        await app(scope, hear if protocol else receive, say if protocol else send)

    return listen


def messages(heard: Iterable[bytes]) -> list[JsonObject]:
    return [json.loads(body) for body in heard if b"@type" in body]


def problems(message: JsonObject) -> list[str]:
    registry = schemas()
    schema = registry.contents(f"{BASE}{SCHEMAS[message['@type']]}-schema.json")
    return [error.message for error in Draft201909Validator(schema, registry=registry).iter_errors(message)]


def listen(node: Node, heard: list[bytes]) -> None:
    node.world.network.attach(node.settings.public_url, listening(node.app, heard))


@needs_schemas
async def test_everything_that_two_nodes_say_is_valid_under_the_protocols_schemas() -> None:
    heard: list[bytes] = []
    async with space(approval="manual") as s:
        listen(s.bus, heard)
        listen(s.planner, heard)
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        await s.bus.call("counter", theirs.key, request=v.CounterRequest(policy=to_odrl(TERMS)))
        mine, _ = await s.both(pid)
        assert mine.agreed is not None
        await s.transfer(await stored(s.planner, Contract, mine.agreed.id))
        _, refused = await s.both(await s.negotiation("no", wait=0.0))
        await s.bus.call("refuse", refused.key, request=v.DecisionRequest(reason="not today"))
        await s.both(refused.peer_pid)
        base = s.bus.engine.base
        for path, body in (("/catalog/request", dsp.encode(dsp.CatalogRequest())), ("/negotiations/request", b"{}")):
            await s.planner.engine.send("POST", base + path, s.bus.did, body)
    said = messages(heard)
    wrong = {one["@type"]: found for one in said if one["@type"] in SCHEMAS and (found := problems(one))}
    assert wrong == {}
    assert {one["@type"] for one in said} >= SCHEMAS.keys()
    assert problems({**said[0], "@context": BASE}), "the control"
