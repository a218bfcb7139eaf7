"""Publishing data products, searching the functional node, reading offers."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from mimetypes import guess_type
from typing import Any

import anyio

from trustspace.core.canon import canonical
from trustspace.core.catalogue import Entry, Product, access_rule
from trustspace.core.catalogue.entries import State
from trustspace.core.catalogue.published import Published, registered, updated
from trustspace.core.contract import REQUIRES, Offer, offer_to_json
from trustspace.core.errors import Conflict, InvalidInput, NotFound, Refused, StorageFull, TrustspaceError
from trustspace.core.policy import check_enforceable, from_odrl, to_odrl
from trustspace.node import views as v
from trustspace.node.browsing import browse
from trustspace.node.doing.base import Doing, clause_views, page
from trustspace.node.showcase import CODE
from trustspace.ports import Answer, Content, Tx
from trustspace.protocols import dsp
from trustspace.services.exchange import Caller
from trustspace.services.logging import log
from trustspace.services.negotiation import published
from trustspace.services.shelves import keep
from trustspace.services.signatures import REQUIRED, Signer
from trustspace.services.transfer import DIGEST, SIZE

CATALOGUE = dsp.encode(dsp.CatalogRequest())
NO_ROOM = 28
WITHDRAWN = "withdrawn by its owner"


class ProductDoing(Doing):
    """`publish`, `products`, `product`, `update`, `withdraw`, `search`, `show`, and the files behind them."""

    async def put_file(self, name: str, chunks: AsyncIterator[bytes]) -> dict[str, Any]:
        """Store content under its SHA-256; whole or not at all."""
        part = self.engine.folder.files / f".{secrets.token_hex(8)}.part"
        try:
            size = await _write(part, chunks)
            content = await self.engine.source.describe(part.name)
            await anyio.Path(part).replace(self.engine.folder.files / content.digest)
        except OSError as error:
            kind = StorageFull if error.errno == NO_ROOM else NotFound
            raise kind(f"the file could not be stored: {error.strerror}", where=name) from error
        finally:
            await anyio.Path(part).unlink(missing_ok=True)
        return {"file": f"{content.digest}/{name}", "digest": content.digest, "size": size}

    async def publish(self, request: v.ProductRequest) -> v.ProductView:
        """Publish a product: submitted to the functional node; the same key again is the same product."""
        self.check_registered()
        policy = from_odrl(request.offer, where="offer")
        check_enforceable(policy)
        known = await self._by_key(request.key)
        if known is None:
            known = await self._new(request, canonical(to_odrl(policy)).decode())
        return await self._submitted(known)

    async def _new(self, request: v.ProductRequest, policy: str) -> Published:
        content, now, ids = await self._content(request.file), self.engine.steady.now(), self.engine.ids
        product = Published(
            key=request.dataset or ids.uuid(),
            offer=request.offer_id or ids.uuid(),
            policy=policy,
            title=request.title,
            description=request.description,
            keywords=tuple(request.keywords),
            industry=request.industry,
            topic=request.topic,
            update_frequency=request.update_frequency,
            licence=request.licence,
            signatures=request.signatures,
            manual="manual" in (request.approval, self.engine.settings.approval),
            visible_to=access_rule(request.visible_to),
            tag=request.key,
            reference=content.digest,
            name=content.name,
            digest=content.digest,
            size=content.size,
            media_type=content.media_type,
            created=now,
            changed=now,
        )
        self._entry_of(product)  # every field is checked before anything is kept
        taken = await self.read(lambda tx: tx.get(Published, request.dataset)) if request.dataset else None
        if taken is not None:
            raise Conflict("there is a product of this id here", where="dataset", hint="publish its new version")
        return await self.engine.store.run(lambda tx: _save_version(tx, None, product))

    async def _submitted(self, product: Published) -> v.ProductView:
        if product.entry or product.state == "delisted":
            return product_view(product)
        if self.engine.settings.open:
            return product_view(await self._listed(product))
        try:
            entry = await self.engine.registry.submit_product(self._entry_of(product))
        except InvalidInput as error:
            now = self.engine.steady.now()
            back = registered(product, state="returned", code="", entry="", reason=str(error), now=now)
            await self.engine.store.run(lambda tx: keep(tx, back, expect=product.version))
            raise
        return product_view(await self._take(product, entry))

    async def _listed(self, product: Published) -> Published:
        """On an open test network nobody reviews: what is published is listed."""
        if product.state == "listed":
            return product
        now = self.engine.clock.now()
        listed = registered(product, state="listed", code="", entry="", reason="", now=now)
        return await self.engine.store.run(lambda tx: keep(tx, listed, expect=product.version))

    async def products(self) -> list[v.ProductView]:
        """Own products."""
        return [product_view(one) for one in await self.read(lambda tx: tx.find(Published, limit=100_000))]

    async def product(self, name: str) -> v.ProductView:
        """One of them, as the functional node sees it now."""
        return await self._submitted(await self._fresh(await self._own(name)))

    async def update(self, name: str, request: v.UpdateRequest) -> v.ProductView:
        """A new version, which running contracts cover, or others who may see the offer from now on, or both."""
        product = await self._own(name)
        new = await self._updated(product, request)
        if new == product and request.visible_to is None:
            return product_view(product)
        if new != product:
            product = await self.engine.store.run(lambda tx: _save_version(tx, product, new))
        if product.entry:  # also where nothing is new here: the functional node may not have heard of it last time
            entry = await self.engine.registry.update_product(product.entry, self._entry_of(product))
            product = await self._take(product, entry)
        return product_view(product)

    async def _updated(self, product: Published, request: v.UpdateRequest) -> Published:
        if request.visible_to is not None:
            rule, now = access_rule(request.visible_to), self.engine.clock.now()
            product = product if rule == product.visible_to else replace(product, visible_to=rule, changed=now)
        if not request.file:
            return product
        content = await self._content(request.file)
        if content.digest == product.digest:
            return product
        return updated(
            product,
            reference=content.digest,
            name=content.name,
            digest=content.digest,
            size=content.size,
            media_type=content.media_type,
            now=self.engine.steady.now(),
        )

    async def withdraw(self, name: str) -> v.ProductView:
        """Take it off the market; contracts that run go on."""
        product = await self._fresh(await self._own(name))
        if product.state == "delisted":
            return product_view(product)
        if not product.entry:
            gone = registered(
                product, state="delisted", code="", entry="", reason=WITHDRAWN, now=self.engine.steady.now()
            )
            return product_view(await self.engine.store.run(lambda tx: keep(tx, gone, expect=product.version)))
        registry = self.engine.registry
        withdraw = registry.delist_product if product.state == "listed" else registry.revoke_product
        return product_view(await self._take(product, await withdraw(product.entry, WITHDRAWN)))

    async def _fresh(self, product: Published) -> Published:
        """The product as the functional node sees it now."""
        if not product.entry:
            return product
        return await self._take(product, await self.engine.registry.product_status(product.entry))

    async def search(self, *, q: str = "", offset: str = "0", limit: str = "20") -> v.EntryPage:
        """Search the functional node's catalogue."""
        start, most = page(offset, limit)
        found = await self.engine.registry.search(q, offset=start, limit=min(most, 100))
        owners = {one.owner for one in found.results}
        signing = await self.read(lambda tx: {owner for owner in owners if tx.find(Signer, limit=1, identifier=owner)})
        results = [
            entry_view(one).model_copy(update={"owner_signs": "yes"} if one.owner in signing else {})
            for one in found.results
        ]
        return v.EntryPage(total=found.total, offset=start, results=results)

    async def show(self, code: str) -> v.OfferView:
        """A product's offer, read at the provider and explained."""
        return (await self.offer(code))[0]

    async def offer(self, code: str) -> tuple[v.OfferView, Offer, Caller]:
        """The view of an offer, the offer itself, and who makes it."""
        entry = await self.engine.registry.product(code)
        provider = await self.engine.directory.known(entry.owner)
        url = dsp.join(provider.endpoint + dsp.BASE, f"/catalog/datasets/{entry.product.dataset}")
        answer = await self.engine.send("GET", url, provider.participant, new=True)
        if answer.status != 200:
            raise NotFound(f"the provider says: {dsp.read_reason(answer.body)}", where=code)
        dataset = dsp.decode_dataset(answer.body)
        if not dataset.offers:
            raise Refused(f"its offer is not understood here: {'; '.join(dataset.unread)}", where=code)
        return _offer_view(dataset, provider, entry.code, entry.product.title), dataset.offers[0], provider

    async def offers(self, participant: str) -> list[v.OfferView]:
        """Everything that a participant (DID or identifier) offers us, read from its catalogue page by page."""
        provider = await self.engine.directory.known(participant)

        async def ask(url: str, limit: int) -> Answer:
            packed = {"accept-encoding": "gzip"}
            return await self.engine.send(
                "POST", url, provider.participant, CATALOGUE, new=True, also=packed, limit=limit
            )

        found = await browse(ask, dsp.join(provider.endpoint + dsp.BASE, "/catalog/request"))
        return [_offer_view(one, provider, dict(one.extra).get(CODE, ""), one.title) for one in found]

    def _entry_of(self, product: Published) -> Product:
        offer = offer_to_json(published(product), with_target=False)
        return Product(
            title=product.title,
            dataset=product.key,
            endpoint=self.engine.base,
            description=product.description,
            keywords=product.keywords,
            industry=product.industry,
            topic=product.topic,
            update_frequency=product.update_frequency,
            holder=self.engine.settings.name,
            offer="" if product.visible_to else canonical(offer).decode(),
            restricted=bool(product.visible_to),
            media_type=product.media_type,
            size=product.size,
            edition=product.version_number,
        )

    async def _take(self, product: Published, entry: Entry) -> Published:
        seen = registered(
            product,
            state="delisted" if entry.state is State.REVOKED else entry.state.value.lower(),
            code=entry.code,
            entry=entry.key,
            reason=entry.reason,
            now=self.engine.steady.now(),
        )
        if replace(seen, changed=product.changed) == product:
            return product
        return await self.engine.store.run(lambda tx: keep(tx, seen, expect=product.version))

    async def _content(self, file: str) -> Content:
        reference, _, name = file.partition("/")
        content = await self.engine.source.describe(reference)
        kind = guess_type(name)[0] or "application/octet-stream"
        return Content(content.digest, content.size, kind, name or reference)

    async def _own(self, name: str) -> Published:
        product = await self.read(lambda tx: tx.get(Published, name) or next(iter(tx.find(Published, code=name)), None))
        if product is None:  # its code may have been assigned since we last looked
            product = next((one for one in await self._uncoded() if one.code == name), None)
        if product is None:
            raise NotFound("you have no such product", where=name, hint="give its urn:uuid or its 32-character code")
        return product

    async def _uncoded(self) -> list[Published]:
        """Our products that had no code when we last looked, as they are now."""
        waiting = await self.read(lambda tx: tx.find(Published, code="", limit=1000))
        return [await self._fresh(one) for one in waiting]

    async def _by_key(self, key: str) -> Published | None:
        return await self.read(lambda tx: next(iter(tx.find(Published, tag=key)), None)) if key else None


async def _write(part: os.PathLike[str], chunks: AsyncIterator[bytes]) -> int:
    size = 0
    async with await anyio.open_file(part, "xb") as file:
        async for chunk in chunks:
            size += await file.write(chunk)
        await file.flush()
        await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
    return size


def _save_version(tx: Tx, before: Published | None, product: Published) -> Published:
    """Save it, and say in the log what its content is from now on."""
    saved = keep(tx, product, expect=product.version)
    if before is None or before.version_number != saved.version_number:
        data = {"product": saved.key, "version": saved.version_number, "digest": saved.digest, "size": saved.size}
        log(tx, "product-published", time=saved.changed, subjects=(saved.key,), data=data)
    return saved


def _offer_view(dataset: dsp.DatasetView, provider: Caller, code: str, title: str) -> v.OfferView:
    """A dataset's first offer for people; what is not understood of it is the reason why it cannot be accepted."""
    offer, extra = next(iter(dataset.offers), None), dict(dataset.extra)
    reason, size = _objection(dataset, offer), extra.get(SIZE, "")
    return v.OfferView(
        code=code,
        title=title,
        provider=provider.participant,
        provider_name=provider.name,
        provider_identifier=provider.identifier,
        endpoint=provider.endpoint + dsp.BASE,
        dataset=dataset.id,
        offer=offer.id if offer else "",
        policy=to_odrl(offer.policy) if offer else {},
        clauses=clause_views(offer.policy) if offer else [],
        acceptable=not reason,
        reason=reason,
        size=int(size) if size.isdecimal() else None,
        digest=extra.get(DIGEST, ""),
        signatures="required" if offer and REQUIRES in dict(offer.extra) else "",
        provider_signs=provider.signs,
    )


def _objection(dataset: dsp.DatasetView, offer: Offer | None) -> str:
    """Why the offer cannot be accepted here; "" where it can."""
    if offer is None:
        return f"its offer is not understood here: {'; '.join(dataset.unread)}"
    try:
        check_enforceable(offer.policy)
    except TrustspaceError as error:
        return str(error)
    return ""


def product_view(product: Published) -> v.ProductView:
    """One of our products for people."""
    return v.ProductView(
        product=product.key,
        code=product.code,
        state=product.state,
        reason=product.reason,
        title=product.title,
        version=product.version_number,
        digest=product.digest,
        size=product.size,
        media_type=product.media_type,
        visible_to=list(product.visible_to),
        signatures="required" if product.signatures == REQUIRED else "optional" if product.signatures else "",
        created=product.created,
        changed=product.changed,
    )


def entry_view(entry: Entry) -> v.EntryView:
    """An entry of the catalogue for people."""
    product = entry.product
    return v.EntryView(
        code=entry.code,
        entry=entry.key,
        state=entry.state.value.lower(),
        title=product.title,
        description=product.description,
        keywords=list(product.keywords),
        owner=entry.owner,
        owner_name=entry.owner_name,
        industry=product.industry,
        topic=product.topic,
        endpoint=product.endpoint,
        dataset=product.dataset,
        reason=entry.reason,
        restricted=product.restricted,
        version=product.edition,
        changed=entry.changed,
    )
