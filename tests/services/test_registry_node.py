"""The functional node itself: what it assigns, how it renews its own key, what its log says."""

from __future__ import annotations

import anyio
import pytest

from trustspace.core.errors import (
    InvalidInput,
    NotVerified,
    Unavailable,
)
from trustspace.core.identifiers import DRAFT, Kind
from trustspace.ports import Answer
from trustspace.testing.registry import Company, Registry

BUS = "91350100M000100Y43"
PLANNER = "12430000MB0L046927"


async def two() -> tuple[Registry, Company, Company]:
    registry = await Registry.open()
    bus = registry.company("bus", credit_code=BUS, title="新港公交公司")
    return registry, bus, registry.company("planner", credit_code=PLANNER)


def test_a_check_that_is_never_assigned_is_drawn_again() -> None:
    async def story() -> None:
        registry = await Registry.open(identifiers=DRAFT)
        codes = {registry.node.registration.assign(Kind.CONNECTOR, BUS) for _ in range(200)}
        assert len(codes) == 200
        assert not any(code.endswith("*") for code in codes)

    anyio.run(story)


def test_an_identifier_is_assigned_only_to_a_right_credit_code() -> None:
    async def story() -> None:
        registry = await Registry.open()
        with pytest.raises(InvalidInput, match="check"):
            registry.node.registration.assign(Kind.CONNECTOR, "91350100M000100Y44")

    anyio.run(story)


def test_the_node_renews_its_own_key_and_is_believed() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        await bus.register()
        registry.renew()
        members, _ = await bus.client.participant_list()
        assert members.active(bus.identifier).credit_code == BUS

    anyio.run(story)


def test_an_answer_that_is_no_envelope_is_explained() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        registry.peer.spoil = lambda _, __: Answer(502, b"<html>bad gateway</html>", {})
        with pytest.raises(Unavailable, match="502"):
            await bus.client.roots()
        registry.peer.spoil = lambda _, __: Answer(200, b"{}", {})
        with pytest.raises(NotVerified, match="not signed"):
            await bus.client.roots()

    anyio.run(story)


def test_the_log_says_who_was_registered_and_revoked() -> None:
    async def story() -> list[bytes]:
        registry, bus, _ = await two()
        await bus.register()
        await registry.node.registration.revoke(bus.identifier, "sold", by="li")
        return [entry.body for entry in await registry.store.read(lambda tx: tx.entries(bus.identifier))]

    registered, revoked = anyio.run(story)
    assert b'"kind":"registered"' in registered
    assert b'"reason":"sold"' in revoked
