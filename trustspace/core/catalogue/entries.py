"""数据产品登记: how a data product gets into the catalogue of a functional node, as a table and pure functions.

TC609-6-2025-11, 7.2.4: submitted → returned and submitted again, or approved and coded (赋码) → listed (上架) →
delisted (下架) → revoked (撤销). A change of what was reviewed is reviewed again under the same code; a new delivery of
the same product (another size, another edition) is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from trustspace.core.catalogue.codes import (
    DELIVERY_FORMS,
    UPDATE_FREQUENCIES,
    check_code,
    check_security,
    check_topic,
)
from trustspace.core.catalogue.terms import terms
from trustspace.core.errors import InvalidInput
from trustspace.core.identifiers import Kind, check_place
from trustspace.core.machine import Machine
from trustspace.core.record import Record


class State(StrEnum):
    """Where an entry stands."""

    SUBMITTED = "SUBMITTED"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    LISTED = "LISTED"
    DELISTED = "DELISTED"
    REVOKED = "REVOKED"


class Actor(StrEnum):
    """Who moves it."""

    OWNER = "owner"
    NODE = "node"


class Verb(StrEnum):
    """What is done to it."""

    SUBMIT = "submit"
    RETURN = "return"
    AMEND = "amend"
    REFRESH = "refresh"
    APPROVE = "approve"
    LIST = "list"
    DELIST = "delist"
    REVOKE = "revoke"


_CODED: Final = (State.APPROVED, State.LISTED, State.DELISTED)

MACHINE: Final[Machine[State, Actor, Verb]] = Machine(
    "catalogue",
    {
        (None, Actor.OWNER, Verb.SUBMIT): State.SUBMITTED,
        (State.SUBMITTED, Actor.NODE, Verb.RETURN): State.RETURNED,
        (State.SUBMITTED, Actor.NODE, Verb.APPROVE): State.APPROVED,
        (State.SUBMITTED, Actor.OWNER, Verb.AMEND): State.SUBMITTED,
        (State.SUBMITTED, Actor.OWNER, Verb.REVOKE): State.REVOKED,
        (State.RETURNED, Actor.OWNER, Verb.AMEND): State.SUBMITTED,
        (State.RETURNED, Actor.OWNER, Verb.REVOKE): State.REVOKED,
        (State.APPROVED, Actor.OWNER, Verb.LIST): State.LISTED,
        (State.APPROVED, Actor.NODE, Verb.LIST): State.LISTED,
        (State.LISTED, Actor.OWNER, Verb.DELIST): State.DELISTED,
        (State.LISTED, Actor.NODE, Verb.DELIST): State.DELISTED,
        (State.DELISTED, Actor.OWNER, Verb.LIST): State.LISTED,
        (State.DELISTED, Actor.NODE, Verb.LIST): State.LISTED,
        **{(state, Actor.OWNER, Verb.AMEND): State.SUBMITTED for state in _CODED},
        **{(state, Actor.OWNER, Verb.REFRESH): state for state in _CODED},
        **{(state, actor, Verb.REVOKE): State.REVOKED for state in _CODED for actor in Actor},
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What the owner says of its data product; `InvalidInput` names the field that cannot be.

    `industry` and `region` are four-character codes (`0054`, `3501`), `topic` 主题分类 (`B0300`), `delivery_form`,
    `update_frequency` and `security_level` are three-digit codes of `core.catalogue.codes`; `dataset` and `endpoint`
    say where it is negotiated (DSP dataset id and base URL), `offer` is the ODRL offer as canonical JSON text, `size`
    is in bytes, `edition` counts the deliveries from 1. A `restricted` product is offered to some only, so that its
    offer is not told here.
    """

    title: str
    dataset: str
    endpoint: str
    description: str = ""
    keywords: tuple[str, ...] = ()
    industry: str = ""
    region: str = ""
    topic: str = ""
    delivery_form: str = "001"
    update_frequency: str = ""
    security_level: str = "001"
    contains_personal_info: bool = False
    holder: str = ""
    offer: str = ""
    restricted: bool = False
    media_type: str = ""
    size: int = 0
    edition: int = 1

    def __post_init__(self) -> None:
        for where in ("title", "dataset", "endpoint"):
            if not getattr(self, where).strip():
                raise InvalidInput("this may not be empty", where=where)
        if self.industry:
            check_place(Kind.INDUSTRY_NODE, self.industry, where="industry")
        if self.region:
            check_place(Kind.REGIONAL_NODE, self.region, where="region")
        check_topic(self.topic)
        check_code(self.delivery_form, DELIVERY_FORMS, "delivery form")
        check_code(self.update_frequency, UPDATE_FREQUENCIES, "update frequency")
        check_security(self.security_level)
        if self.restricted and self.offer:
            raise InvalidInput("the offer of a restricted product is not for the catalogue", where="offer")
        if self.size < 0 or self.edition < 1:
            raise InvalidInput("a size counts from 0 and an edition from 1", where="size, edition")

    @property
    def terms(self) -> frozenset[str]:
        """What it is found by."""
        return terms(self.title, self.description, self.holder, self.industry, self.topic, *self.keywords)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history: the state reached, when, by whom, and why."""

    state: State
    time: datetime
    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Record):
    """目录条目 of a data product: `owner` is its connector's 32-character identifier, `code` its own once approved.

    `owner_name` is the organisation's name when it was submitted, `owner_did` its participant id then.
    """

    KIND: ClassVar[str] = "entry"
    INDEX: ClassVar[tuple[str, ...]] = ("state", "owner", "code")

    state: State
    owner: str
    owner_name: str
    owner_did: str
    product: Product
    code: str = ""
    reason: str = ""
    created: datetime
    changed: datetime
    history: tuple[Step, ...] = ()

    @property
    def terms(self) -> frozenset[str]:
        """What a search finds it by: nothing unless it is listed."""
        if self.state is not State.LISTED:
            return frozenset()
        return self.product.terms | terms(self.owner_name) | {self.code.casefold()}


def submit(product: Product, *, key: str, owner: str, owner_name: str, owner_did: str, now: datetime) -> Entry:
    """登记: submit a product for review."""
    state = MACHINE.after(None, Actor.OWNER, Verb.SUBMIT)
    entry = Entry(
        key=key,
        state=state,
        owner=owner,
        owner_name=owner_name,
        owner_did=owner_did,
        product=product,
        created=now,
        changed=now,
    )
    return replace(entry, history=(Step(state, now, Actor.OWNER),))


def update(entry: Entry, product: Product, *, now: datetime) -> Entry:
    """更新: say something else of the product.

    What was reviewed is reviewed again, out of the catalogue until then; a new delivery alone (`size`, `media_type`,
    `edition`, `endpoint`) changes nothing of the state once there is a code, nor does taking the offer back to where
    only some see it.
    """
    delivered = entry.state in _CODED and _same_but_delivery(entry.product, product)
    verb = Verb.REFRESH if delivered else Verb.AMEND
    return replace(_moved(entry, Actor.OWNER, verb, now), product=product)


def return_(entry: Entry, reason: str, *, by: str, now: datetime) -> Entry:
    """退回: hand it back with the reason, which has to be there."""
    return _moved(entry, Actor.NODE, Verb.RETURN, now, who=by, reason=_reason(reason))


def approve(entry: Entry, code: str, *, by: str, now: datetime) -> Entry:
    """Approve it and assign its code (赋码); one that it has stays."""
    return replace(_moved(entry, Actor.NODE, Verb.APPROVE, now, who=by), code=entry.code or code)


def list_(entry: Entry, *, actor: Actor, now: datetime, by: str = "") -> Entry:
    """上架: let it be found."""
    return _moved(entry, actor, Verb.LIST, now, who=by)


def delist(entry: Entry, reason: str, *, actor: Actor, now: datetime, by: str = "") -> Entry:
    """下架: let it be found no more; the node has to say why."""
    return _moved(entry, actor, Verb.DELIST, now, who=by, reason=_reason(reason) if actor is Actor.NODE else reason)


def revoke(entry: Entry, reason: str, *, actor: Actor, now: datetime, by: str = "") -> Entry:
    """撤销: end it, with the reason; the entry stays as history."""
    return _moved(entry, actor, Verb.REVOKE, now, who=by, reason=_reason(reason))


def _same_but_delivery(before: Product, after: Product) -> bool:
    held_back = ("restricted", "offer") if after.restricted else ()
    delivery = {name: getattr(after, name) for name in ("size", "media_type", "edition", "endpoint", *held_back)}
    return replace(before, **delivery) == after


def _moved(entry: Entry, actor: Actor, verb: Verb, now: datetime, *, who: str = "", reason: str = "") -> Entry:
    state = MACHINE.after(entry.state, actor, verb)
    step = Step(state, now, who or actor, reason)
    return replace(entry, state=state, changed=now, reason=reason, history=(*entry.history, step)[-50:])


def _reason(text: str) -> str:
    if not text.strip():
        raise InvalidInput("this may not be empty", where="reason")
    return text
