"""A connector inside one's own process: it listens while open, or is a client of whoever has its folder."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import anyio
from starlette.types import ASGIApp

from trustspace.core.canon import JsonObject
from trustspace.core.errors import Conflict, MisusedError, Unavailable
from trustspace.node import views as v
from trustspace.node.client import VERBS, Client, Participant
from trustspace.node.folder import Folder
from trustspace.node.running import Running, run_node

STARTING_SECONDS: Final = 5.0


class Connector(Participant):
    """`async with Connector.open(folder) as connector`: every verb, carried out here or by whoever runs the folder."""

    def __init__(self, folder: Path, *, public: bool, rules: Sequence[JsonObject] = ()) -> None:
        self._folder, self._public, self._rules = folder, public, tuple(rules)
        self._stack = AsyncExitStack()
        self._running: Running | None = None
        self._client: Client | None = None

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, public: bool = True, rules: Sequence[JsonObject] = ()) -> Self:
        """The node of a folder. `public=False`: it opens no public listener; mount `app` in an ASGI app of yours.

        `rules` are tried before those of the folder's settings; they are tables as there (`specs/rules.md`).
        """
        return cls(Path(folder), public=public, rules=rules)

    async def __aenter__(self) -> Self:
        try:
            self._running = await self._stack.enter_async_context(
                run_node(self._folder, public=self._public, rules=self._rules)
            )
        except Conflict:  # somebody runs this folder: be a client of theirs
            if self._rules:
                raise MisusedError(
                    "another process runs this folder, by its own rules", where=str(self._folder)
                ) from None
            self._client = await self._stack.enter_async_context(await _beside(self._folder))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def app(self) -> ASGIApp:
        """The public side as an ASGI app, to be mounted at the path of `public_url`."""
        if self._running is None:
            raise MisusedError("another process runs this folder", where=str(self._folder), hint="mount it there")
        return self._running.app

    async def call(self, name: str, *path: str, request: v.View | None = None, **query: str) -> Any:
        """Do one verb of the table."""
        if self._client is not None:
            return await self._client.call(name, *path, request=request, **query)
        if self._running is None:
            raise MisusedError("the connector is not open", hint="async with Connector.open(folder) as connector")
        method = getattr(self._running.operations, VERBS[name].name, None)
        if method is None:
            raise MisusedError(f"this kind of node does not do {name}", where=str(self._folder))
        given = () if request is None else (request,)
        return await method(*path, *given, **query)

    async def upload(self, name: str, path: Path) -> str:
        """Put a file into the node."""
        if self._client is not None:
            return await self._client.upload(name, path)
        return str((await self._operations().put_file(name, _chunks(path)))["file"])

    @asynccontextmanager
    async def download(self, use: v.UseView) -> AsyncIterator[AsyncIterator[bytes]]:
        """The verified bytes of a use."""
        if self._client is not None:
            async with self._client.download(use) as chunks:
                yield chunks
            return
        _, chunks = await self._operations().read_use(use.use)
        yield chunks

    def _operations(self) -> Any:
        if self._running is None:
            raise MisusedError("the connector is not open")
        return self._running.operations


async def _beside(folder: Path) -> Client:
    """The client of whoever runs the folder; one that has just started says soon where it is heard."""
    with anyio.move_on_after(STARTING_SECONDS):
        while True:
            with suppress(Unavailable):
                return Client.of(folder, process=Folder(folder).holder())
            await anyio.sleep(0.05)
    return Client.of(folder, process=Folder(folder).holder())


@asynccontextmanager
async def reach(folder: Path) -> AsyncIterator[Participant]:
    """The node of a folder for one command: the one that runs there, or else opened for as long as it takes."""
    async with Connector.open(folder) as node:
        yield node


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(1 << 20):
            yield chunk
