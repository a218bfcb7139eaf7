"""The catalogue end to end: submitted, returned, approved and coded, listed, found, resolved, taken off."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from trustspace.core.catalogue import Product, State
from trustspace.core.errors import Forbidden, IllegalTransition, InvalidInput, NotFound, Refused
from trustspace.core.identifiers import Kind, parse
from trustspace.testing.registry import Company, Registry

BUS = "91350100M000100Y43"
PLANNER = "12430000MB0L046927"
PRODUCT = Product(
    title="城市公交时刻表",
    description="Newport bus timetable, GTFS",
    keywords=("GTFS", "公共交通"),
    industry="0054",
    region="3501",
    topic="B0300",
    update_frequency="003",
    dataset="urn:uuid:0b1c6a1e-9d8c-4c5c-8e3a-6a2f5f0f8f11",
    endpoint="https://bus.example/dsp/2025-1",
    offer='{"@id":"urn:uuid:offer","@type":"Offer"}',
    media_type="application/zip",
    size=434_000,
)


async def two() -> tuple[Registry, Company, Company]:
    registry = await Registry.open()
    bus = registry.company("bus", credit_code=BUS, title="新港公交公司")
    planner = registry.company("planner", credit_code=PLANNER)
    await bus.register()
    await planner.register()
    return registry, bus, planner


async def listed(registry: Registry, bus: Company, product: Product = PRODUCT) -> str:
    entry = await bus.client.submit_product(product)
    await registry.node.catalogue.approve(entry.key, by="wang")
    return (await bus.client.list_product(entry.key)).code


def test_a_product_is_returned_mended_coded_listed_found_and_resolved() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        desk = registry.node.catalogue
        entry = await bus.client.submit_product(replace(PRODUCT, title="时刻表"))
        assert (entry.state, entry.owner, entry.code) == (State.SUBMITTED, bus.identifier, "")
        await desk.return_(entry.key, "say of what city", by="wang")
        told = await bus.client.product_status(entry.key)
        assert (told.state, told.reason) == (State.RETURNED, "say of what city")
        await bus.client.update_product(entry.key, PRODUCT)
        coded = await desk.approve(entry.key, by="wang")
        assert (parse(coded.code).kind, parse(coded.code).subject) == (Kind.PRODUCT, BUS)
        assert (await planner.client.search("公交 时刻表")).total == 0
        assert (await bus.client.list_product(entry.key)).state is State.LISTED
        page = await planner.client.search("公交 时刻表")
        assert (page.total, [one.product for one in page.results]) == (1, [PRODUCT])
        assert (page.results[0].owner_name, page.results[0].owner_did) == ("新港公交公司", "did:web:bus.example")
        found = await planner.client.resolve(coded.code)
        assert (found.kind, found.owner_code, found.connector) == ("product", BUS, bus.identifier)
        assert found.entry == page.results[0] == await planner.client.product(coded.code)

    anyio.run(story)


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("公交", 1),
        ("时刻表 公交", 1),
        ("城", 1),
        ("newport TIMETABLE", 1),
        ("gtfs 公交", 1),
        ("ＧＴＦＳ", 1),
        ("新港", 1),
        ("", 1),
        ("…", 1),
        ("地铁", 0),
        ("公交 地铁", 0),
        ("time", 0),
    ],
)
def test_words_are_anded_in_any_script(query: str, hits: int) -> None:
    async def story() -> int:
        registry, bus, planner = await two()
        await listed(registry, bus)
        return (await planner.client.search(query)).total

    assert anyio.run(story) == hits


def test_a_search_is_paged_newest_first_with_the_whole_count() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        for number in range(5):
            await listed(registry, bus, replace(PRODUCT, title=f"公交线路 {number}", dataset=f"urn:{number}"))
        page = await planner.client.search("公交", offset=1, limit=2)
        assert (page.total, [one.product.title for one in page.results]) == (5, ["公交线路 3", "公交线路 2"])
        assert (await planner.client.search("公交", offset=5)).results == ()
        with pytest.raises(InvalidInput, match="between 1 and 100"):
            await planner.client.search("公交", limit=101)
        with pytest.raises(InvalidInput, match="longer than 128"):
            await planner.client.search("公" * 129)

    anyio.run(story)


def test_a_new_delivery_stays_listed_and_another_offer_is_reviewed_again_under_its_code() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        code = await listed(registry, bus)
        entry = await planner.client.product(code)
        fresh = await bus.client.update_product(entry.key, replace(PRODUCT, size=500_000, edition=2))
        assert (fresh.state, fresh.product.edition) == (State.LISTED, 2)
        assert (await planner.client.product(code)).product.size == 500_000
        changed = await bus.client.update_product(entry.key, replace(PRODUCT, offer='{"@id":"other"}'))
        assert (changed.state, changed.code) == (State.SUBMITTED, code)
        with pytest.raises(NotFound):
            await planner.client.product(code)
        again = await registry.node.catalogue.approve(code, by="wang", and_list=True)
        assert (again.state, again.code) == (State.LISTED, code)

    anyio.run(story)


def test_the_same_dataset_submitted_again_is_the_same_entry() -> None:
    async def story() -> None:
        _, bus, _ = await two()
        first = await bus.client.submit_product(PRODUCT)
        assert await bus.client.submit_product(PRODUCT) == first
        with pytest.raises(Refused, match="already") as refusal:
            await bus.client.submit_product(replace(PRODUCT, title="other"))
        assert refusal.value.hint == "update that entry"
        await bus.client.revoke_product(first.key, "never mind")
        with pytest.raises(Refused, match="already"):
            await bus.client.submit_product(PRODUCT)

    anyio.run(story)


def test_what_is_delisted_is_not_found_and_may_come_back() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        code = await listed(registry, bus)
        key = (await planner.client.product(code)).key
        assert (await bus.client.delist_product(key)).state is State.DELISTED
        assert (await planner.client.search("公交")).total == 0
        assert (await planner.client.resolve(code)).entry is None
        assert (await bus.client.list_product(key)).code == code
        await registry.node.catalogue.delist(code, "complaint 17", by="wang")
        assert (await bus.client.product_status(key)).reason == "complaint 17"
        await registry.node.catalogue.revoke(code, "complaint upheld", by="wang")
        with pytest.raises(IllegalTransition, match="REVOKED"):
            await bus.client.list_product(key)

    anyio.run(story)


def test_one_sees_and_moves_only_ones_own_entries() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        code = await listed(registry, bus)
        key = (await planner.client.product(code)).key
        for call in (planner.client.product_status, planner.client.list_product, planner.client.delist_product):
            with pytest.raises(NotFound, match="no entry"):
                await call(key)

    anyio.run(story)


def test_a_revoked_owners_products_leave_the_catalogue_with_it() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        code = await listed(registry, bus)
        waiting = await bus.client.submit_product(replace(PRODUCT, dataset="urn:second"))
        await registry.node.registration.revoke(bus.identifier, "sold", by="li")
        assert (await planner.client.search("公交")).total == 0
        assert (await registry.node.catalogue.find(code)).state is State.DELISTED
        with pytest.raises(Forbidden, match="sold"):
            await registry.node.catalogue.approve(waiting.key, by="wang")
        assert (await planner.client.resolve(code)).state == "REVOKED"

    anyio.run(story)


def test_reviewers_list_by_state_or_by_words() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        desk = registry.node.catalogue
        await listed(registry, bus)
        await bus.client.submit_product(replace(PRODUCT, dataset="urn:second"))
        for state, text, count in (("", "", 2), ("SUBMITTED", "", 1), ("", "时刻", 1)):
            entries, total = await desk.list(state=state, text=text)
            assert (len(entries), total) == (count, count)
        with pytest.raises(NotFound, match="no entry"):
            await desk.approve("nothing", by="wang")
        with pytest.raises(InvalidInput, match="empty"):
            await desk.return_((await desk.list(state="SUBMITTED"))[0][0].key, "", by="wang")

    anyio.run(story)


def test_resolving_says_what_is_wrong_with_an_identifier() -> None:
    async def story() -> None:
        _, _, planner = await two()
        with pytest.raises(InvalidInput):
            await planner.client.resolve("591350100M000100Y4335017K2M9Q4TX")
        with pytest.raises(NotFound, match="not registered at this node"):
            await planner.client.resolve("591350100M000100Y4335017K2M9Q4TS")
        with pytest.raises(NotFound, match="is listed here"):
            await planner.client.product("591350100M000100Y4335017K2M9Q4TS")

    anyio.run(story)


def test_state_secrets_are_refused_by_name() -> None:
    with pytest.raises(Refused, match="绝密"):
        replace(PRODUCT, security_level="005")


def test_the_log_says_what_came_on_the_market_and_went_off() -> None:
    async def story() -> list[bytes]:
        registry, bus, _ = await two()
        code = await listed(registry, bus)
        await registry.node.catalogue.delist(code, "complaint", by="wang")
        return [entry.body for entry in await registry.store.read(lambda tx: tx.entries(code))]

    published, withdrawn = anyio.run(story)
    assert b'"kind":"product-published"' in published
    assert b'"reason":"complaint"' in withdrawn
