"""The providing process of `bench transfer`: one file of a folder over HTTP, by the data plane's own parts."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trustspace.adapters.dataplane.files import FileSource
from trustspace.adapters.dataplane.ranges import respond
from trustspace.adapters.http.tls import server_context
from trustspace.bench.machine import peak_rss_mb
from trustspace.node.serving import Listener, serve
from trustspace.ports import Content

FILE = "data.bin"


def application(source: FileSource, content: Content) -> Starlette:
    """One resource, ranges and all."""

    async def data(request: Request) -> Response:
        part = respond(content, request.headers.get("range"), request.headers.get("if-range"))
        chunks = source.read(FILE, content, start=part.start, stop=part.stop)
        return StreamingResponse(chunks, part.status, headers=part.headers)

    async def memory(_: Request) -> Response:
        return Response(json.dumps(peak_rss_mb()))

    return Starlette(routes=[Route("/data", data), Route("/memory", memory)])


async def main(folder: Path, tls: bool) -> None:
    """Serve until standard input ends."""
    source = FileSource(folder)
    content = await source.describe(FILE)
    context = server_context(folder / "tls.pem", folder / "key.pem") if tls else None
    async with serve([Listener(application(source, content), tls=context)]) as [bound]:
        told = {"url": bound.url, "digest": content.digest, "size": content.size}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2] == "tls"))
