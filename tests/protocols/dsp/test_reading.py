"""What is read: foreign spellings, broken and hostile bodies, answers of every kind, paths."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core import contract, transfer
from trustspace.core.canon import Json, JsonObject, canonical
from trustspace.core.contract import ContractAgreement, ContractEvent, ContractRequest, Negotiation, Role, State
from trustspace.core.errors import IllegalTransition, InvalidInput, NotFound, Refused, TooLarge, TrustspaceError
from trustspace.core.policy import from_odrl
from trustspace.core.transfer import Transfer, TransferStart
from trustspace.protocols import dsp

VECTORS: JsonObject = json.loads((Path(__file__).parents[3] / "specs/vectors/dsp.json").read_text())
DSPACE, ODRL = "https://w3id.org/dspace/2025/1/", "http://www.w3.org/ns/odrl/2/"
KINDS = [shape.value for shape in dsp.SHAPES]
T0 = datetime(2027, 3, 1, tzinfo=UTC)


def negotiation(role: Role = Role.CONSUMER, state: State | None = None, peer_pid: str = "p/1") -> Negotiation:
    return Negotiation(key="c", role=role, peer="x", peer_pid=peer_pid, state=state, created=T0, changed=T0)


# --- foreign spellings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["dspace:", DSPACE])
def test_prefixed_and_absolute_names_are_read(space: str) -> None:
    body = {
        "@type": [f"{space}ContractNegotiationEventMessage"],
        f"{space}consumerPid": {"@id": "c"},
        f"{space}providerPid": [{"@id": "p"}],
        f"{space}eventType": {"@id": f"{space}ACCEPTED"},
    }
    event = dsp.decode(canonical(body), ContractEvent)
    assert (event.consumer_pid, event.provider_pid, event.event) == ("c", "p", "ACCEPTED")


@pytest.mark.parametrize("space", ["odrl:", ODRL])
def test_a_foreign_spelling_of_an_offer_is_the_same_policy(space: str) -> None:
    body = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "ContractRequestMessage",
        "consumerPid": "c",
        "callbackAddress": {"@value": "https://c"},
        "providerPid": None,
        "offer": {
            "@id": "o",
            "@type": f"{space}Offer",
            f"{space}target": {"@id": "d"},
            f"{space}permission": {
                f"{space}action": {"@id": f"{space}use"},
                f"{space}constraint": {
                    f"{space}leftOperand": {"@id": f"{space}count"},
                    f"{space}operator": {"@id": f"{space}lteq"},
                    f"{space}rightOperand": {"@value": "3", "@type": "xsd:integer"},
                },
            },
        },
    }
    request = dsp.decode(canonical(body), ContractRequest)
    count = {"leftOperand": f"{ODRL}count", "operator": "lteq", "rightOperand": "3"}
    assert request.offer.policy == from_odrl({"permission": [{"action": "use", "constraint": [count]}]})
    assert (request.offer.target, request.callback, request.provider_pid) == ("d", "https://c", None)


def test_a_member_in_two_spellings_is_refused() -> None:
    body = {**VECTORS["accepted"], "dspace:eventType": "FINALIZED"}
    with pytest.raises(InvalidInput, match="two spellings"):
        dsp.decode(canonical(body), ContractEvent)


def test_unknown_members_are_passed_over() -> None:
    body = {**VECTORS["transfer-restart"], "https://example.org/more": {"a": [1]}}
    assert dsp.decode(canonical(body), TransferStart).address is None


def test_reasons_are_read_whatever_they_are() -> None:
    body = {**VECTORS["transfer-error"], "reason": ["one", {"@value": "zwei", "@language": "de"}, {"x": 1}], "code": 7}
    refusal = dsp.decode(canonical(body), dsp.TransferRefusal)
    assert (refusal.reasons, refusal.code) == (("one", "zwei", '{"x":1}'), "7")


def test_an_agreement_keeps_the_document_that_came() -> None:
    body = json.loads(json.dumps(VECTORS["agreement-unsigned"]))
    body["agreement"]["https://example.org/note"] = "kept"
    message = dsp.decode(canonical(body), ContractAgreement)
    assert json.loads(message.document) == body["agreement"]
    assert dsp.encode(message) == canonical(body)


# --- broken and hostile bodies --------------------------------------------------------------------------------------

WRONG: list[tuple[str, str, Json, str]] = [
    ("accepted", "eventType", "PERHAPS", "eventType"),
    ("accepted", "consumerPid", "", "consumerPid"),
    ("accepted", "providerPid", ["a", "b"], "providerPid"),
    ("accepted", "@type", "ContractOfferMessage", "@type"),
    ("accepted", "@type", {"a": "b"}, "@type"),
    ("request", "offer", "o", "offer"),
    ("transfer-start", "dataAddress", "x", "dataAddress"),
    ("request", "providerPid", "p", "ContractRequestMessage"),
    ("request", "callbackAddress", None, "ContractRequestMessage"),
    ("agreement", "urn:trustspace:v1:agreement", "not base64url!", "urn:trustspace:v1:agreement"),
    ("agreement", "agreement", [], "agreement"),
    ("transfer-start", "dataAddress", {"endpoint": "x"}, "dataAddress.endpointType"),
    (
        "transfer-start",
        "dataAddress",
        {"endpointType": "x", "endpointProperties": [{"name": "a", "value": 1}]},
        "dataAddress.endpointProperties[0].value",
    ),
    ("transfer-start", "dataAddress", {"endpointType": "x", "endpointProperties": ["a"]}, "dataAddress"),
]


@pytest.mark.parametrize(("vector", "name", "value", "where"), WRONG)
def test_what_is_wrong_is_named(vector: str, name: str, value: Json, where: str) -> None:
    body = {**VECTORS[vector], name: value}
    kind = next(shape.value for shape in dsp.SHAPES if shape.name == VECTORS[vector]["@type"])
    with pytest.raises(InvalidInput) as caught:
        dsp.decode(canonical(body), kind)
    assert caught.value.where.startswith(where)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"@id": "x"}', b'{"@value": [1]}', b"\xff", b"null"])
def test_a_body_that_is_no_message_is_invalid_input(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        dsp.decode(body, ContractRequest)


def test_deep_and_large_bodies_are_too_large() -> None:
    with pytest.raises(TooLarge):
        dsp.decode(b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", ContractRequest)
    with pytest.raises(TooLarge):
        dsp.decode(b" " * (1 << 20) + b"{}", ContractRequest)


def test_arrays_hold_objects() -> None:
    for wrong in ("x", {"a": 1}, ["x"]):
        with pytest.raises(InvalidInput):
            dsp.decode_versions(canonical({"protocolVersions": wrong}))


LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "ACCEPTED", "Offer", "use", "eq"])
NAMES = st.sampled_from(
    sorted({"@id", "@type", "@value", "permission", "action", "target", "name", "value", "endpointType"})
    + [member.name for shape in dsp.SHAPES for member in shape.members]
)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))


@given(kind=st.sampled_from(KINDS), data=st.data())
def test_reading_is_total(kind: type[Any], data: st.DataObject) -> None:
    """Any JSON in any place of any message: a value, which is then written and read as itself, or `InvalidInput`."""
    name = next(shape.name for shape in dsp.SHAPES if shape.value is kind)
    vector = next(vector for vector in VECTORS.values() if vector.get("@type") == name)
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(vector)) | NAMES, TREES, max_size=2))
    try:
        message = dsp.decode(canonical({**vector, **changed}), kind)
    except InvalidInput:
        return
    assert dsp.decode(dsp.encode(message), kind) == message


@given(TREES)
def test_catalogues_versions_and_answers_are_read_totally(tree: Json) -> None:
    for read, name in ((dsp.decode_catalog, "catalog"), (dsp.decode_dataset, "dataset")):
        for member in ("dataset", "hasPolicy", "service", "catalog", "distribution"):
            try:
                read(canonical({**VECTORS[name], member: tree}))
            except InvalidInput:
                continue
    dsp.read_state(canonical(tree), Role.CONSUMER)
    dsp.read_reason(canonical(tree))
    dsp.pids_in(canonical(tree))
    try:
        dsp.decode_versions(canonical({"protocolVersions": tree}))
    except InvalidInput:
        return


# --- catalogue ------------------------------------------------------------------------------------------------------


def test_catalogues_within_catalogues_are_read_with_their_datasets() -> None:
    outer = {**VECTORS["catalog"], "dataset": [], "catalog": [VECTORS["catalog"]]}
    assert [one.id for one in dsp.decode_catalog(canonical(outer)).datasets] == [VECTORS["dataset"]["@id"]]
    for _ in range(9):
        outer = {**VECTORS["catalog"], "catalog": outer}
    with pytest.raises(InvalidInput, match="deeper"):
        dsp.decode_catalog(canonical(outer))


def test_a_policy_that_is_not_understood_does_not_hide_the_dataset() -> None:
    odd = {"@id": "odd", "@type": "Offer", "permission": [{"action": "use", "refinement": [{"x": "y"}]}]}
    dataset = {**VECTORS["dataset"], "hasPolicy": [odd, *VECTORS["dataset"]["hasPolicy"]]}
    view = dsp.decode_dataset(canonical(dataset))
    assert [offer.target for offer in view.offers] == [VECTORS["dataset"]["@id"]]
    assert "refinement" in view.unread[0]


def test_a_distribution_may_hold_its_service() -> None:
    way = {"format": "HttpData-PULL", "accessService": {"@id": "s", "@type": "DataService", "endpointURL": "https://p"}}
    view = dsp.decode_dataset(canonical({**VECTORS["dataset"], "distribution": way, "dct:title": 3}))
    assert (view.distributions, view.title) == ((dsp.Distribution("HttpData-PULL", "s", "https://p"),), "")


# --- versions -------------------------------------------------------------------------------------------------------


def test_the_common_version_is_chosen() -> None:
    body = canonical(
        {
            "protocolVersions": [
                {"version": "2024-1", "path": "/old", "binding": "HTTPS"},
                {"version": "", "path": "/none"},
                {"version": "2025-1", "path": "/new/", "binding": "HTTPS", "urn:trustspace:v1:signs": 1},
            ]
        }
    )
    assert dsp.choose(dsp.decode_versions(body)) == dsp.Version(path="/new")
    assert dsp.decode_versions(canonical(VECTORS["version"]))[0].signs == "CMS"


def test_a_version_that_is_no_text_is_invalid() -> None:
    with pytest.raises(InvalidInput):
        dsp.decode_versions(canonical({"protocolVersions": [{"version": 2025, "path": "/x"}]}))


def test_without_a_common_version_one_stops() -> None:
    with pytest.raises(Refused, match="it speaks 2024-1"):
        dsp.choose([dsp.Version("2024-1")])
    with pytest.raises(Refused, match="it speaks none"):
        dsp.choose(dsp.decode_versions(b"{}"))
    at_root = canonical({"protocolVersions": [{"version": "2025-1", "path": "/"}]})
    assert dsp.decode_versions(at_root) == (dsp.Version(path=""),)


# --- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_shows_both_pids_and_the_state() -> None:
    body = dsp.encode_state(negotiation(state=State.OFFERED))
    assert dsp.read_state(body, Role.CONSUMER) == ("p/1", "OFFERED")
    assert dsp.read_state(body, Role.PROVIDER) == ("c", "OFFERED")
    asked = Transfer(key="c", role=Role.CONSUMER, peer="x", created=T0, changed=T0)
    assert dsp.read_state(dsp.encode_state(asked), Role.PROVIDER) == ("c", "REQUESTED")
    assert json.loads(dsp.encode_state(negotiation(Role.PROVIDER)))["state"] == "OFFERED"
    assert dsp.read_state(b"", Role.CONSUMER) == ("", "")
    assert dsp.read_state(b'{"dspace:state": {"@id": "dspace:AGREED"}}', Role.CONSUMER) == ("", "AGREED")


@pytest.mark.parametrize(
    ("area", "kind"),
    [("negotiation", dsp.NegotiationRefusal), ("transfer", dsp.TransferRefusal), ("catalog", dsp.CatalogRefusal)],
)
def test_every_error_becomes_the_typed_body_of_its_area(area: str, kind: type[Any]) -> None:
    error: TrustspaceError = NotFound("there is nothing", where="here", hint="look there")
    body = dsp.encode_error(error, area, "c")
    refusal = dsp.decode(body, kind)
    assert (refusal.code, refusal.reasons) == ("not-found", ("here: there is nothing (look there)",))
    wire = json.loads(body)
    assert (wire.get("consumerPid"), wire.get("providerPid")) == (
        None if area == "catalog" else "c",
        wire.get("providerPid"),
    )
    assert dsp.read_reason(body) == "not-found: here: there is nothing (look there)"


def test_reasons_of_peers_that_say_little() -> None:
    assert dsp.read_reason(b"<html>") == ""
    assert dsp.read_reason(b'{"code": "no"}') == "no"
    assert dsp.read_reason(b'{"reason": "busy"}') == "busy"


def test_the_pids_of_a_broken_message_can_be_echoed() -> None:
    assert dsp.pids_in(b'{"consumerPid": "c", "providerPid": 3}') == ("c", "")


# --- paths ----------------------------------------------------------------------------------------------------------


def test_messages_go_where_the_binding_says() -> None:
    assert dsp.path_of(negotiation(), "request") == "/negotiations/request"
    assert dsp.path_of(negotiation(Role.PROVIDER), "offer") == "/negotiations/offers"
    running = negotiation(state=State.OFFERED)
    assert dsp.path_of(running, "request") == "/negotiations/p%2F1/request"
    assert dsp.path_of(running, "verify") == "/negotiations/p%2F1/agreement/verification"
    assert dsp.path_of(running, "state") == "/negotiations/p%2F1"
    assert dsp.path_of(negotiation(peer_pid="urn:uuid:1", state=State.AGREED), "state") == "/negotiations/urn:uuid:1"
    asked = Transfer(key="c", role=Role.CONSUMER, peer="x", created=T0, changed=T0)
    assert dsp.path_of(asked, "request") == "/transfers/request"
    with pytest.raises(IllegalTransition):
        dsp.path_of(asked, "state")
    with pytest.raises(IllegalTransition):
        dsp.path_of(running, "suspend")


def test_addresses_may_end_in_a_slash() -> None:
    assert dsp.join("https://p/dsp/", "/catalog/request") == dsp.join("https://p/dsp", "/catalog/request")


def test_every_message_has_its_endpoint() -> None:
    """What the machines can say can be sent: each verb has a path, and each row a message that may do just that."""
    verbs = {(row.area, verb) for row in dsp.ENDPOINTS for verb in row.verbs}
    said = {("negotiation", verb) for verb in contract.Verb} | {("transfer", verb) for verb in transfer.Verb}
    assert verbs == said | {("negotiation", "state"), ("transfer", "state")}
    assert {row.path for row in dsp.ENDPOINTS if row.begins} == {
        "/negotiations/request",
        "/negotiations/offers",
        "/transfers/request",
    }
