"""A functional node on the wire: what is replayed, forged, too large, too late or unknown."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core.canon import canonical
from trustspace.core.catalogue import Product
from trustspace.core.errors import InvalidInput, NotFound, Unauthenticated
from trustspace.core.identity.registration import State
from trustspace.node.functional import ROUTES
from trustspace.protocols.national.codes import WrongName, WrongTime
from trustspace.protocols.national.envelope import Headers, answer_certificate, read_answer, seal
from trustspace.protocols.national.interfaces import INTERFACES
from trustspace.protocols.national.messages import write_product
from trustspace.testing.registry import Company, Registry, SteppedClock

BUS = "91350100M000100Y43"
PRODUCT = Product(title="城市公交时刻表", dataset="urn:d", endpoint="https://bus.example/dsp")


async def one() -> tuple[Registry, Company]:
    registry = await Registry.open()
    bus = registry.company("bus", credit_code=BUS)
    await bus.register()
    return registry, bus


def call(registry: Registry, bus: Company, name: str, body: bytes, *, key: MemoryKey | None = None) -> Headers:
    return seal(name, body, signer=key or bus.signing, sequence="n1", now=registry.clock.now(), caller=bus.identifier)


def test_every_interface_has_what_does_it() -> None:
    assert set(ROUTES) == set(INTERFACES)


def test_the_same_message_twice_has_one_effect_and_one_answer() -> None:
    async def story() -> None:
        registry, bus = await one()
        body = canonical(write_product(PRODUCT))
        headers = call(registry, bus, "RegisterProduct", body)
        first = await registry.node.answer("RegisterProduct", headers, body)
        [entry], _ = await registry.node.catalogue.list()
        await registry.node.catalogue.approve(entry.key, by="li")
        registry.clock.advance(seconds=30)
        again = await registry.node.answer("RegisterProduct", headers, body)
        assert (first[0], first[2]) == (again[0], again[2]) == (200, first[2])
        registry.clock.advance(seconds=31)
        status, _, late = await registry.node.answer("RegisterProduct", headers, body)
        assert (status, b'"code":"206006"' in late) == (400, True)

    anyio.run(story)


def test_a_number_used_for_another_message_is_refused() -> None:
    async def story() -> None:
        registry, bus = await one()
        body = canonical(write_product(PRODUCT))
        other = canonical(write_product(replace(PRODUCT, dataset="urn:other")))
        await registry.node.answer("RegisterProduct", call(registry, bus, "RegisterProduct", body), body)
        status, _, refusal = await registry.node.answer(
            "RegisterProduct", call(registry, bus, "RegisterProduct", other), other
        )
        assert (status, b"another message" in refusal) == (409, True)
        assert (await registry.node.catalogue.list())[1] == 1

    anyio.run(story)


def test_a_refused_message_may_be_sent_again_with_its_number() -> None:
    async def story() -> None:
        registry, bus = await one()
        body = canonical({"entryId": "none"})
        headers = call(registry, bus, "ListProduct", body)
        for _ in range(2):
            status, _, refusal = await registry.node.answer("ListProduct", headers, body)
            assert (status, b'"code":"306001"' in refusal) == (404, True)

    anyio.run(story)


def test_forged_messages_change_nothing() -> None:
    async def story() -> None:
        registry, bus = await one()
        body = canonical(write_product(PRODUCT))
        good = call(registry, bus, "RegisterProduct", body)
        forged = [
            (call(registry, bus, "RegisterProduct", body, key=MemoryKey("thief")), body),
            (good, canonical(write_product(replace(PRODUCT, title="其他")))),
            ({**good, "sequenceNum": "n2"}, body),
            ({**good, "connectorId": registry.identifier}, body),
        ]
        for headers, content in forged:
            status, answered, _ = await registry.node.answer("RegisterProduct", headers, content)
            assert status == 401
            assert answered["signValue"]
        assert (await registry.node.catalogue.list())[1] == 0

    anyio.run(story)


def test_refusals_are_signed_and_belong_to_their_call() -> None:
    async def story() -> None:
        registry, bus = await one()
        headers = call(registry, bus, "Nothing", b"{}")
        status, answered, body = await registry.node.answer("Nothing", headers, b"{}")
        assert status == 400
        key = registry.authority.check(answer_certificate(answered), now=registry.clock.now()).public_der
        with pytest.raises(WrongName, match="no interface 'Nothing'"):
            read_answer("Nothing", answered, body, sequence="n1", public_der=key)

    anyio.run(story)


def test_a_message_without_number_is_answered_all_the_same() -> None:
    async def story() -> tuple[int, Headers, bytes]:
        registry, _ = await one()
        return await registry.node.answer("GetProduct", {}, b"")

    status, headers, body = anyio.run(story)
    assert (status, headers["sequenceNum"]) == (400, "-")
    assert b"msgcode" in body


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"keywords":"' + b"x" * (1 << 20) + b'"}', 413), (b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", 413), (b"{", 400)],
)
def test_bodies_over_a_limit_or_broken_are_refused(body: bytes, status: int) -> None:
    async def story() -> int:
        registry, bus = await one()
        headers = call(registry, bus, "SearchCatalogue", body)
        return (await registry.node.answer("SearchCatalogue", headers, body))[0]

    assert anyio.run(story) == status


def test_a_client_with_a_wrong_clock_reads_how_far_it_is_off() -> None:
    async def story() -> None:
        registry, bus = await one()
        client = registry.client(bus.signing, "slow", identifier=bus.identifier, clock=SteppedClock())
        registry.clock.advance(minutes=5)
        with pytest.raises(WrongTime, match="300 s behind this node's clock"):
            await client.search("")

    anyio.run(story)


def test_a_registered_connector_cannot_apply_once_more_with_its_key() -> None:
    async def story() -> None:
        registry, bus = await one()
        applicant = registry.client(bus.signing, "again")
        with pytest.raises(Exception, match="may not enter in state ACTIVE"):
            await applicant.apply(bus.enterprise, bus.connector, bus.requests)
        with pytest.raises(Exception, match="may not enter in state ACTIVE"):
            await bus.apply()
        assert (await applicant.status()).state is State.ACTIVE

    anyio.run(story)


def test_certificates_expire_with_their_connector() -> None:
    async def story() -> None:
        registry, bus = await one()
        registry.clock.advance(days=731)
        registry.renew()
        with pytest.raises(Unauthenticated, match="signValue"):
            await bus.client.search("")

    anyio.run(story)


def test_a_product_of_nobody_is_not_found() -> None:
    async def story() -> None:
        _, bus = await one()
        with pytest.raises(NotFound):
            await bus.client.product("691350100M000100Y430054BUS00001E")
        with pytest.raises(InvalidInput, match="limit"):
            await bus.client.search("", limit=0)

    anyio.run(story)
