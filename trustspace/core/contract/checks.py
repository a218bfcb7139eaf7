"""Checks before one binds oneself: each names the exact leaf that differs, what was expected and what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NoReturn

from trustspace.core.canon import Json, canonical, loads
from trustspace.core.contract.exchange import Role
from trustspace.core.contract.negotiation import Negotiation
from trustspace.core.contract.offer import (
    CONSUMER_CREDIT_CODE,
    CONSUMER_IDENTIFIER,
    OFFER,
    PROVIDER_CREDIT_CODE,
    PROVIDER_IDENTIFIER,
    Agreement,
    Offer,
    Party,
    party_members,
)
from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy import Policy, to_odrl

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far the clocks of two parties may be apart."""
_ABOUT: Final = ("@id", "@type", "target", "assigner", "assignee", "timestamp")
_RULES: Final = ("permission", "prohibition", "obligation")
_OURS: Final = (PROVIDER_IDENTIFIER, PROVIDER_CREDIT_CODE, CONSUMER_IDENTIFIER, CONSUMER_CREDIT_CODE, OFFER)
_MEMBERS: Final = frozenset((*_ABOUT, *_RULES, *_OURS))
_TERMS: Final = "http://purl.org/dc/terms/"
DESCRIPTIVE: Final = frozenset(
    {"dct:title", "http://www.w3.org/2000/01/rdf-schema#label", "http://www.w3.org/2000/01/rdf-schema#comment"}
    | {f"{_TERMS}{name}" for name in ("title", "description", "created", "issued", "modified", "creator", "publisher")}
)
"""Members that only describe an agreement, for people: whatever they say, nobody is bound to anything by it."""


def check_request(requested: Offer, published: Offer) -> None:
    """The offer asked for is the one that is published: its id, its target and every rule; raises `Refused`."""
    _same("offer.@id", published.id, requested.id)
    _same("offer.target", published.target, requested.target)
    _same_policy("offer", published.policy, requested.policy)


def check_agreement(
    negotiation: Negotiation, agreement: Agreement, *, me: Party, peer: Party, now: datetime | None = None
) -> None:
    """The agreement is the last offer on the table, between us two; raises `Refused`, naming the leaf.

    Policy and target are compared with the offer, parties, id and time each by itself: the assigner is the provider,
    the id is not the offer's, the time lies between the start of the negotiation and `now` (by default the last change
    of it), give or take the clock tolerance. An agreement with members of ours names by them what is known of us both,
    and has its time; another one may do without.
    """
    offer = negotiation.offer
    if offer is None:
        raise Refused("there is no offer that this agreement could come from", where="agreement")
    provider, consumer = (me, peer) if negotiation.role is Role.PROVIDER else (peer, me)
    _same("agreement.target", offer.target, agreement.target)
    _same("agreement.assigner", provider.id, agreement.assigner)
    _same("agreement.assignee", consumer.id, agreement.assignee)
    if agreement.id == offer.id:
        raise Refused("an agreement has an id of its own, and this is the offer's", where="agreement.@id")
    _same_policy("agreement", offer.policy, agreement.policy)
    _same_members(agreement, party_members(provider, consumer, offer.id))
    if agreement.timestamp or agreement.members:
        _plausible(agreement.timestamp, negotiation.created, now or negotiation.changed)


def check_exact_bytes(signed: bytes, document: bytes) -> None:
    """The bytes that were signed say what the agreement in the message says; raises `Refused`, naming the leaf.

    `document` are the canonical bytes of the agreement in the message (`ContractAgreement.document`).
    """
    if signed == document:
        return
    try:
        meant = loads(signed, where="agreement")
    except InvalidInput as error:
        raise Refused(f"the signed bytes are not JSON: {error.what}", where="agreement") from error
    for path, expected, got in differences(meant, loads(document, where="agreement"), "agreement"):
        _differs(path, expected, got)
    raise Refused("the signed bytes are not in canonical form (RFC 8785)", where="agreement")


def check_understood(document: bytes, offer: Offer | None = None) -> None:
    """The agreement holds nothing that is not read here: what nobody understands is not signed; raises `Refused`.

    Its rules are read strictly anyway; this is for what stands beside them (`conflict`, `inheritFrom`, another type).
    A member may stand there unread where it only describes, or where the offer that was asked for held the very same.
    """
    members = loads(document, where="agreement")
    known = dict(offer.extra) if offer else {}
    _same("agreement.@type", "Agreement", str(members.get("@type", "")))
    for name, value in members.items():
        if name not in _MEMBERS and name not in DESCRIPTIVE and (value is None or known.get(name) != value):
            raise Refused(f"the member {name!r} is not part of the agreements signed here", where="agreement")


def differences(expected: Json, got: Json, path: str) -> Iterator[tuple[str, Json, Json]]:
    """The leaves in which two JSON values differ: path, what was expected (None: nothing), what stands there."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted(expected.keys() | got.keys()):
            yield from differences(expected.get(name), got.get(name), f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(got, list):
        for at in range(max(len(expected), len(got))):
            yield from differences(_item(expected, at), _item(got, at), f"{path}[{at}]")
    elif type(expected) is not type(got) or expected != got:
        yield path, expected, got


def _item(items: list[Json], at: int) -> Json:
    return items[at] if at < len(items) else None


def _same_policy(path: str, expected: Policy, got: Policy) -> None:
    """Policies are the same by their digest: what order means nothing in ODRL is no difference."""
    if expected.digest != got.digest:
        path, was, stands = next(differences(to_odrl(expected), to_odrl(got), path))
        _differs(path, was, stands)


def _same_members(agreement: Agreement, known: dict[str, str]) -> None:
    for name, text in known.items() if agreement.members else ():
        _same(f"agreement.{name}", text, agreement.members.get(name, ""))


def _same(path: str, expected: str, got: str) -> None:
    if expected != got:
        _differs(path, expected, got)


def _differs(path: str, expected: Json, got: Json) -> NoReturn:
    raise Refused(f"expected {_shown(expected)}, got {_shown(got)}", where=path)


def _shown(value: Json) -> str:
    return "nothing" if value in (None, "") else canonical(value).decode()


def _plausible(timestamp: str, earliest: datetime, latest: datetime) -> None:
    where = "agreement.timestamp"
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError as error:
        raise Refused(f"{timestamp!r} is not a time", where=where) from error
    if moment.tzinfo is None:
        raise Refused("a time without its offset from UTC", where=where)
    if not earliest - CLOCK_TOLERANCE <= moment <= latest + CLOCK_TOLERANCE:
        raise Refused(f"{timestamp} is not the time of this negotiation", where=where, hint="are both clocks right?")
