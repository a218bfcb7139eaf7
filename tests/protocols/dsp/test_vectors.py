"""One exact example of each message: value to bytes and back, and under the protocol's own JSON schemas."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft201909Validator  # type: ignore[import-untyped]  # it ships no types
from referencing import Registry, Resource

from trustspace.core.canon import JsonObject, canonical
from trustspace.core.contract import (
    Agreement,
    ContractAgreement,
    ContractEvent,
    ContractOffer,
    ContractRequest,
    ContractTermination,
    ContractVerification,
    Event,
    Offer,
    Party,
    party_members,
)
from trustspace.core.policy import from_odrl
from trustspace.core.transfer import (
    DataAddress,
    TransferCompletion,
    TransferRequest,
    TransferStart,
    TransferSuspension,
    TransferTermination,
)
from trustspace.protocols import dsp

VECTORS: JsonObject = json.loads((Path(__file__).parents[3] / "specs/vectors/dsp.json").read_text())
C, P = "urn:uuid:00000000-0000-4000-8000-000000000001", "urn:uuid:00000000-0000-4000-8000-000000000002"
BUS = Party("did:web:bus.example", "01400000000000000000000000000A12", "91140000MA0K000016")
PLANNER = Party("did:web:planner.example", "01400000000000000000000000000B34", "91140000MA0K000024")
OFFER = Offer(
    "urn:uuid:00000000-0000-4000-8000-000000000003",
    "urn:uuid:00000000-0000-4000-8000-000000000004",
    from_odrl(
        {
            "permission": [
                {
                    "action": "use",
                    "constraint": [
                        {
                            "leftOperand": "http://www.w3.org/ns/odrl/2/count",
                            "operator": "lteq",
                            "rightOperand": "10",
                        }
                    ],
                }
            ]
        }
    ),
)
AGREEMENT = Agreement(
    "urn:uuid:00000000-0000-4000-8000-000000000005",
    OFFER.target,
    BUS.id,
    PLANNER.id,
    "2027-03-01T08:00:00Z",
    OFFER.policy,
    party_members(BUS, PLANNER, OFFER.id),
)
ADDRESS = DataAddress(
    "https://w3id.org/idsa/v4.1/HTTP",
    "https://bus.example/data/1",
    (("authorization", "Bearer x"), ("urn:trustspace:v1:size", "434176")),
)
VALUES: dict[str, object] = {
    "request": ContractRequest(C, None, OFFER, "https://planner.example/dsp/2025-1", "CMS"),
    "counter-request": ContractRequest(C, P, OFFER),
    "offer": ContractOffer(None, P, OFFER, "https://bus.example/dsp/2025-1", "CMS"),
    "counter-offer": ContractOffer(C, P, OFFER),
    "agreement": ContractAgreement.of(C, P, AGREEMENT, b"DER of the provider's CMS"),
    "agreement-unsigned": ContractAgreement.of(C, P, AGREEMENT),
    "verification": ContractVerification(C, P, b"DER of the consumer's CMS"),
    "verification-unsigned": ContractVerification(C, P),
    "accepted": ContractEvent(C, P, Event.ACCEPTED),
    "finalized": ContractEvent(C, P, Event.FINALIZED, "ab" * 32),
    "termination": ContractTermination(C, P, "refused", ("the price is not right",)),
    "negotiation": dsp.NegotiationAnswer(C, P, "REQUESTED"),
    "negotiation-error": dsp.NegotiationRefusal(C, "", "illegal-transition", ("consumer may not verify",)),
    "transfer-request": TransferRequest(C, AGREEMENT.id, "HttpData-PULL", "https://planner.example/dsp/2025-1"),
    "transfer-request-push": TransferRequest(C, AGREEMENT.id, "HttpData-PUSH", "https://planner.example", ADDRESS),
    "transfer-start": TransferStart(C, P, ADDRESS),
    "transfer-restart": TransferStart(C, P),
    "transfer-suspension": TransferSuspension(C, P, "maintenance", ("back at six",)),
    "transfer-completion": TransferCompletion(C, P),
    "transfer-termination": TransferTermination(C, P, "ended", ("the contract ended",)),
    "transfer": dsp.TransferAnswer(C, P, "STARTED"),
    "transfer-error": dsp.TransferRefusal(C, P, "not-found", ("there is no such agreement",)),
    "catalog-request": dsp.CatalogRequest(),
    "catalog-error": dsp.CatalogRefusal("not-found", ("there is no such dataset",)),
}
DATASET = dsp.DatasetView(
    OFFER.target,
    (OFFER,),
    (dsp.Distribution("HttpData-PULL", "did:web:bus.example#dsp"),),
    "城市公交时刻表",
    (("urn:trustspace:v1:identifier", "0054B0300"),),
)
CATALOG = dsp.CatalogView(
    "did:web:bus.example#catalog",
    BUS.id,
    (DATASET,),
    (dsp.DataService("did:web:bus.example#dsp", "https://bus.example/dsp/2025-1"),),
)
VERSIONS = (dsp.Version(signs="CMS"),)


def encoded() -> dict[str, bytes]:
    """Every vector's bytes, made anew."""
    messages = {name: dsp.encode(value) for name, value in VALUES.items()}
    return messages | {
        "catalog": dsp.encode_catalog(CATALOG),
        "dataset": dsp.encode_dataset(DATASET),
        "version": dsp.encode_versions(VERSIONS),
    }


def test_there_is_a_vector_for_every_message() -> None:
    assert VECTORS.keys() == encoded().keys()
    assert {shape.name for shape in dsp.SHAPES} <= {vector.get("@type") for vector in VECTORS.values()}


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_each_message_is_written_exactly_so(name: str) -> None:
    assert encoded()[name] == canonical(VECTORS[name])


@pytest.mark.parametrize("name", sorted(VALUES))
def test_each_message_is_read_as_it_was_written(name: str) -> None:
    value = VALUES[name]
    assert dsp.decode(canonical(VECTORS[name]), type(value)) == value


def test_catalogue_dataset_and_versions_are_read_as_they_were_written() -> None:
    assert dsp.decode_catalog(canonical(VECTORS["catalog"])) == CATALOG
    assert dsp.decode_dataset(canonical(VECTORS["dataset"])) == DATASET
    assert dsp.decode_versions(canonical(VECTORS["version"])) == VERSIONS


SCHEMAS = {
    "request": "negotiation/contract-request-message",
    "counter-request": "negotiation/contract-request-message",
    "offer": "negotiation/contract-offer-message",
    "counter-offer": "negotiation/contract-offer-message",
    "agreement": "negotiation/contract-agreement-message",
    "agreement-unsigned": "negotiation/contract-agreement-message",
    "verification": "negotiation/contract-agreement-verification-message",
    "verification-unsigned": "negotiation/contract-agreement-verification-message",
    "accepted": "negotiation/contract-negotiation-event-message",
    "finalized": "negotiation/contract-negotiation-event-message",
    "termination": "negotiation/contract-negotiation-termination-message",
    "negotiation": "negotiation/contract-negotiation",
    "negotiation-error": "negotiation/contract-negotiation-error",
    "transfer-request": "transfer/transfer-request-message",
    "transfer-request-push": "transfer/transfer-request-message",
    "transfer-start": "transfer/transfer-start-message",
    "transfer-restart": "transfer/transfer-start-message",
    "transfer": "transfer/transfer-process",
    "catalog-request": "catalog/catalog-request-message",
    "catalog": "catalog/catalog",
    "dataset": "catalog/dataset",
}
BASE = "https://w3id.org/dspace/2025/1/"
KITS = os.environ.get("TRUSTSPACE_KITS", "")
needs_schemas = pytest.mark.skipif(
    not KITS, reason="the protocol's schemas are read from dsp-tck-1.0.1.jar in the folder TRUSTSPACE_KITS"
)


@lru_cache
def schemas() -> Registry[Any]:
    """The protocol's schemas as the conformance kit ships them; a reference without its slash is mended."""
    with zipfile.ZipFile(Path(KITS) / "dsp-tck-1.0.1.jar") as jar:
        names = [name for name in jar.namelist() if name.endswith("-schema.json")]
        texts = [jar.read(name).decode().replace(".json#definitions", ".json#/definitions") for name in names]
    found = [json.loads(text) for text in texts]
    return Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in found if "$id" in one)


def problems(name: str, instance: JsonObject) -> list[str]:
    registry = schemas()
    schema = registry.contents(f"{BASE}{SCHEMAS[name]}-schema.json")
    return [error.message for error in Draft201909Validator(schema, registry=registry).iter_errors(instance)]


@needs_schemas
@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_message_is_valid_under_the_protocols_schema(name: str) -> None:
    assert problems(name, json.loads(encoded()[name])) == []


@needs_schemas
def test_the_schemas_do_find_what_is_wrong() -> None:
    wrong = {**VECTORS["request"], "providerPid": P}
    assert problems("request", wrong)
    assert problems("request", {**VECTORS["request"], "@context": BASE})


@needs_schemas
def test_an_empty_catalogue_is_valid() -> None:
    empty = replace(CATALOG, datasets=(), services=())
    assert problems("catalog", json.loads(dsp.encode_catalog(empty))) == []
