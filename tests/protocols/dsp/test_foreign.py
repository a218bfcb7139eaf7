"""Foreign spellings of the same messages: what a JSON-LD processor makes of them, and what others write by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.canon import Json, JsonObject, canonical, loads
from trustspace.core.contract import ContractAgreement, ContractRequest, Offer, check_understood
from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy import offer, use
from trustspace.core.transfer import TransferStart
from trustspace.protocols import dsp
from trustspace.protocols.dsp import foreign, terms

HERE = Path(__file__).parents[3] / "specs/vectors"
VECTORS: JsonObject = json.loads((HERE / "dsp.json").read_text())
FOREIGN: JsonObject = json.loads((HERE / "dsp-foreign.json").read_text())
"""The vectors as PyLD 3.3 spells them with the protocol's own contexts: expanded, and compacted with other ones."""
ODRL, DSPACE = "http://www.w3.org/ns/odrl/2/", "https://w3id.org/dspace/2025/1/"
FORMS = [(name, form) for name, forms in FOREIGN.items() for form in forms]


def members(value: Json) -> JsonObject:
    return {name: item for name, item in value.items() if name != "@context"}


def read(value: Json) -> JsonObject:
    return members(terms.message(canonical(value)))


# --- the vectors ------------------------------------------------------------------------------------------------------


def test_every_message_is_there_in_every_form() -> None:
    assert FOREIGN.keys() == VECTORS.keys() - {"version"}
    assert {form for _, form in FORMS} == {"expanded", "prefixed", "own prefixes"}


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_what_a_json_ld_processor_makes_of_a_message_is_that_message(name: str, form: str) -> None:
    assert FOREIGN[name][form] != VECTORS[name]
    assert read(FOREIGN[name][form]) == members(VECTORS[name])


@pytest.mark.parametrize("name", sorted(VECTORS.keys() - {"version"}))
def test_the_compact_form_is_handed_on_untouched(name: str) -> None:
    """The very object that was read: nothing is taken apart, nothing copied."""
    assert terms.plain(VECTORS[name]) is VECTORS[name]
    assert foreign.compacted(VECTORS[name], terms._NAMES) == VECTORS[name]


# --- any offer, in any mixture of spellings ---------------------------------------------------------------------------

SPACES: Final = {
    **dict.fromkeys(("consumerPid", "providerPid", "offer", "callbackAddress", "ContractRequestMessage"), "dspace"),
    **dict.fromkeys(("Offer", "target", "permission", "obligation", "action", "constraint", "duty"), "odrl"),
    **dict.fromkeys(("leftOperand", "operator", "rightOperand", "eq", "lteq", "isAnyOf", "lt"), "odrl"),
}
IRIS: Final = {"dspace": DSPACE, "odrl": ODRL}
REFERENCES: Final = frozenset({"consumerPid", "providerPid", "target", "action", "leftOperand", "operator"})


@st.composite
def respelt(draw: st.DrawFn, value: Json, name: str = "") -> Json:
    """The value with its members renamed and its values wrapped, one by one, as JSON-LD allows it."""
    if isinstance(value, dict):
        return {draw(spelling(key)): draw(respelt(item, key)) for key, item in value.items()}
    if isinstance(value, list):
        items = [draw(respelt(item, name)) for item in value]
        several = name not in foreign.SEVERAL and name != "rightOperand" and len(items) == 1
        return items[0] if several and draw(st.booleans()) else items
    if name == "@type":
        return [draw(spelling(value))] if draw(st.booleans()) else draw(spelling(value))
    if name == "@id" or name.startswith("@"):
        return value
    word = draw(spelling(value)) if name in {"action", "operator"} else value
    bare = word.replace(ODRL, "odrl:") if name == "leftOperand" and draw(st.booleans()) else word
    wrapped = {"@id": bare} if name in REFERENCES else {"@value": bare}
    alone = name != "rightOperand"
    return draw(st.sampled_from([bare, wrapped, [wrapped]] if alone else [bare, wrapped]))


def spelling(name: str) -> st.SearchStrategy[str]:
    space = SPACES.get(name)
    return st.sampled_from([name, f"{space}:{name}", IRIS[space] + name]) if space else st.just(name)


RULES = st.builds(
    lambda purpose, count, until, days: offer(
        use(purpose=purpose, count=count, until=until), delete_after=f"P{days}D" if days else None
    ),
    purpose=st.none() | st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
    count=st.none() | st.integers(1, 99),
    until=st.none() | st.just("2027-12-31"),
    days=st.integers(0, 9),
)


@given(policy=RULES, data=st.data())
def test_any_offer_in_any_spelling_is_the_same_offer(policy: Any, data: st.DataObject) -> None:
    request = ContractRequest("urn:c", None, Offer("urn:o", "urn:d", policy), "https://c/dsp", "CMS")
    wire = loads(dsp.encode(request))
    body = data.draw(respelt(members(wire)))
    assert dsp.decode(canonical(body), ContractRequest) == request
    assert dsp.decode(canonical([body]), ContractRequest) == request


NAMES = st.sampled_from(
    f"@id @type @value @context offer permission action rightOperand reason target state odrl:action {ODRL}permission"
    f" dspace:state x https://x/y {terms.SIGNS} accessService dataset".split()
)
LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "odrl:use", f"{DSPACE}AGREED"])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))


@given(TREES)
def test_compaction_is_total_and_what_looks_compact_is(tree: Json) -> None:
    """Any JSON: a value, or `InvalidInput`; what is handed on untouched is what taking it apart would make of it."""
    try:
        once = terms.plain(tree)
    except InvalidInput:
        return
    if once is tree and isinstance(tree, dict):
        assert foreign.compacted(tree, terms._NAMES) == tree


# --- contexts that come with the message ------------------------------------------------------------------------------


def event(context: Json, **more: Json) -> JsonObject:
    return {
        "@context": context,
        "@type": "ds:ContractNegotiationEventMessage",
        "ds:consumerPid": "c",
        "ds:providerPid": "p",
        "ds:eventType": "ds:ACCEPTED",
        **more,
    }


def test_prefixes_of_the_message_itself_are_understood() -> None:
    expected = members(VECTORS["accepted"]) | {"consumerPid": "c", "providerPid": "p"}
    assert read(event({"ds": DSPACE})) == expected
    assert read(event({"ds": {"@id": "dspace:", "@prefix": True}})) == expected
    assert read({"@context": {"ds": DSPACE}, "@graph": [members(event(None))]}) == expected


def test_a_prefix_that_nobody_explains_means_nothing() -> None:
    with pytest.raises(InvalidInput, match="ContractNegotiationEventMessage"):
        dsp.decode(canonical(event(None)), ContractAgreement)
    assert "eventType" not in read(event([]))


def test_a_vocabulary_of_its_own_gives_bare_names_another_meaning() -> None:
    bare = {"@vocab": "https://example.org/", "@base": "https://b/"}
    named = read({"@context": bare, "@type": f"{DSPACE}CatalogError", "code": "x", f"{DSPACE}code": "y"})
    assert (named["https://example.org/code"], named["code"]) == ("x", "y")
    within = {"@context": [terms.CONTEXT, bare], "@type": "CatalogError", "code": "x"}
    assert read(within)["code"] == "x", "the protocol's context is there: its terms are protected"


@pytest.mark.parametrize(
    "context",
    [
        {"offer": "https://example.org/offer"},
        {"odrl": "https://example.org/"},
        {"permission": {"@id": f"{ODRL}prohibition"}},
        [terms.CONTEXT, {"consumerPid": f"{DSPACE}providerPid"}],
    ],
)
def test_the_protocols_names_cannot_be_given_another_meaning(context: Json) -> None:
    with pytest.raises(InvalidInput, match="another meaning"):
        read({**VECTORS["request"], "@context": context})


def test_what_is_unknown_is_kept_as_it_came_and_means_nothing() -> None:
    odd = {"https://example.org/state": [{"@value": "AGREED"}, {"x": [1]}], "edc:state": "AGREED", "more": {"a": None}}
    assert read({**VECTORS["negotiation"], **odd}) == members(VECTORS["negotiation"]) | odd


# --- what others write by hand ----------------------------------------------------------------------------------------

JAVA_OFFER: Final = {
    "@id": "offer:1",
    "@type": "odrl:Offer",
    "odrl:permission": [],
    "odrl:prohibition": {"odrl:action": {"@id": "odrl:use"}, "odrl:constraint": []},
    "odrl:obligation": [],
    "odrl:target": {"@id": "asset:1", "@type": "odrl:Asset"},
    "odrl:profile": {"@id": "https://w3id.org/x/profile"},
    "dct:description": "a word for people",
    "https://example.org/ns/tag": [{"@value": "x"}],
}
"""As widely used connectors write it: every rule array, also empty; one item in place of an array."""


def test_empty_arrays_say_nothing_and_one_item_is_an_array() -> None:
    body = {**VECTORS["request"], "offer": JAVA_OFFER}
    request = dsp.decode(canonical(body), ContractRequest)
    assert (request.offer.target, len(request.offer.policy.prohibitions)) == ("asset:1", 1)
    assert dict(request.offer.extra) == {
        "profile": "https://w3id.org/x/profile",
        "http://purl.org/dc/terms/description": "a word for people",
        "https://example.org/ns/tag": "x",
    }
    again = json.loads(dsp.encode(request))["offer"]
    assert again["https://example.org/ns/tag"] == "x", "it goes back as it came"


@pytest.mark.parametrize("name", ["odrl:conflict", "conflict", f"{ODRL}inheritFrom", "constraint", "odrl:action"])
def test_what_changes_the_meaning_of_all_rules_is_not_passed_over(name: str) -> None:
    body = {**VECTORS["request"], "offer": {**JAVA_OFFER, name: "odrl:perm"}}
    with pytest.raises(InvalidInput, match="not part of the policies spoken here"):
        dsp.decode(canonical(body), ContractRequest)


def test_an_agreement_may_say_more_where_it_binds_nobody() -> None:
    agreement = {
        **VECTORS["agreement-unsigned"]["agreement"],
        "dct:title": "x",
        "profile": "https://w3id.org/x/profile",
    }
    message = dsp.decode(canonical({**VECTORS["agreement-unsigned"], "agreement": agreement}), ContractAgreement)
    asked = dsp.decode(canonical({**VECTORS["request"], "offer": JAVA_OFFER}), ContractRequest).offer
    check_understood(message.document, asked)
    with pytest.raises(Refused, match="profile"):
        check_understood(message.document)


def test_a_typed_time_is_a_time() -> None:
    stamp = {"@type": "xsd:dateTime", "@value": "2027-03-01T08:00:00Z"}
    agreement = {**VECTORS["agreement-unsigned"]["agreement"], "timestamp": stamp}
    message = dsp.decode(canonical({**VECTORS["agreement-unsigned"], "agreement": agreement}), ContractAgreement)
    assert message.agreement.timestamp == "2027-03-01T08:00:00Z"


def test_of_several_types_the_protocols_own_counts() -> None:
    dataset = {**VECTORS["dataset"], "@type": ["dcat:Dataset", "https://example.org/Timetable"]}
    assert dsp.decode_dataset(canonical(dataset)).id == VECTORS["dataset"]["@id"]
    two = {**VECTORS["request"], "@type": ["ContractRequestMessage", "ContractOfferMessage"]}
    with pytest.raises(InvalidInput, match="nothing that is a type"):
        dsp.decode(canonical(two), ContractRequest)
    odd = {**JAVA_OFFER, "@type": ["odrl:Offer", "https://example.org/StricterOffer"]}
    with pytest.raises(InvalidInput, match="an Offer is expected"):
        dsp.decode(canonical({**VECTORS["request"], "offer": odd}), ContractRequest)


def test_lists_and_sets_of_json_ld_are_arrays() -> None:
    within = {"xone": {"@list": [{"leftOperand": "odrl:count", "operator": "eq", "rightOperand": "1"}]}}
    rule = {"action": "use", "constraint": {"@set": [within]}}
    body = {**VECTORS["request"], "offer": {**VECTORS["request"]["offer"], "permission": rule}}
    assert read(body)["offer"]["permission"][0]["constraint"][0]["xone"][0]["leftOperand"] == f"{ODRL}count"


# --- catalogues -------------------------------------------------------------------------------------------------------


def test_one_bad_record_hides_no_other() -> None:
    good = VECTORS["dataset"]
    bad: list[Json] = [
        {"@type": "Dataset"},
        "urn:just:a:name",
        {**good, "@id": "urn:2", "hasPolicy": ["urn:offer:elsewhere"], "distribution": [{"accessService": "s"}]},
    ]
    body = {**VECTORS["catalog"], "dataset": [*bad, members(good)], "service": [{"@id": "s"}]}
    catalog = dsp.decode_catalog(canonical(body))
    assert [one.id for one in catalog.datasets] == ["urn:2", good["@id"]]
    assert (catalog.datasets[0].offers, len(catalog.datasets[0].unread)) == ((), 2)
    assert (catalog.services, len(catalog.unread)) == ((), 3)


@pytest.mark.parametrize("service", ["s", {"@id": "s"}, {"@id": "s", "@type": "dcat:DataService", "endpointURL": "u"}])
def test_a_distribution_names_its_service_or_holds_it(service: Json) -> None:
    way = {"dct:format": {"@id": "HttpData-PULL"}, "dcat:accessService": [service]}
    view = dsp.decode_dataset(canonical({**VECTORS["dataset"], "distribution": way}))
    endpoint = "u" if isinstance(service, dict) and len(service) > 1 else ""
    assert view.distributions == (dsp.Distribution("HttpData-PULL", "s", endpoint),)


# --- answers and secrets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b'[{"message": "no such asset", "type": "ObjectNotFound"}]', "no such asset"),
        (b'{"title": "Bad Request", "detail": "the policy is not known", "status": 400}', "the policy is not known"),
        (canonical(FOREIGN["transfer-error"]["expanded"]), "not-found: there is no such agreement"),
    ],
)
def test_why_a_peer_refused_is_read_from_any_form_of_error(body: bytes, said: str) -> None:
    assert dsp.read_reason(body) == said


@pytest.mark.parametrize("form", ["expanded", "prefixed", "own prefixes"])
def test_a_secret_hides_behind_no_spelling(form: str) -> None:
    body = canonical(FOREIGN["transfer-start"][form])
    kept = dsp.without_secrets(body)
    assert b"Bearer x" in body
    assert b"Bearer x" not in kept
    address = dsp.decode(kept, TransferStart).address
    assert address is not None
    assert address.get("authorization").startswith("sha256:")
    assert dsp.without_secrets(canonical(VECTORS["transfer-restart"])) == canonical(VECTORS["transfer-restart"])
