"""数据产品登记 and 目录检索 at a functional node: owners submit, reviewers decide, all may search."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from trustspace.core import catalogue as core
from trustspace.core.canon import digest
from trustspace.core.catalogue import Actor, Entry, Product, Resolution, State, query_terms
from trustspace.core.errors import NotFound, Refused
from trustspace.core.evidence.leaves import leaf
from trustspace.core.identifiers import DEFAULT, Kind, Profile, parse
from trustspace.core.identity.registration import Application
from trustspace.ports import Clock, Leaf, Store, Tx
from trustspace.services.registration import RegistrationDesk

T = TypeVar("T")

Body = Callable[[Tx], Entry]


class CatalogueDesk:
    """The catalogue of a functional node; `desk` knows the owners and assigns the codes."""

    def __init__(self, store: Store, clock: Clock, desk: RegistrationDesk, *, profile: Profile = DEFAULT) -> None:
        self._store, self._clock, self._desk, self._profile = store, clock, desk, profile
        desk.at_revocation(self.hide)

    # what owners ask for: bodies, run by whoever keeps the message's number

    def submit(self, owner: str, product: Product) -> Body:
        """数据产品登记: submit a product; a dataset of an owner is one entry, the same again the same."""
        key, now = digest(f"{owner} {product.dataset}".encode())[:32], self._clock.now()

        def body(tx: Tx) -> Entry:
            application = self._desk.caller(tx, owner)
            if known := tx.get(Entry, key):
                return _same(known, product)
            entry = core.submit(
                product,
                key=key,
                owner=owner,
                owner_name=application.enterprise.enterprise_name,
                owner_did=application.requested.did,
                now=now,
            )
            return tx.save(entry, expect=0)

        return body

    def update(self, owner: str, key: str, product: Product) -> Body:
        """更新: another description is reviewed again; a new delivery of the same is not."""
        return self._own(owner, key, lambda entry, now: core.update(entry, product, now=now))

    def list_own(self, owner: str, key: str) -> Body:
        """上架."""
        return self._own(owner, key, lambda entry, now: core.list_(entry, actor=Actor.OWNER, now=now))

    def delist_own(self, owner: str, key: str, reason: str) -> Body:
        """下架."""
        return self._own(owner, key, lambda entry, now: core.delist(entry, reason, actor=Actor.OWNER, now=now))

    def revoke_own(self, owner: str, key: str, reason: str) -> Body:
        """撤销."""
        return self._own(owner, key, lambda entry, now: core.revoke(entry, reason, actor=Actor.OWNER, now=now))

    def own(self, tx: Tx, owner: str, key: str) -> Entry:
        """The owner's entry of that key; `NotFound` for another's as well."""
        entry = tx.get(Entry, key)
        if entry is None or entry.owner != owner:
            raise NotFound(f"you have no entry {key!r}", where="entryId")
        return entry

    # what anyone registered may ask

    def search(self, tx: Tx, text: str, *, offset: int = 0, limit: int = 20) -> tuple[list[Entry], int]:
        """数据目录检索: listed entries that have every word, newest first, and how many there are."""
        return tx.search(Entry, query_terms(text), after=offset, limit=limit)

    def product(self, tx: Tx, code: str) -> Entry:
        """数据产品详情: the listed product of that code; `NotFound`."""
        entry = self._coded(tx, code)
        if entry is None or entry.state is not State.LISTED:
            raise NotFound(f"no product {code!r} is listed here", where="productId")
        return entry

    def resolve(self, tx: Tx, text: str) -> Resolution:
        """标识解析: owner, address and entry of a connector's or product's identifier; `InvalidInput`, `NotFound`."""
        identifier = parse(text, profile=self._profile)
        entry = self._coded(tx, identifier.code) if identifier.kind is Kind.PRODUCT else None
        owner = entry.owner if entry else identifier.code
        found = tx.find(Application, identifier=owner, limit=1)
        if not found:
            raise NotFound(f"{text} is not registered at this node", where="identityCode")
        return _resolution(text, identifier.kind.word, found[0], entry)

    # what reviewers do

    async def find(self, name: str) -> Entry:
        """The entry of that key or code; `NotFound`."""
        return await self._store.read(lambda tx: self._named(tx, name))

    async def list(
        self, *, state: str = "", text: str = "", offset: int = 0, limit: int = 100
    ) -> tuple[list[Entry], int]:
        """Entries of one state or all, oldest first, or those listed that a search finds; and how many there are."""
        where = {"state": state} if state else {}

        def body(tx: Tx) -> tuple[list[Entry], int]:
            if text:
                return self.search(tx, text, offset=offset, limit=limit)
            return tx.find(Entry, after=offset, limit=limit, **where), tx.count(Entry, **where)

        return await self._store.read(body)

    async def return_(self, name: str, reason: str, *, by: str) -> Entry:
        """退回 with a reason that the owner will read."""
        return await self._review(name, lambda _, entry, now: core.return_(entry, reason, by=by, now=now))

    async def approve(self, name: str, *, by: str, and_list: bool = False) -> Entry:
        """Approve and code (赋码), and list at once where that is asked for; the owner must still be registered."""
        entry = await self.find(name)
        owner = await self._desk.find(entry.owner)
        code = entry.code or self._desk.assign(Kind.PRODUCT, owner.credit_code)

        def decide(tx: Tx, entry: Entry, now: datetime) -> Entry:
            self._desk.caller(tx, entry.owner)
            after = core.approve(entry, code, by=by, now=now)
            return core.list_(after, actor=Actor.NODE, by=by, now=now) if and_list else after

        return await self._review(entry.key, decide)

    async def delist(self, name: str, reason: str, *, by: str) -> Entry:
        """下架 by the node, with the reason."""
        return await self._review(
            name, lambda _, entry, now: core.delist(entry, reason, actor=Actor.NODE, by=by, now=now)
        )

    async def revoke(self, name: str, reason: str, *, by: str) -> Entry:
        """撤销 by the node, with the reason."""
        return await self._review(
            name, lambda _, entry, now: core.revoke(entry, reason, actor=Actor.NODE, by=by, now=now)
        )

    def hide(self, tx: Tx, owner: str, reason: str, by: str, now: datetime) -> None:
        """Take all that a revoked connector has listed off the catalogue, in the transaction of its revocation."""
        while entries := tx.find(Entry, owner=owner, state=State.LISTED):
            for entry in entries:
                self._save(tx, entry, core.delist(entry, reason, actor=Actor.NODE, by=by, now=now), now)

    def _own(self, owner: str, key: str, decide: Callable[[Entry, datetime], Entry]) -> Body:
        now = self._clock.now()

        def body(tx: Tx) -> Entry:
            self._desk.caller(tx, owner)
            before = self.own(tx, owner, key)
            return self._save(tx, before, decide(before, now), now)

        return body

    async def _review(self, name: str, decide: Callable[[Tx, Entry, datetime], Entry]) -> Entry:
        now = self._clock.now()

        def body(tx: Tx) -> Entry:
            before = self._named(tx, name)
            return self._save(tx, before, decide(tx, before, now), now)

        return await self._store.run(body)

    def _save(self, tx: Tx, before: Entry, after: Entry, now: datetime) -> Entry:
        """Save the entry, let the search know, and write to the log where it came on or went off the market."""
        saved = tx.save(after, expect=before.version)
        tx.index(Entry, saved.key, saved.terms)
        shown, shows = before.state is State.LISTED, after.state is State.LISTED
        if shows and (not shown or after.product != before.product):
            self._leaf(tx, "product-published", saved, now)
        if shown and not shows:
            self._leaf(tx, "product-withdrawn", saved, now)
        return saved

    @staticmethod
    def _leaf(tx: Tx, kind: str, entry: Entry, now: datetime) -> None:
        data = {"product": entry.code, "version": entry.product.edition, "owner": entry.owner, "reason": entry.reason}
        made = leaf(kind, time=now, subjects=(entry.code,), data=data)
        tx.evidence(Leaf(made.body, made.subjects))

    @staticmethod
    def _coded(tx: Tx, code: str) -> Entry | None:
        return next(iter(tx.find(Entry, code=code, limit=1)), None) if code else None

    def _named(self, tx: Tx, name: str) -> Entry:
        entry = tx.get(Entry, name) or self._coded(tx, name)
        if entry is None:
            raise NotFound(f"there is no entry {name!r}", where="catalogue", hint="list them first")
        return entry


def _same(known: Entry, product: Product) -> Entry:
    """The entry that the dataset has, where nothing else is said of it now."""
    if known.product == product and known.state is not State.REVOKED:
        return known
    hint = "publish it under a new dataset id" if known.state is State.REVOKED else "update that entry"
    raise Refused(f"the dataset is entry {known.key} ({known.state}) already", where="datasetId", hint=hint)


def _resolution(text: str, kind: str, owner: Application, entry: Entry | None) -> Resolution:
    listed = entry if entry and entry.state is State.LISTED else None
    return Resolution(
        identifier=text,
        kind=kind,
        owner_name=owner.enterprise.enterprise_name,
        owner_code=owner.credit_code,
        connector=owner.identifier,
        did=owner.requested.did,
        address=owner.requested.public_url,
        state=owner.state,
        entry=listed,
    )
