"""A connector's catalogue over the protocol: pages, tags, gzip, and who sees what: others learn nothing of it."""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import trustspace as ts
from trustspace.core.errors import InvalidInput, NotFound
from trustspace.node import views as v
from trustspace.ports import Answer
from trustspace.protocols import dsp
from trustspace.testing.world import Node, World

REQUEST = dsp.encode(dsp.CatalogRequest())
NOBODY = "urn:uuid:00000000-0000-4000-8000-000000000000"
RULE = "did:web:planner.example"

pytestmark = pytest.mark.anyio


async def ask(who: Node, provider: Node, target: str = "", body: bytes = REQUEST, **headers: str) -> Answer:
    """What the provider answers somebody: its first page, another one, or `GET` below the catalogue."""
    method = "GET" if "/datasets/" in target else "POST"
    base = f"{provider.engine.base}/catalog"
    url = target if target.startswith("http") else f"{base}{target or '/request'}"
    also = {name.replace("_", "-"): value for name, value in headers.items()}
    return await who.engine.send(method, url, provider.did, body if method == "POST" else b"", also=also)


def datasets(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [one.id for one in dsp.decode_catalog(answer.body).datasets]


def error(answer: Answer) -> tuple[int, dict[str, Any]]:
    told = json.loads(answer.body)
    assert told["@type"] == "CatalogError"
    assert told["@context"] == ["https://w3id.org/dspace/2025/1/context.jsonld"]
    return answer.status, told


async def publish(world: World, node: Node, number: int, *visible_to: str) -> v.ProductView:
    return await world.publish(node, b"x" * (number + 1), title=f"时刻表 {number}", visible_to=visible_to)


async def three(world: World, **settings: Any) -> tuple[Node, Node, Node]:
    return (
        await world.connector("bus", **settings),
        await world.connector("planner"),
        await world.connector("other"),
    )


async def test_pages_are_linked_both_ways_and_no_other_way() -> None:
    async with World.open() as world:
        bus, planner, _ = await three(world, catalogue_page=2)
        names = [(await publish(world, bus, number)).product for number in range(5)]
        first = await ask(planner, bus)
        second = await ask(planner, bus, dsp.read_links(first.headers["link"])["next"])
        third = await ask(planner, bus, dsp.read_links(second.headers["link"])["next"])
        assert [datasets(page) for page in (first, second, third)] == [names[:2], names[2:4], names[4:]]
        links = [set(dsp.read_links(page.headers["link"])) for page in (first, second, third)]
        assert links == [{"next"}, {"previous", "next"}, {"previous"}]
        back = await ask(planner, bus, dsp.read_links(third.headers["link"])["previous"])
        assert (back.body, back.headers["etag"]) == (second.body, second.headers["etag"])
        everything = await planner.offers(bus.did)
        assert [one.dataset for one in everything] == names
        assert all(one.acceptable and one.code for one in everything)
        assert (await planner.negotiate(everything[3].code)).signed


async def test_a_page_token_is_ours_or_refused_and_names_no_product() -> None:
    async with World.open() as world:
        bus, planner, _ = await three(world, catalogue_page=1)
        hidden = (await publish(world, bus, 0, "did:web:nobody.example")).product
        seen = [(await publish(world, bus, number)).product for number in (1, 2)]
        [token] = parse_qs(urlsplit(dsp.read_links((await ask(planner, bus)).headers["link"])["next"]).query).values()
        forged = [token[0][:-1] + ("A" if token[0][-1] != "A" else "B"), "x", "é", "-" * 3000, hidden, seen[0]]
        for one in forged:
            status, told = error(await ask(planner, bus, f"/request?continuationToken={one.encode().hex()}"))
            assert (status, hidden in str(told)) == (400, False)
        assert error(await ask(planner, bus, f"/request?continuationToken={forged[0]}"))[0] == 400


async def test_a_tag_saves_the_body_until_something_changes() -> None:
    async with World.open() as world:
        bus, planner, _ = await three(world)
        product = await publish(world, bus, 0)
        for target in ("", f"/datasets/{product.product}"):
            whole = await ask(planner, bus, target)
            tag = whole.headers["etag"]
            for given in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
                again = await ask(planner, bus, target, if_none_match=given)
                assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert (await ask(planner, bus, target, if_none_match='W/"x"')).body == whole.body
            assert whole.headers["cache-control"] == "private, no-cache"
        before = (await ask(planner, bus)).headers["etag"]
        await publish(world, bus, 1)
        assert (await ask(planner, bus, if_none_match=before)).status == 200


async def test_gzip_is_for_who_asks() -> None:
    async with World.open() as world:
        bus, planner, _ = await three(world)
        product = await publish(world, bus, 0)
        for target in ("", f"/datasets/{product.product}"):
            plain = await ask(planner, bus, target)
            packed = await ask(planner, bus, target, accept_encoding="gzip")
            assert "content-encoding" not in plain.headers
            assert packed.headers["content-encoding"] == "gzip"
            assert "accept-encoding" in packed.headers["vary"]
            assert gzip.decompress(packed.body) == plain.body
            assert packed.headers["etag"] == plain.headers["etag"]
            refused = await ask(planner, bus, target, accept_encoding="gzip;q=0, identity")
            assert refused.body == plain.body


@pytest.mark.parametrize("kept", [{}, {"filter": []}, {"filter": {}}, {"filter": ["", {}, None]}])
async def test_a_filter_that_says_nothing_is_none(kept: dict[str, Any]) -> None:
    async with World.open() as world:
        bus, planner, _ = await three(world)
        product = await publish(world, bus, 0)
        body = json.dumps({**json.loads(REQUEST), **kept}).encode()
        assert datasets(await ask(planner, bus, body=body)) == [product.product]


async def test_what_cannot_be_answered_is_a_catalogue_error() -> None:
    async with World.open() as world:
        bus, planner, _ = await three(world)
        for wrong in ({"filter": ["x"]}, {"filter": {"keyword": "公交"}}, {"@type": "Catalog"}):
            body = json.dumps({**json.loads(REQUEST), **wrong}).encode()
            assert error(await ask(planner, bus, body=body))[0] == 400
        for wrong_body in (b"", b"[]", b"\xff", b'{"a":1,"a":2}', b"{"):
            assert error(await ask(planner, bus, body=wrong_body))[0] == 400
        assert error(await ask(planner, bus, body=b"[" * 100))[0] == 413
        assert error(await ask(planner, bus, f"/datasets/{NOBODY}"))[0] == 404
        request = world.network.peer().request
        assert error(await request("POST", f"{bus.engine.base}/catalog/request", body=REQUEST))[0] == 401
        assert error(await request("PUT", f"{bus.engine.base}/catalog/request", body=REQUEST))[0] == 405
        assert error(await request("POST", f"{bus.engine.base}/catalog/request", body=b" " * (1 << 21)))[0] == 413
        assert error(await request("GET", f"{bus.engine.base}/catalog/nothing"))[0] == 404


async def seen(who: Node, provider: Node) -> list[str]:
    return [one.dataset for one in await who.offers(provider.did)]


async def test_only_whom_the_rule_admits_sees_a_product_anywhere() -> None:
    async with World.open() as world:
        bus, planner, other = await three(world)
        open_, hidden = await publish(world, bus, 0), await publish(world, bus, 1, RULE)
        assert await seen(planner, bus) == [open_.product, hidden.product]
        assert await seen(other, bus) == [open_.product]
        assert (await planner.show(hidden.code)).dataset == hidden.product
        there, nowhere = [await ask(other, bus, f"/datasets/{name}") for name in (hidden.product, NOBODY)]
        assert there.body.replace(hidden.product.encode(), NOBODY.encode()) == nowhere.body
        assert there.status == nowhere.status == 404
        assert there.headers.keys() == nowhere.headers.keys()
        with pytest.raises(NotFound, match="no such dataset"):
            await other.show(hidden.code)
        assert RULE.encode() not in (await ask(planner, bus)).body
        assert (await bus.call("product", hidden.product)).visible_to == [RULE]


async def negotiated(who: Node, provider: Node, code: str, offer: Any, target: str) -> str:
    """How a request of somebody who knows all the names ends."""
    made = await who.engine.negotiations.request(
        dsp_offer(offer, target), provider.did, provider.engine.base, title=code
    )
    await provider.world.quiet()
    found = await who.engine.negotiations.get(made.key)
    return "; ".join(found.reasons) or str(found.state)


def dsp_offer(view: v.OfferView, target: str) -> Any:
    from trustspace.core.contract import Offer
    from trustspace.core.policy import from_odrl

    return Offer(view.offer, target, from_odrl(view.policy))


@pytest.mark.parametrize("approval", ["automatic", "manual"])
async def test_a_request_for_what_one_may_not_see_ends_like_one_for_nothing(approval: str) -> None:
    async with World.open() as world:
        bus, planner, other = await three(world)
        hidden = await world.publish(bus, b"x", approval=approval, visible_to=[RULE])
        view = await planner.show(hidden.code)
        reasons = [await negotiated(other, bus, hidden.code, view, target) for target in (hidden.product, NOBODY)]
        assert reasons[0] == reasons[1]
        assert "no such data product on offer" in reasons[0]
        if approval == "automatic":
            assert await negotiated(planner, bus, hidden.code, view, hidden.product) == "FINALIZED"


async def test_a_rule_is_changed_at_once_and_contracts_stand() -> None:
    async with World.open() as world:
        bus, planner, other = await three(world)
        product = await publish(world, bus, 0)
        contract = await planner.negotiate(product.code)
        assert await seen(planner, bus) == await seen(other, bus) == [product.product]
        tags = [(await ask(who, bus)).headers["etag"] for who in (planner, other)]
        assert tags[0] == tags[1]
        changed = await bus.update(product, visible_to=["did:web:other.example"])
        assert (changed.visible_to, changed.version, changed.state) == (["did:web:other.example"], 1, "listed")
        again = [await ask(who, bus, if_none_match=tags[0]) for who in (planner, other)]
        assert [answer.status for answer in again] == [200, 304]
        assert datasets(again[0]) == []
        with pytest.raises(NotFound):
            await planner.show(product.code)
        async with planner.use(contract) as data:
            assert await data.read() == b"x"
        await bus.update(product, visible_to=["members"])
        assert await seen(planner, bus) == [product.product]


async def test_nobody_is_given_what_was_kept_for_another() -> None:
    async with World.open() as world:
        bus, planner, other = await three(world, catalogue_page=1)
        names = [await publish(world, bus, number, *([RULE] if number % 2 else [])) for number in range(4)]
        for _ in range(2):  # once made, once kept
            mine, theirs = await ask(planner, bus), await ask(other, bus)
            assert mine.body == theirs.body  # the first product is everybody's
            assert mine.headers["link"] == theirs.headers["link"]
            following = dsp.read_links(mine.headers["link"])["next"]
            assert datasets(await ask(planner, bus, following)) == [names[1].product]
            assert datasets(await ask(other, bus, following)) == [names[2].product]
        tag = (await ask(planner, bus, following)).headers["etag"]
        assert (await ask(other, bus, following, if_none_match=tag)).status == 200


async def test_the_functional_node_is_told_that_it_is_restricted_and_not_for_whom_nor_on_what_terms() -> None:
    async with World.open() as world:
        bus, planner, other = await three(world)
        policy = ts.offer(ts.use(purpose="trip-planning", count=7))
        hidden = await world.publish(bus, b"x", policy, title="内部时刻表", visible_to=[RULE])
        [found] = await other.search("内部时刻表")
        assert (found.code, found.restricted) == (hidden.code, True)
        entry = await world.functional.registry.node.catalogue.find(hidden.code)
        assert (entry.product.offer, entry.product.restricted) == ("", True)
        assert RULE not in repr(entry)
        opened = await bus.update(hidden, visible_to=["everyone"])
        assert opened.state == "submitted"  # now there is an offer that nobody has reviewed
        with pytest.raises(NotFound):
            await planner.show(hidden.code)


async def test_a_rule_that_names_nobody_is_refused_before_anything_is_kept() -> None:
    async with World.open() as world:
        bus, planner, _ = await three(world)
        with pytest.raises(InvalidInput, match="names nobody"):
            await publish(world, bus, 0, "friends")
        assert await bus.call("products") == []
        product = await publish(world, bus, 0)
        with pytest.raises(InvalidInput, match="region"):
            await bus.update(product, visible_to=["region:99"])
        assert await seen(planner, bus) == [product.product]
