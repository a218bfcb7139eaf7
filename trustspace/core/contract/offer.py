"""Offers (要约) and agreements (合约) as values, their ODRL spelling, and the bytes of an agreement that are signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical
from trustspace.core.errors import InvalidInput
from trustspace.core.policy import Policy, from_odrl, to_odrl
from trustspace.core.policy.model import ODRL

OURS: Final = "urn:trustspace:v1:"
"""The namespace of the members that the protocol does not have; others ignore what they do not know."""
PROVIDER_IDENTIFIER: Final = f"{OURS}providerIdentifier"
PROVIDER_CREDIT_CODE: Final = f"{OURS}providerCreditCode"
CONSUMER_IDENTIFIER: Final = f"{OURS}consumerIdentifier"
CONSUMER_CREDIT_CODE: Final = f"{OURS}consumerCreditCode"
OFFER: Final = f"{OURS}offer"
REQUIRES: Final = f"{OURS}requiresSignatures"
"""In an offer: which signatures its contract must bear ("CMS"), where its provider will not do without."""
_WORDS: Final = frozenset(
    {"conflict", "inheritFrom", "inheritAllowed", "action", "constraint", "refinement", "duty", "remedy"}
    | {"consequence", "function", "relation", "failure", "partOf", "source", "scope", "implies", "includedIn"}
)
"""What ODRL 2.2 says of a whole policy, or of all its rules at once (compact policies); none of it is read here."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A policy on a target, by name; `target` is "" inside a catalogue, where the dataset is the target.

    `extra` holds further text members, sorted, that are kept and handed back and decide nothing here: `assigner`,
    `assignee`, `profile`, and those with an absolute name.
    """

    id: str
    target: str
    policy: Policy
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Party:
    """One side as an agreement names it: participant id (DID), 32-character identifier, 统一社会信用代码; or ""."""

    id: str
    identifier: str = ""
    credit_code: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides bind themselves to. `timestamp` is an xsd:dateTime ("" where a foreign agreement has none).

    `members` are the text members of our namespace, by absolute IRI: which identifiers and credit codes the parties
    have, and which offer this came from.
    """

    id: str
    target: str
    assigner: str
    assignee: str
    timestamp: str
    policy: Policy
    members: Mapping[str, str] = field(default_factory=dict, hash=False)


def offer_to_json(offer: Offer, *, with_target: bool) -> JsonObject:
    """The ODRL offer: with its target in messages, without in a catalogue (DSP 2025-1, contract-schema.json)."""
    target = {"target": offer.target} if with_target and offer.target else {}
    return {**dict(offer.extra), "@id": offer.id, "@type": "Offer", **target, **to_odrl(offer.policy)}


def read_offer(value: Json, *, target: str = "", where: str = "offer") -> Offer:
    """The offer in an ODRL object, `target` where it names none; `InvalidInput` names the member that is wrong."""
    members = _object(value, where)
    if members.get("@type") != "Offer":
        raise InvalidInput("an Offer is expected", where=f"{where}.@type")
    refuse_unread(members, where)
    kept = {name: item for name, item in members.items() if _is_extra(name) and isinstance(item, str)}
    return Offer(
        id=_text(members, "@id", where),
        target=_text(members, "target", where) if "target" in members else target,
        policy=from_odrl(_rules(members), where=where),
        extra=tuple(sorted(kept.items())),
    )


def agreement_to_json(agreement: Agreement) -> JsonObject:
    """The ODRL agreement with our members beside."""
    stamp = {"timestamp": agreement.timestamp} if agreement.timestamp else {}
    return {
        **agreement.members,
        "@id": agreement.id,
        "@type": "Agreement",
        "target": agreement.target,
        "assigner": agreement.assigner,
        "assignee": agreement.assignee,
        **stamp,
        **to_odrl(agreement.policy),
    }


def agreement_bytes(agreement: Agreement) -> bytes:
    """The bytes that both sides sign: RFC 8785 of the ODRL agreement."""
    return canonical(agreement_to_json(agreement))


def read_agreement(value: Json, *, where: str = "agreement") -> Agreement:
    """The agreement in an ODRL object; `InvalidInput` names the member that is wrong."""
    members = _object(value, where)
    return Agreement(
        id=_text(members, "@id", where),
        target=_text(members, "target", where),
        assigner=_text(members, "assigner", where),
        assignee=_text(members, "assignee", where),
        timestamp=_text(members, "timestamp", where) if "timestamp" in members else "",
        policy=from_odrl(_rules(members), where=where),
        members={name: item for name, item in members.items() if name.startswith(OURS) and isinstance(item, str)},
    )


def party_members(provider: Party, consumer: Party, offer: str = "") -> dict[str, str]:
    """The members of our namespace that name the parties and the offer; what is unknown is left out."""
    members = {
        PROVIDER_IDENTIFIER: provider.identifier,
        PROVIDER_CREDIT_CODE: provider.credit_code,
        CONSUMER_IDENTIFIER: consumer.identifier,
        CONSUMER_CREDIT_CODE: consumer.credit_code,
        OFFER: offer,
    }
    return {name: text for name, text in members.items() if text}


def refuse_unread(members: JsonObject, where: str) -> None:
    """Raise `InvalidInput` for a member beside the rules by which ODRL gives them another meaning."""
    for name in members:
        if name in _WORDS or name.startswith(ODRL):
            raise InvalidInput(f"the member {name!r} is not part of the policies spoken here", where=where)


def _is_extra(name: str) -> bool:
    return name in {"assigner", "assignee", "profile"} or (":" in name and not name.startswith("@"))


def _rules(members: JsonObject) -> JsonObject:
    return {name: members[name] for name in ("permission", "prohibition", "obligation") if name in members}


def _object(value: Json, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise InvalidInput("an object is expected", where=where)
    return value


def _text(members: JsonObject, name: str, where: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput("a text is expected", where=f"{where}.{name}")
    return value
