"""A provider that somebody else wrote: it knows the protocol, gives an address for the data, and nothing of ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trustspace.core.canon import canonical
from trustspace.core.errors import Refused, TrustspaceError, Unavailable
from trustspace.core.policy import offer, to_odrl, use
from trustspace.core.usage import Duty
from trustspace.node.settings import FunctionalNodeSettings
from trustspace.testing.network import Fault
from trustspace.testing.world import Node, World

pytestmark = pytest.mark.anyio
DATA = b"stop,time\n" * 1000
TWICE = to_odrl(offer(use(count=2)))
CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]


def address(*pairs: tuple[str, str], kind: str = "https://w3id.org/idsa/v4.1/HTTP") -> dict[str, Any]:
    told = [{"@type": "EndpointProperty", "name": name, "value": value} for name, value in pairs]
    there = {"@type": "DataAddress", "endpointType": kind, "endpoint": "http://them.localhost/bytes"}
    return there | ({"endpointProperties": told} if told else {})


BEARER = address(("authorization", "secret"), ("authType", "bearer"))


@dataclass(slots=True)
class Provider:
    """The whole of it: answers a transfer request, starts it, serves the bytes to whoever has the token."""

    world: World
    there: dict[str, Any]
    status: int = 200
    completed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    fetched: int = 0

    @property
    def app(self) -> Starlette:
        post = ["POST"]
        return Starlette(
            routes=[
                Route("/dsp/transfers/request", self.asked, methods=post),
                Route("/dsp/transfers/{pid}/completion", self.done, methods=post),
                Route("/dsp/transfers/{pid}/termination", self.end, methods=post),
                Route("/bytes", self.bytes),
            ]
        )

    async def asked(self, request: Request) -> Response:
        told = await request.json()
        pids = {"consumerPid": told["consumerPid"], "providerPid": "their-pid"}
        answer = {"@context": CONTEXT, "@type": "TransferProcess", **pids, "state": "REQUESTED"}
        start = {"@context": CONTEXT, "@type": "TransferStartMessage", **pids, "dataAddress": self.there}
        url = f"{told['callbackAddress']}/transfers/{told['consumerPid']}/start"
        return Response(canonical(answer), 201, background=BackgroundTask(self.start, url, canonical(start)))

    async def start(self, url: str, body: bytes) -> None:
        answer = await self.world.network.peer().request("POST", url, body=body)
        assert answer.status == 200, answer

    async def done(self, request: Request) -> Response:
        self.completed.append(request.path_params["pid"])
        return Response(status_code=200)

    async def end(self, request: Request) -> Response:
        self.ended.append(request.path_params["pid"])
        return Response(status_code=200)

    async def bytes(self, request: Request) -> Response:
        self.fetched += 1
        allowed = request.headers.get("authorization") == "Bearer secret"
        return Response(DATA, self.status if allowed else 401, media_type="text/csv")


@asynccontextmanager
async def exchange(
    there: dict[str, Any] = BEARER, terms: dict[str, Any] = TWICE
) -> AsyncIterator[tuple[Node, Provider, World]]:
    """A node of ours with an imported agreement, and the provider of it."""
    async with World.open() as world:
        provider = Provider(world, there)
        world.network.attach("http://them.localhost", provider.app)
        settings: dict[str, Any] = {"functional_node": FunctionalNodeSettings(), "identity": "open-test-network"}
        trip = await world.applicant("trip", public_url="http://trip.localhost", **settings)
        made = {
            "@id": "agreement-1",
            "@type": "Agreement",
            "target": "feed",
            "assigner": "them",
            "assignee": trip.did,
            "timestamp": "2026-12-01T08:00:00Z",
            **terms,
        }
        path = anyio.Path(world.place / "made.json")
        await path.write_text(json.dumps({"agreement": made, "connector": "http://them.localhost/dsp"}))
        await trip.import_contracts(world.place / "made.json")
        yield trip, provider, world


@pytest.mark.parametrize("there", [BEARER, address(("authorization", "Bearer secret"))])
async def test_data_comes_and_is_judged_counted_and_digested_here(there: dict[str, Any]) -> None:
    async with exchange(there) as (trip, provider, world):
        async with trip.use("agreement-1") as data:
            assert await data.read() == DATA
            assert await data.read() == DATA
            assert data.view.number == 1
        assert provider.fetched == 1, "it is here already"
        await world.quiet()
        assert len(provider.completed) == 1
        [seen] = (await trip.call("uses")).results
        assert (seen.state, seen.digest, seen.size) == ("delivered", hashlib.sha256(DATA).hexdigest(), len(DATA))
        kinds = [one.kind for one in (await trip.call("log_entries", subject=seen.use)).results]
        assert kinds == ["use-permitted", "delivered"]


async def test_the_contract_is_kept_though_the_provider_does_not_look() -> None:
    async with exchange() as (trip, provider, world):
        for _ in range(2):
            async with trip.use("agreement-1") as data:
                await data.read()
        with pytest.raises(Refused, match="use number 3, and 2 are allowed"):
            async with trip.use("agreement-1"):
                raise AssertionError
        await world.quiet()
        assert (provider.fetched, len(provider.completed), len(provider.ended)) == (2, 2, 1)
        assert (await trip.call("contract", "agreement-1")).denials == 1


async def test_an_obligation_gets_its_date() -> None:
    async with exchange(terms=to_odrl(offer(use(), delete_after="P30D"))) as (trip, _, _world):
        async with trip.use("agreement-1") as data:
            await data.read()
        assert len(await trip.store.read(lambda tx: tx.find(Duty))) == 1


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (address(("authorization", "wrong")), "answered 401"),
        (address(), "answered 401"),
        (address(("authorization", "two\r\nlines")), "is no header"),
        (address(kind="urn:ftp"), "urn:ftp cannot be fetched"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told(there: dict[str, Any], says: str) -> None:
    async with exchange(there) as (trip, _, _world):
        with pytest.raises(Refused, match=says):
            async with trip.use("agreement-1") as data:
                await data.read()
        assert list(trip.folder.files.iterdir()) == []


async def test_what_breaks_on_the_way_is_no_file_and_can_be_fetched_again() -> None:
    async with exchange() as (trip, provider, world):
        async with trip.use("agreement-1") as data:
            provider.status = 503
            with pytest.raises(Unavailable, match="answered 503"):
                await data.read()
            provider.status = 200
            world.network.faults = lambda _, __, url: Fault(truncate=100) if url.endswith("/bytes") else None
            with pytest.raises(TrustspaceError):
                await data.read()
            assert list(trip.folder.files.iterdir()) == []
            world.network.faults = None
            assert await data.read() == DATA
        assert (await trip.call("contract", "agreement-1")).uses == 1
