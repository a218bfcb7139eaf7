"""A connector inside somebody else's web application: Starlette here, and word for word the same in FastAPI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from world import FEED, approve_entries, play, world

import trustspace as ts


async def departures(_: Request) -> PlainTextResponse:
    return PlainTextResponse("the next bus leaves at 8:05")


def application(connector: ts.Connector) -> Starlette:
    """The company's own pages, and everything else to the connector. FastAPI: `app.mount("/", connector.app)`."""
    return Starlette(routes=[Route("/departures", departures), Mount("/", connector.app)])


@asynccontextmanager
async def served(app: Starlette, folder: Path, url: str) -> AsyncIterator[None]:
    """Any server will do; the connector's certificate and key are files in its folder."""
    chain, key = folder / "certificates" / "tls.pem", folder / "keys" / "tls.pem"
    port = int(url.rpartition(":")[2])
    server = uvicorn.Server(uvicorn.Config(app, port=port, ssl_certfile=chain, ssl_keyfile=key, log_level="warning"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn tells no other way
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await task


async def main(root: Path) -> None:
    home = root / "bus-company"
    async with world(root) as operator, ts.Connector.open(home, public=False) as bus:
        url = (await bus.status()).public_url
        async with served(application(bus), home, url), ts.Connector.open(root / "trip-planner") as planner:
            await bus.publish(ts.DataProduct(title="城市公交时刻表", files=[FEED]), ts.offer(ts.use(count=3)))
            await approve_entries(operator)
            [found] = await planner.search("时刻表")
            contract = await planner.negotiate(found)
            print(f"{contract.contract} was negotiated with {url}, signed by {contract.signed}")
            async with httpx.AsyncClient(verify=str(home / "certificates" / "root.pem")) as browser:
                print((await browser.get(f"{url}/departures")).text)


if __name__ == "__main__":
    play(main)
