"""What is checked before one binds oneself: every altered leaf is named, with what was expected and what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trustspace.core.canon import JsonObject, canonical, loads_object
from trustspace.core.contract import (
    Agreement,
    Contract,
    ContractAgreement,
    Negotiation,
    Offer,
    Party,
    Role,
    State,
    agreement_bytes,
    agreement_to_json,
    check_agreement,
    check_exact_bytes,
    check_request,
    conclude,
    end,
    offer_to_json,
    party_members,
    read_agreement,
    read_offer,
)
from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput, Refused
from trustspace.core.policy import from_odrl

T0 = datetime(2027, 3, 1, 8, tzinfo=UTC)
RULES: JsonObject = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": "http://www.w3.org/ns/odrl/2/count", "operator": "lteq", "rightOperand": "10"},
                {
                    "leftOperand": "http://www.w3.org/ns/odrl/2/purpose",
                    "operator": "isAnyOf",
                    "rightOperand": ["trip-planning"],
                },
            ],
        }
    ]
}
OFFER = Offer("urn:offer:1", "urn:product:1", from_odrl(RULES))
PROVIDER = Party("did:web:bus.example", "P" * 32, "91140000000000000X")
CONSUMER = Party("did:web:planner.example", "C" * 32, "91140000000000001Y")
AGREEMENT = Agreement(
    id="urn:agreement:1",
    target=OFFER.target,
    assigner=PROVIDER.id,
    assignee=CONSUMER.id,
    timestamp="2027-03-01T16:00:01+08:00",
    policy=OFFER.policy,
    members=party_members(PROVIDER, CONSUMER, OFFER.id),
)


def negotiation(role: Role = Role.CONSUMER, offer: Offer | None = OFFER) -> Negotiation:
    terms = canonical(offer_to_json(offer, with_target=True)).decode() if offer else ""
    return Negotiation(
        key="n", role=role, peer="x", state=State.AGREED, terms=terms, created=T0, changed=T0 + timedelta(seconds=2)
    )


def altered(change: Callable[[JsonObject], object]) -> Offer:
    copy = loads_object(canonical(offer_to_json(OFFER, with_target=True)))
    change(copy)
    return read_offer(copy)


ALTERED: list[tuple[Callable[[JsonObject], object], str, str, str]] = [
    (lambda o: o.update({"@id": "urn:offer:2"}), "offer.@id", '"urn:offer:1"', '"urn:offer:2"'),
    (lambda o: o.update(target="urn:product:2"), "offer.target", '"urn:product:1"', '"urn:product:2"'),
    (lambda o: o["permission"][0].update(action="urn:x:sell"), "offer.permission[0].action", '"use"', '"urn:x:sell"'),
    (
        lambda o: o["permission"][0]["constraint"][0].update(rightOperand="11"),
        "offer.permission[0].constraint[0].rightOperand",
        '"10"',
        '"11"',
    ),
    (
        lambda o: o["permission"][0]["constraint"][1]["rightOperand"].append("resale"),
        "offer.permission[0].constraint[1].rightOperand[1]",
        "nothing",
        '"resale"',
    ),
    (
        lambda o: o["permission"][0]["constraint"].pop(),
        "offer.permission[0].constraint[1]",
        '{"leftOperand":"http://www.w3.org/ns/odrl/2/purpose","operator":"isAnyOf","rightOperand":["trip-planning"]}',
        "nothing",
    ),
    (
        lambda o: o.update(prohibition=[{"action": "urn:x:sell"}]),
        "offer.prohibition",
        "nothing",
        '[{"action":"urn:x:sell"}]',
    ),
]


@pytest.mark.parametrize(("change", "path", "expected", "got"), ALTERED)
def test_each_altered_leaf_of_a_request_is_named(
    change: Callable[[JsonObject], object], path: str, expected: str, got: str
) -> None:
    with pytest.raises(Refused) as caught:
        check_request(altered(change), OFFER)
    assert str(caught.value) == f"{path}: expected {expected}, got {got}"


def test_the_order_of_constraints_is_no_difference() -> None:
    check_request(altered(lambda offer: offer["permission"][0]["constraint"].reverse()), OFFER)


@pytest.mark.parametrize(
    ("role", "me", "peer"), [(Role.CONSUMER, CONSUMER, PROVIDER), (Role.PROVIDER, PROVIDER, CONSUMER)]
)
def test_an_honest_agreement_passes_on_both_sides(role: Role, me: Party, peer: Party) -> None:
    check_agreement(negotiation(role), AGREEMENT, me=me, peer=peer)
    bare = replace(AGREEMENT, members={})
    check_agreement(negotiation(role), bare, me=me, peer=peer, now=T0 + timedelta(minutes=9))


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"target": "urn:product:2"}, "agreement.target"),
        ({"assigner": CONSUMER.id}, "agreement.assigner"),
        ({"assignee": "did:web:stranger.example"}, "agreement.assignee"),
        ({"id": OFFER.id}, "agreement.@id"),
        ({"policy": from_odrl({"permission": [{"action": "use"}]})}, "agreement.permission[0].constraint"),
        ({"timestamp": ""}, "agreement.timestamp"),
        ({"timestamp": "2027-03-01T08:00:01"}, "agreement.timestamp"),
        ({"timestamp": "2027-03-01T07:54:59Z"}, "agreement.timestamp"),
        ({"timestamp": "2027-03-01T08:05:03Z"}, "agreement.timestamp"),
        (
            {"members": party_members(PROVIDER, CONSUMER, "urn:offer:2")},
            "agreement.urn:trustspace:v1:offer",
        ),
        (
            {"members": party_members(PROVIDER, replace(CONSUMER, identifier="X" * 32), OFFER.id)},
            "agreement.urn:trustspace:v1:consumerIdentifier",
        ),
        (
            {"members": party_members(replace(PROVIDER, credit_code=""), CONSUMER, OFFER.id)},
            "agreement.urn:trustspace:v1:providerCreditCode",
        ),
    ],
)
def test_each_altered_leaf_of_an_agreement_is_named(wrong: dict[str, object], path: str) -> None:
    bad = replace(AGREEMENT, **wrong)  # type: ignore[arg-type]  # fields of several types, one at a time
    with pytest.raises(Refused) as caught:
        check_agreement(negotiation(), bad, me=CONSUMER, peer=PROVIDER)
    assert caught.value.where == path


def test_an_agreement_without_an_offer_is_refused() -> None:
    with pytest.raises(Refused, match="no offer"):
        check_agreement(negotiation(offer=None), AGREEMENT, me=CONSUMER, peer=PROVIDER)


def test_the_signed_bytes_are_the_agreement_in_the_message() -> None:
    document = agreement_bytes(AGREEMENT)
    check_exact_bytes(document, document)
    other = agreement_bytes(replace(AGREEMENT, target="urn:product:2"))
    with pytest.raises(Refused) as caught:
        check_exact_bytes(document, other)
    assert str(caught.value) == 'agreement.target: expected "urn:product:1", got "urn:product:2"'
    with pytest.raises(Refused, match="not in canonical form"):
        check_exact_bytes(b" " + document, document)
    with pytest.raises(Refused, match="not JSON"):
        check_exact_bytes(b"{", document)


def test_a_foreign_agreement_may_do_without_a_time_and_ours_may_not() -> None:
    check_agreement(negotiation(), replace(AGREEMENT, timestamp="", members={}), me=CONSUMER, peer=PROVIDER)
    with pytest.raises(Refused, match="timestamp"):
        check_agreement(negotiation(), replace(AGREEMENT, timestamp=""), me=CONSUMER, peer=PROVIDER)


def test_offers_and_agreements_are_read_as_they_are_written() -> None:
    rich = replace(OFFER, extra=(("assigner", PROVIDER.id), ("urn:trustspace:v1:note", "x")))
    assert read_offer(offer_to_json(rich, with_target=True)) == rich
    inside = offer_to_json(rich, with_target=False)
    assert "target" not in inside
    assert read_offer(inside, target=OFFER.target) == rich
    assert read_agreement(agreement_to_json(AGREEMENT)) == AGREEMENT
    foreign = replace(AGREEMENT, timestamp="", members={})
    assert read_agreement(agreement_to_json(foreign)) == foreign


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([], "offer"),
        ({**RULES, "@id": "x", "@type": "Agreement"}, "offer.@type"),
        ({**RULES, "@type": "Offer", "@id": 3}, "offer.@id"),
        ({**RULES, "@type": "Offer", "@id": "x", "target": ""}, "offer.target"),
    ],
)
def test_what_is_no_offer_is_named(value: object, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_offer(value)
    assert caught.value.where == where


def test_the_message_carries_the_exact_bytes_only_with_a_signature() -> None:
    signed = ContractAgreement.of("c", "p", AGREEMENT, b"p7s")
    assert signed.signed == signed.document == agreement_bytes(AGREEMENT)
    assert ContractAgreement.of("c", "p", AGREEMENT).signed is None


def concluded(signature: str) -> Contract:
    text = agreement_bytes(AGREEMENT).decode()
    done = replace(negotiation(), agreement=text, provider_signature="cDdz", consumer_signature=signature)
    return conclude(done, now=T0, title="城市公交时刻表")


def test_a_contract_keeps_what_was_signed_and_says_whether_it_was() -> None:
    contract = concluded("cDdz")
    assert (contract.key, contract.target, contract.peer) == ("urn:agreement:1", "urn:product:1", "x")
    assert (contract.signed, contract.status, contract.title) == ("both", "active", "城市公交时刻表")
    assert contract.agreed == AGREEMENT
    assert len(contract.digest) == 64
    assert concluded("").signed == "unsigned"


def test_a_contract_ends_once() -> None:
    ended = end(concluded(""), "did:web:bus.example", "no longer offered", T0)
    assert (ended.status, ended.ended_by, ended.ended_reason, ended.ended_at) == (
        "ended",
        "did:web:bus.example",
        "no longer offered",
        T0,
    )
    with pytest.raises(Conflict):
        end(ended, "x", "y", T0)


def test_there_is_no_contract_without_an_agreement() -> None:
    with pytest.raises(IllegalTransition):
        conclude(negotiation(), now=T0)
