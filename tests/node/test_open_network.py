"""An open test network: nodes without a functional node, that believe whoever comes, and say so loudly."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import trustspace as ts
from tests.node.spaces import free_port, make_node, urls
from trustspace.core.canon import canonical, loads
from trustspace.core.contract import ContractRequest, ContractTermination, Negotiation, Offer
from trustspace.core.errors import InvalidInput, MisusedError, Refused, TrustspaceError
from trustspace.core.policy import offer, use
from trustspace.node import views as v
from trustspace.node.connector import Connector
from trustspace.node.folder import initialise
from trustspace.node.running import run_node
from trustspace.node.settings import FILE, FunctionalNodeSettings, read, settings_from
from trustspace.protocols import dsp
from trustspace.testing.world import Node, World

TERMS = offer(use())
OPEN: dict[str, Any] = {"kind": "connector", "public_url": "http://127.0.0.1:8080", "identity": "open-test-network"}


async def visitor(world: World, name: str, **settings: Any) -> Node:
    """A node on an open test network, running."""
    chosen = {"functional_node": FunctionalNodeSettings(), "identity": "open-test-network", **settings}
    return await world.applicant(name, public_url=f"http://{name}.localhost", **chosen)


async def product(world: World, node: Node, name: str = "feed", **more: Any) -> v.ProductView:
    path = world.place / "feed.csv"
    path.write_bytes(b"stop,time\n")
    return await node.publish(ts.DataProduct(title="城市公交时刻表", files=[path], dataset=name, **more), TERMS)


@pytest.mark.anyio
async def test_two_nodes_without_a_functional_node_exchange_unsigned() -> None:
    async with World.open() as world:
        bus, trip = await visitor(world, "bus"), await visitor(world, "trip")
        made = await product(world, bus, offer_id="offer-1")
        assert (made.product, made.state) == ("feed", "listed")
        contract = await trip.negotiate(ts.DatasetAt("http://bus.localhost", "feed"))
        assert (contract.peer, contract.signed, contract.origin, contract.signatures) == (
            "did:web:bus.localhost", "unsigned", "negotiated", [],
        )  # fmt: skip
        async with trip.use(contract) as data:
            assert await data.read() == b"stop,time\n"
        await world.quiet()
        [theirs] = await bus.call("contracts")
        assert (theirs.peer, theirs.signed, theirs.uses) == ("did:web:trip.localhost", "unsigned", 1)


@pytest.mark.anyio
async def test_the_address_may_be_that_of_the_protocol_itself() -> None:
    async with World.open() as world:
        bus, trip = await visitor(world, "bus"), await visitor(world, "trip")
        await product(world, bus)
        at = ts.DatasetAt("http://bus.localhost/dsp/2025-1/", "feed", provider="did:web:bus.localhost")
        assert (await trip.negotiate(at)).target == "feed"
        for catalogue in ("http://bus.localhost/dsp/2025-1/catalog", "http://bus.localhost/dsp/2025-1/catalog/request"):
            assert (await trip.negotiate(ts.DatasetAt(catalogue, "feed"))).target == "feed"
        with pytest.raises(Exception, match="no such dataset") as refused:
            await trip.negotiate(ts.DatasetAt("http://bus.localhost", "other"))
        assert "the provider says" in str(refused.value)


@pytest.mark.anyio
async def test_an_offer_that_is_known_is_not_looked_up() -> None:
    async with World.open() as world:
        bus, trip = await visitor(world, "bus"), await visitor(world, "trip")
        await product(world, bus, offer_id="offer-1")
        known = ts.DatasetAt("http://bus.localhost/dsp/2025-1", "feed", "did:web:bus.localhost", "offer-1")
        assert (await trip.negotiate(known, policy=TERMS)).target == "feed"
        wrong = ts.DatasetAt("http://bus.localhost/dsp/2025-1", "feed", "did:web:bus.localhost", "offer-2")
        with pytest.raises(Refused, match=r"offer\.@id"):
            await trip.negotiate(wrong, policy=TERMS)
        with pytest.raises(InvalidInput, match="its policy and its provider"):
            await trip.negotiate(known)


async def send(world: World, method: str, path: str, body: bytes = b"", *, token: str = "") -> tuple[int, Any]:
    headers = {"authorization": token} if token else {}
    url = f"http://bus.localhost{dsp.BASE}{path}"
    answer = await world.network.peer().request(method, url, body=body, headers=headers)
    return answer.status, loads(answer.body)


@pytest.mark.parametrize(
    ("token", "name"), [("", "anyone"), ("Bearer TCK", "TCK"), ("1234", "1234"), ("Bearer did:web:x", "did:web:x")]
)
@pytest.mark.anyio
async def test_whoever_comes_is_believed_and_named(token: str, name: str) -> None:
    async with World.open() as world:
        bus = await visitor(world, "bus", approval="manual")
        await product(world, bus, offer_id="offer-1")
        request = ContractRequest("pid-1", None, Offer("offer-1", "feed", TERMS), "http://somewhere.localhost")
        status, answer = await send(world, "POST", "/negotiations/request", dsp.encode(request), token=token)
        assert (status, answer["state"]) == (201, "REQUESTED")
        [seen] = await bus.call("negotiations")
        assert seen.peer == name
        pid = answer["providerPid"]
        assert (await send(world, "GET", f"/negotiations/{pid}"))[1]["state"] == "REQUESTED", "the pid is enough"
        ending = dsp.encode(ContractTermination("pid-1", pid, reasons=("no",)))
        assert (await send(world, "POST", f"/negotiations/{pid}/termination", ending, token="Bearer else"))[0] == 200
        assert (await bus.engine.negotiations.get(pid)).ended


@pytest.mark.anyio
async def test_a_callback_that_cannot_be_called_is_refused() -> None:
    async with World.open() as world:
        bus = await visitor(world, "bus")
        request = ContractRequest("pid-1", None, Offer("offer-1", "feed", TERMS), "file:///etc/passwd")
        status, _ = await send(world, "POST", "/negotiations/request", dsp.encode(request))
        assert status in {400, 403}
        assert await bus.store.read(lambda tx: tx.count(Negotiation)) == 0


@pytest.mark.anyio
async def test_a_registered_node_believes_nobody() -> None:
    async with World.open() as world:
        bus = await world.connector("bus")
        url = f"{bus.settings.public_url}{dsp.BASE}/catalog/request"
        for headers in ({}, {"authorization": "Bearer TCK"}):
            answer = await world.network.peer().request("POST", url, body=b"{}", headers=headers)
            assert answer.status in {400, 401}, answer
        with pytest.raises(MisusedError, match="only on an open test network"):
            await bus.negotiate(ts.DatasetAt("http://other.localhost", "feed"))
        versions = await world.network.peer().request("GET", bus.settings.public_url + dsp.WELL_KNOWN)
        assert b"open-test-network" not in versions.body


@pytest.mark.anyio
async def test_it_is_said_in_the_status_and_in_the_version_document() -> None:
    async with World.open() as world:
        bus = await visitor(world, "bus")
        status = await bus.status()
        assert status.state == "open"
        assert any("whoever comes is believed" in warning for warning in status.warnings)
        answer = await world.network.peer().request("GET", "http://bus.localhost" + dsp.WELL_KNOWN)
        [spoken] = dsp.decode_versions(answer.body)
        assert (spoken.identity, spoken.signs) == ("open-test-network", "")


@pytest.mark.anyio
async def test_what_needs_a_functional_node_or_a_certificate_says_so() -> None:
    async with World.open() as world:
        bus, trip = await visitor(world, "bus"), await visitor(world, "trip")
        await product(world, bus)
        contract = await trip.negotiate(ts.DatasetAt("http://bus.localhost", "feed"))
        for wish in (trip.search("公交"), trip.register("", ""), trip.show("CODE")):
            with pytest.raises(MisusedError, match="no functional node"):
                await wish
        with pytest.raises(MisusedError, match="no certificate"):
            await trip.call("evidence", contract.contract)


@pytest.mark.anyio
async def test_a_contract_that_ends_leaves_no_message_that_nobody_takes() -> None:
    async with World.open() as world:
        bus, trip = await visitor(world, "bus"), await visitor(world, "trip")
        await product(world, bus)
        contract = await trip.negotiate(ts.DatasetAt("http://bus.localhost", "feed"))
        await world.quiet()
        ended = await bus.call("end", contract.contract, request=v.DecisionRequest(reason="done"))
        assert ended.status == "ended"
        await world.quiet()
        assert (await bus.status()).outbox == 0


def test_a_name_that_is_taken_is_not_published_again(tmp_path: Path) -> None:
    async def go() -> None:
        async with World.open() as world:
            bus = await visitor(world, "bus")
            await product(world, bus)
            with pytest.raises(Exception, match="there is a product of this id here"):
                await product(world, bus)
            with pytest.raises(ValueError, match="pattern"):
                await product(world, bus, "two words")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("against", "says"),
    [
        ({"kind": "functional"}, "knows who is who"),
        ({"functional_node": FunctionalNodeSettings(url="https://node.example")}, "knows who is who"),
        ({"public_url": "https://127.0.0.1:8080"}, "nobody has certificates"),
        ({"public_url": "http://bus.example"}, "others could reach it"),
        ({"public_url": "http://127.evil.example"}, "others could reach it"),
        ({"public_bind": "0.0.0.0:8080"}, "others could reach it"),
        ({"public_bind": "[::]:8080"}, "others could reach it"),
    ],
)
def test_it_is_never_turned_on_by_accident(against: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        settings_from(**{**OPEN, **against})
    assert settings_from(**OPEN).open, "the control"
    assert not settings_from(kind="connector", public_url=OPEN["public_url"]).open, "off by default"


def test_beyond_the_loopback_it_is_said_twice() -> None:
    beyond = {**OPEN, "public_url": "http://10.1.2.3:8080", "public_bind": "0.0.0.0:8080"}
    assert settings_from(**beyond, open_beyond_loopback=True).open


def test_a_registered_node_does_not_join_one(tmp_path: Path) -> None:
    async def go() -> None:
        await make_node(tmp_path / "node", urls()["node"])
        await initialise(tmp_path / "bus", settings_from(**{**OPEN, "public_url": f"http://127.0.0.1:{free_port()}"}))
        shutil.copy(tmp_path / "node/certificates/signing.pem", tmp_path / "bus/certificates/signing.pem")
        with pytest.raises(MisusedError, match="does not join an open test network"):
            async with run_node(tmp_path / "bus"):
                raise AssertionError

    asyncio.run(go())


def test_a_served_node_warns_and_is_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def go() -> None:
        await initialise(tmp_path / "bus", settings_from(**{**OPEN, "public_url": f"http://127.0.0.1:{free_port()}"}))
        assert 'identity = "open-test-network"' in (tmp_path / "bus" / FILE).read_text("utf-8")
        assert not read(tmp_path / "bus").open_beyond_loopback
        async with Connector.open(tmp_path / "bus") as bus:
            assert (await bus.status()).state == "open"

    asyncio.run(go())
    assert "WARNING: open test network" in capsys.readouterr().err


def elsewhere(answers: dict[str, tuple[int, Any]]) -> Starlette:
    """A connector of somebody else's that answers like this, by path."""

    async def answer(request: Request) -> Response:
        status, told = answers.get(request.url.path, (404, {}))
        return Response(told if isinstance(told, bytes) else canonical(told), status)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
VERSIONS = {"protocolVersions": [{"version": "2025-1", "path": "/a/b/", "binding": "HTTPS"}]}
CATALOG = {"@context": CONTEXT, "@type": "Catalog", "@id": "c", "participantId": "urn:connector:them"}
DATASET: dict[str, Any] = {
    "@context": CONTEXT,
    "@type": "Dataset",
    "@id": "feed",
    "hasPolicy": [{"@id": "offer-9", "@type": "Offer", "permission": [{"action": "use"}]}],
    "distribution": [{"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s"}],
}
GOOD = {
    "/.well-known/dspace-version": (200, VERSIONS),
    "/a/b/catalog/request": (200, CATALOG),
    "/a/b/catalog/datasets/feed": (200, DATASET),
}
ODD = {**DATASET, "hasPolicy": [{"@id": "offer-9", "@type": "Offer", "permission": [{"action": 7}]}]}


def spoken(**change: str) -> dict[str, Any]:
    return {"protocolVersions": [{**VERSIONS["protocolVersions"][0], **change}]}


@pytest.mark.anyio
async def test_somebody_elses_connector_is_found_where_its_version_document_says() -> None:
    async with World.open() as world:
        trip = await visitor(world, "trip")
        world.network.attach("http://them.localhost", elsewhere(GOOD))
        request = v.NegotiateRequest(connector="http://them.localhost/", dataset="feed", wait=0, key="k", policy=None)
        begun = await trip.call("negotiate", request=request)
        assert (begun.peer, begun.title) == ("urn:connector:them", "feed")
        negotiation = await trip.engine.negotiations.get(begun.negotiation)
        assert negotiation.callback == "http://them.localhost/a/b"
        assert negotiation.offer is not None
        assert negotiation.offer.id == "offer-9"


@pytest.mark.parametrize(
    ("path", "told", "says"),
    [
        ("/.well-known/dspace-version", (200, b"[]"), "object"),
        ("/.well-known/dspace-version", (200, spoken(version="2024-1")), "does not speak 2025-1"),
        ("/.well-known/dspace-version", (200, spoken(path=".evil.example/x")), "below its own host"),
        ("/.well-known/dspace-version", (200, spoken(path="@evil.example/x")), "below its own host"),
        ("/a/b/catalog/request", (401, {"@type": "CatalogError", "code": "401"}), "its catalogue says: 401"),
        ("/a/b/catalog/request", (500, b"<html>"), "its catalogue says: status 500"),
        ("/a/b/catalog/request", (200, b"{}"), "Catalog"),
        ("/a/b/catalog/datasets/feed", (404, {}), "the provider says: status 404"),
        ("/a/b/catalog/datasets/feed", (200, {**DATASET, "@id": "other"}), "another dataset"),
        ("/a/b/catalog/datasets/feed", (200, ODD), "not understood here"),
        ("/a/b/catalog/datasets/feed", (200, {**DATASET, "hasPolicy": []}), "not understood here"),
    ],
)
@pytest.mark.anyio
async def test_a_connector_that_answers_wrongly_is_told_from_the_answer(path: str, told: Any, says: str) -> None:
    async with World.open() as world:
        trip = await visitor(world, "trip")
        world.network.attach("http://them.localhost", elsewhere({**GOOD, path: told}))
        with pytest.raises(TrustspaceError) as raised:
            await trip.negotiate(ts.DatasetAt("http://them.localhost", "feed"), wait=0)
        assert says in str(raised.value)
        assert await trip.call("negotiations") == []


@pytest.mark.anyio
async def test_what_is_to_be_negotiated_has_to_be_said() -> None:
    async with World.open() as world:
        trip = await visitor(world, "trip")
        for given in ({}, {"connector": "http://them.localhost"}):
            with pytest.raises(InvalidInput, match="which"):
                await trip.call("negotiate", request=v.NegotiateRequest.model_validate(given))
