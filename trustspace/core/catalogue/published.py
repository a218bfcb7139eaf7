"""A connector's own data product (数据产品): what it is, its offer, its file, and how its registration stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final

from trustspace.core.canon import loads
from trustspace.core.catalogue.access import AccessRule, Visitor, admits
from trustspace.core.policy import Policy, from_odrl
from trustspace.core.record import Record

LISTED: Final = "listed"
DELISTED: Final = "delisted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published(Record):
    """One product; the key is also the id of its DSP dataset.

    `policy` is the offer's ODRL as JSON text; `code` the 32-character identifier (数据产品标识码) once it was assigned;
    `entry` names it at the functional node; `reference` is the stored content of the present `version`. `visible_to`
    says who may see it, and is for nobody else's eyes.
    `signatures` says whether contracts about it must be signed: "required", "optional", or "" for what its owner does
    otherwise.
    """

    KIND: ClassVar[str] = "product"
    INDEX: ClassVar[tuple[str, ...]] = ("shelf", "code", "tag")

    offer: str
    policy: str
    title: str
    description: str = ""
    keywords: tuple[str, ...] = ()
    industry: str = ""
    topic: str = ""
    update_frequency: str = ""
    licence: str = ""
    manual: bool = False
    visible_to: AccessRule = ()
    signatures: str = ""
    state: str = "submitted"
    reason: str = ""
    code: str = ""
    entry: str = ""
    tag: str = ""
    version_number: int = 1
    reference: str
    name: str
    digest: str
    size: int
    media_type: str
    created: datetime
    changed: datetime

    @property
    def shelf(self) -> str:
        """What it is found by in the catalogue: its state, and for a listed one with an access rule that as well."""
        return shelf_of(self.visible_to) if self.state == LISTED else self.state

    def shown_to(self, visitor: Visitor) -> bool:
        """Whether it is on offer and the visitor may see it; for anybody else there is no such product."""
        return self.state != DELISTED and admits(self.visible_to, visitor)

    @property
    def terms(self) -> Policy:
        """The offer's policy, read."""
        return from_odrl(loads(self.policy.encode()))


def shelf_of(rule: AccessRule) -> str:
    """The shelf on which the listed products of an access rule stand."""
    return " ".join((LISTED, *rule))


def rule_of(shelf: str) -> AccessRule | None:
    """The access rule of a shelf of listed products; None for any other shelf."""
    state, *rule = shelf.split(" ")
    return tuple(rule) if state == LISTED else None


def updated(
    product: Published, *, reference: str, name: str, digest: str, size: int, media_type: str, now: datetime
) -> Published:
    """The product with new content: the same identifier, offer and contracts; the next version number."""
    return replace(
        product,
        reference=reference,
        name=name,
        digest=digest,
        size=size,
        media_type=media_type,
        version_number=product.version_number + 1,
        changed=now,
    )


def registered(product: Published, *, state: str, code: str, entry: str, reason: str, now: datetime) -> Published:
    """The product as the functional node sees it now."""
    return replace(
        product, state=state, code=code or product.code, entry=entry or product.entry, reason=reason, changed=now
    )
