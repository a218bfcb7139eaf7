"""Taking in agreements made elsewhere: from a file, at the start, over the management interface."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import trustspace as ts
from tests.node.spaces import free_port
from trustspace.core.errors import Conflict, InvalidInput, MisusedError, Refused, TrustspaceError
from trustspace.core.policy import offer, use
from trustspace.node import views as v
from trustspace.node.connector import Connector
from trustspace.node.folder import initialise
from trustspace.node.settings import FILE, FunctionalNodeSettings, settings_from
from trustspace.testing.world import Node, World

BUS, TRIP = "did:web:bus.localhost", "did:web:trip.localhost"


def agreement(name: str = "agreement-1", assigner: str = BUS, assignee: str = TRIP, **more: Any) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "Agreement",
        "target": "feed",
        "assigner": assigner,
        "assignee": assignee,
        "timestamp": "2026-12-01T08:00:00Z",
        "permission": [{"action": "use"}],
        **more,
    }


async def visitor(world: World, name: str) -> Node:
    settings: dict[str, Any] = {"functional_node": FunctionalNodeSettings(), "identity": "open-test-network"}
    return await world.applicant(name, public_url=f"http://{name}.localhost", **settings)


def written(world: World, value: Any) -> Path:
    path = world.place / "agreements.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.anyio
async def test_data_flows_under_an_agreement_that_both_sides_imported() -> None:
    async with World.open() as world:
        bus, trip = await visitor(world, "bus"), await visitor(world, "trip")
        path = world.place / "feed.csv"
        path.write_bytes(b"stop,time\n")
        await bus.publish(ts.DataProduct(title="timetable", files=[path], dataset="feed"), offer(use()))
        [theirs] = await bus.import_contracts(written(world, agreement()))
        told = {"agreement": agreement(), "title": "timetable", "connector": "http://bus.localhost/dsp/2025-1/"}
        [ours] = await trip.import_contracts(written(world, [told]))
        for seen, role in ((theirs, "provider"), (ours, "consumer")):
            assert (seen.role, seen.origin, seen.signed, seen.signatures) == (role, "imported", "unsigned", [])
        async with trip.use(ours) as data:
            assert await data.read() == b"stop,time\n"
        await world.quiet()
        assert (await bus.call("contract", "agreement-1")).uses == 1
        kinds = [one.kind for one in (await bus.call("log_entries", subject="agreement-1")).results]
        assert kinds[0] == "agreement-imported"


@pytest.mark.anyio
async def test_where_the_provider_is_has_to_be_known() -> None:
    async with World.open() as world:
        await visitor(world, "bus")
        trip = await visitor(world, "trip")
        await trip.import_contracts(written(world, agreement()))
        with pytest.raises(MisusedError, match="where its provider is"):
            await trip.call("transfer", "agreement-1", request=v.TransferRequestView(connector=""))
        wish = v.TransferRequestView(connector="http://bus.localhost/dsp/2025-1", wait=5.0)
        refused = await trip.call("transfer", "agreement-1", request=wish)
        assert refused.state == "TERMINATED"
        assert "no such agreement of yours" in refused.reason


@pytest.mark.anyio
async def test_the_same_again_changes_nothing_and_another_of_its_name_is_a_conflict() -> None:
    async with World.open() as world:
        bus = await visitor(world, "bus")
        both = [agreement(), agreement("agreement-2")]
        first = await bus.import_contracts(written(world, both))
        assert await bus.import_contracts(written(world, both)) == first
        third = agreement("agreement-3")
        with pytest.raises(Conflict, match="another contract of this id"):
            await bus.import_contracts(written(world, [third, agreement(target="other")]))
        assert len(await bus.call("contracts")) == 2, "all or none"


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ("{", InvalidInput, "agreements.json"),
        ("", InvalidInput, "agreements.json"),
        ("[]", InvalidInput, "at least 1 item"),
        ("[7]", InvalidInput, "an ODRL agreement is expected"),
        ({"agreement": agreement(), "titel": "x"}, InvalidInput, "titel"),
        ({"contract": 1}, InvalidInput, "agreements.0.agreement"),
        ([agreement(), agreement("two", target="")], InvalidInput, "agreements[1].agreement.target"),
        ([agreement(assigner="did:web:x.example", assignee="did:web:y.example")], Refused, "we are did:web:bus"),
        (agreement(permission=[{"action": "https://x.example/sing"}]), Refused, "sing"),
    ],
)
@pytest.mark.anyio
async def test_a_bad_file_is_named_with_the_place(content: Any, error: type[TrustspaceError], says: str) -> None:
    async with World.open() as world:
        bus = await visitor(world, "bus")
        with pytest.raises(error) as raised:
            await bus.import_contracts(written(world, content))
        assert says in str(raised.value)
        assert await bus.call("contracts") == []


@pytest.mark.anyio
async def test_no_file_is_named_too(tmp_path: Path) -> None:
    async with World.open() as world:
        bus = await visitor(world, "bus")
        with pytest.raises(MisusedError, match="No such file"):
            await bus.import_contracts(tmp_path / "none.json")


@pytest.mark.anyio
async def test_where_contracts_have_to_be_signed_none_is_imported() -> None:
    async with World.open() as world:
        bus = await world.connector("bus")
        loose = await world.connector("loose", require_signatures=False)
        with pytest.raises(Refused, match="signatures are required here"):
            await bus.import_contracts(written(world, agreement(assigner=bus.did)))
        [kept] = await loose.import_contracts(written(world, agreement(assigner=loose.did, assignee=bus.did)))
        assert (kept.origin, kept.signed, kept.peer) == ("imported", "unsigned", bus.did)


def test_a_file_that_the_settings_name_is_taken_in_at_each_start_once(tmp_path: Path) -> None:
    folder, url = tmp_path / "bus", f"http://127.0.0.1:{free_port()}"
    chosen: dict[str, Any] = {"kind": "connector", "public_url": url, "identity": "open-test-network"}

    async def contracts() -> list[v.ContractView]:
        async with Connector.open(folder) as bus:
            found: list[v.ContractView] = await bus.call("contracts")
            return found

    async def go() -> None:
        await initialise(folder, settings_from(**chosen, agreements=["agreements.json"]))
        with pytest.raises(MisusedError, match=r"agreements\.json: it cannot be read"):
            await contracts()
        me = f"did:web:127.0.0.1%3A{url.rpartition(':')[2]}"
        (folder / "agreements.json").write_text(json.dumps([agreement(assigner=me), agreement("two", assigner=me)]))
        first = await contracts()
        assert [one.contract for one in first] == ["agreement-1", "two"]
        assert await contracts() == first

    asyncio.run(go())
    assert 'agreements = ["agreements.json"]' in (folder / FILE).read_text("utf-8")
