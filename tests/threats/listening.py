"""A listener on loopback that says what it was told to, whatever it is asked, and counts who came."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Listening:
    """Its port, how often it was called, what it was sent, and the server names of the TLS handshakes."""

    port: int = 0
    calls: int = 0
    asked: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def listening(
    says: bytes, *, drip: bytes = b"", pause: float = 0.0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listening]:
    """Answer each call with these bytes, then drip others until the caller leaves, and hang up."""
    listener, serving = Listening(), set[asyncio.Task[None]]()

    def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.calls += 1
        with suppress(OSError, asyncio.IncompleteReadError), closing(writer):
            listener.asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(says)
            await writer.drain()
            while drip and not writer.is_closing():
                await asyncio.sleep(pause)
                writer.write(drip)
                await writer.drain()

    if tls is not None:
        tls.sni_callback = lambda _, name, __: listener.names.append(name)
    server = await asyncio.start_server(called, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0)  # the connections are closed in the next turn
