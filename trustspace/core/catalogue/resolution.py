"""标识解析: what a functional node knows of an identifier: who owns it, where it is reached, and its entry."""

from __future__ import annotations

from dataclasses import dataclass

from trustspace.core.catalogue.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The answer for one identifier.

    `kind` is what it names (`connector`, `product`), `owner_name` and `owner_code` the organisation and its
    统一社会信用代码, `connector` the 32-character identifier that answers for it, `did` and `address` where that
    is now; `state` that of the identity; `entry` the product where it is one.
    """

    identifier: str
    kind: str
    owner_name: str
    owner_code: str
    connector: str
    did: str
    address: str
    state: str
    entry: Entry | None = None
