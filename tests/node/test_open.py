"""Opening nodes: in one's own process, beside a running one, inside somebody else's app, and elsewhere."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

import trustspace as ts
from tests.node.spaces import REVIEWED, free_port, make_connector, make_node, register, space, urls
from trustspace.core.errors import Conflict, MisusedError, NotFound, Refused, Unavailable
from trustspace.core.evidence.verify import verify_pack
from trustspace.node.client import Client
from trustspace.node.connector import Connector
from trustspace.node.folder import Folder, fingerprint
from trustspace.node.running import run_node
from trustspace.node.serving import Listener, serve


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_main_line_from_python(tmp_path: Path, scheme: str) -> None:
    async def go() -> None:
        async with space(tmp_path, scheme) as s:
            await s.product(data=b"stop,time\nA,08:00\n")
            [found] = await s.trip.search("公交 时刻表")
            contract = await s.trip.negotiate(found)
            assert contract.signed == "both"
            async with s.trip.use(contract, purpose="trip-planning") as data:
                assert await data.read() == b"stop,time\nA,08:00\n"
            with pytest.raises(Refused, match="declared purpose: ads"):
                async with s.trip.use(contract, purpose="ads"):
                    raise AssertionError

    asyncio.run(go())


def test_an_error_in_the_block_of_a_connector_is_that_error(tmp_path: Path) -> None:
    async def go() -> None:
        await make_node(tmp_path / "node", urls()["node"])
        async with Connector.open(tmp_path / "node") as node:
            await node.call("identity", "nobody")

    with pytest.raises(NotFound, match="nobody"):
        asyncio.run(go())


def test_a_folder_that_is_served_makes_a_client_that_uses_saves_and_proves(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s, Connector.open(tmp_path / "trip") as beside:
            await s.product(data=b"x" * 3_000_000)
            [found] = await beside.search("公交")
            contract = await beside.negotiate(found)
            async with beside.use(contract, purpose="trip-planning") as data:
                saved = await data.save(tmp_path / "feed.csv.copy")
            assert saved.read_bytes() == b"x" * 3_000_000
            pack = await beside.evidence(contract).export(tmp_path / "contract.asice")
            roots = list(Folder(tmp_path / "node").roots())
            now = (await s.trip.call("contract", contract.contract)).created
            facts = verify_pack(pack.read_bytes(), roots, now=now.replace(year=now.year + 1))
            assert facts.signers_known
            assert (await beside.status()).identifier == (await s.trip.status()).identifier
            with pytest.raises(MisusedError, match="another process runs this folder"):
                _ = beside.app

    asyncio.run(go())


def test_a_client_of_a_node_that_runs_elsewhere(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            told = json.loads((tmp_path / "bus" / "running.json").read_text())
            token = (tmp_path / "bus" / "management.token").read_text()
            assert told["management"].startswith("http://127.0.0.1:")
            async with ts.Client(told["management"], token) as bus:
                assert (await bus.status()).name == "公交公司"
                odd = tmp_path / "时刻表 #1?%41.csv"
                odd.write_bytes(b"odd")
                product = ts.DataProduct(title="城市公交时刻表", industry="0054", topic="B0300", files=[odd])
                made = await bus.publish(product, ts.offer(ts.use(count=1)))
                with pytest.raises(NotFound, match="no such product"):
                    await bus.call("product", "urn:uuid:none")
            [entry] = (await s.node.call("entries")).results
            assert entry.dataset == made.product

    asyncio.run(go())


def test_a_client_without_a_node_says_so(tmp_path: Path) -> None:
    async def go() -> None:
        with pytest.raises(Unavailable, match="no node runs on this folder"):
            Client.of(tmp_path)
        async with Client(f"http://127.0.0.1:{free_port()}", "token") as nobody:
            with pytest.raises(Unavailable, match="the node does not answer"):
                await nobody.status()

    asyncio.run(go())


def test_the_announcement_of_a_killed_node_is_not_believed(tmp_path: Path) -> None:
    async def go() -> None:
        await make_node(tmp_path / "node", urls()["node"])
        stale = {"management": "http://127.0.0.1:9", "public": "", "pid": 1}
        async with run_node(tmp_path / "node") as running:
            told = (tmp_path / "node" / "running.json").read_text()
            (tmp_path / "node" / "running.json").write_text(json.dumps(stale))

            async def announced() -> None:
                await asyncio.sleep(0.2)
                (tmp_path / "node" / "running.json").write_text(told)

            waiting = asyncio.create_task(announced())
            async with Connector.open(tmp_path / "node") as beside:
                assert (await beside.status()).kind == "functional"
            await waiting
            assert running.management.host == "127.0.0.1"

    asyncio.run(go())


def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    async def go() -> None:
        await make_node(tmp_path / "node", urls()["node"])
        async with run_node(tmp_path / "node"):
            with pytest.raises(Conflict, match="belongs to the running process"):
                async with run_node(tmp_path / "node"):
                    raise AssertionError

    asyncio.run(go())


def test_a_connector_in_somebody_elses_app_below_a_path(tmp_path: Path) -> None:
    async def hello(_: Request) -> Response:
        return PlainTextResponse("our own site")

    async def go() -> None:
        places = urls()
        await make_node(tmp_path / "node", places["node"])
        trust = fingerprint(tmp_path / "node")
        port = free_port()
        mounted = f"http://127.0.0.1:{port}/data/space"
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(Connector.open(tmp_path / "node"))
            await make_connector(tmp_path / "bus", mounted, node=places["node"], trust=trust)
            await make_connector(tmp_path / "trip", places["trip"], node=places["node"], trust=trust)
            bus = await stack.enter_async_context(Connector.open(tmp_path / "bus", public=False))
            trip = await stack.enter_async_context(Connector.open(tmp_path / "trip"))
            app = Starlette(routes=[Route("/", hello), Mount("/data/space", bus.app)])
            async with serve([Listener(app, port=port)]):
                await register(node, bus, trip)
                assert (await bus.status()).did == f"did:web:127.0.0.1%3A{port}:data:space"
                file = tmp_path / "feed.csv"
                file.write_bytes(b"mounted")
                product = ts.DataProduct(title="城市公交时刻表", industry="0054", topic="B0300", files=[file])
                await bus.publish(product, ts.offer(ts.use(count=1)))
                [entry] = (await node.call("entries")).results
                code = (await node.call("approve_entry", entry.entry, request=REVIEWED)).code
                contract = await trip.negotiate(code)
                async with trip.use(contract) as data:
                    assert await data.read() == b"mounted"
                assert (await trip.call("check_logs"))[0].consistent

    asyncio.run(go())


def test_certificates_that_are_fetched_by_several_at_once_open_the_public_listener_once(tmp_path: Path) -> None:
    async def go() -> None:
        addresses = urls()
        await make_node(tmp_path / "node", addresses["node"])
        async with Connector.open(tmp_path / "node") as node:
            await make_connector(
                tmp_path / "bus", addresses["bus"], node=addresses["node"], trust=fingerprint(tmp_path / "node")
            )
            async with Connector.open(tmp_path / "bus") as bus:
                applied = await bus.register("", "")
                await node.call("approve_identity", applied.application, request=REVIEWED)
                seen = await asyncio.gather(*(bus.registration() for _ in range(4)))
                assert {one.state for one in seen} == {"active"}
                host, _, port = addresses["bus"].removeprefix("http://").partition(":")
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()

    asyncio.run(go())
