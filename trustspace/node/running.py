"""Running a node: its folder is opened, its listeners are heard, its workers go, until it is told to stop."""

from __future__ import annotations

import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from trustspace.adapters.http.anchor import PATH as ANCHOR_PATH
from trustspace.adapters.http.limits import bounded
from trustspace.adapters.http.tls import server_context
from trustspace.adapters.keys.file import find_passphrase
from trustspace.adapters.storage import FolderLock, SqliteStore
from trustspace.adapters.system import SystemClock, SystemIds
from trustspace.core.canon import JsonObject
from trustspace.core.errors import MisusedError
from trustspace.node import beside, dataplane
from trustspace.node.engine import Engine
from trustspace.node.folder import Folder
from trustspace.node.functional import FunctionalNode
from trustspace.node.importing import import_seeds
from trustspace.node.management import management_app
from trustspace.node.operations import Operations
from trustspace.node.public import public_app
from trustspace.node.renewing import keep_renewed
from trustspace.node.reviewing import Reviewing
from trustspace.node.revoking import Hints
from trustspace.node.serving import Bound, Listener, serve
from trustspace.node.settings import FILE, OPEN_WARNING, Settings, read, split_bind, with_rules
from trustspace.node.verbs import BOTH, CONNECTOR, FUNCTIONAL
from trustspace.node.working import working
from trustspace.services.authority import Authority
from trustspace.version import VERSION

PURGE_SECONDS: Final = 300.0
PEM: Final = "application/x-pem-file"


@dataclass(frozen=True, slots=True)
class Running:
    """A node that runs: what it can do, and where it is heard."""

    operations: Any
    app: ASGIApp
    management: Bound
    engine: Engine | None = None


@asynccontextmanager
async def run_node(path: Path, *, public: bool = True, rules: Sequence[JsonObject] = ()) -> AsyncIterator[Running]:
    """Run the node of a folder inside the present event loop; `public=False` leaves its public app to be mounted.

    `rules` are tried before those of its settings.

    Raises `NotFound` where there is no node, `Conflict` where another process runs it, `Unavailable` or `MisusedError`
    where it cannot listen.
    """
    settings, folder = with_rules(read(path), rules), Folder(path)
    lock = FolderLock.acquire(path)
    try:
        store = SqliteStore.open(folder.database, lock=lock, max_pages=settings.database_pages)
    except BaseException:
        lock.release()
        raise
    run = _functional if settings.kind == "functional" else _connector
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        folder.settle()
        running = await stack.enter_async_context(run(folder, settings, store, public))
        folder.announce(running.management.url, settings.public_url)
        stack.callback(folder.retract)
        yield running


@asynccontextmanager
async def _connector(folder: Folder, settings: Settings, store: SqliteStore, public: bool) -> AsyncIterator[Running]:
    if settings.open:
        _warn_of_open(folder)
    engine = Engine(folder, settings, store)
    operations = Operations(engine)
    app = public_app(engine, [*dataplane.routes(engine), *beside.routes(engine)])
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.peer.close)
        workers = await stack.enter_async_context(working())
        opening = _Opening(engine, app, stack)
        if public:
            engine.on_open = opening.open
        await import_seeds(engine)
        if engine.ready:
            await engine.open_public()
        manage = management_app(operations, (*BOTH, *CONNECTOR), folder.token(), version=VERSION)
        (bound,) = await stack.enter_async_context(serve([_management(settings, manage)]))
        await workers.start(engine.run)
        workers.start_soon(keep_renewed, operations.renew_if_due)
        yield Running(operations, app, bound, engine)


def _warn_of_open(folder: Folder) -> None:
    """Say loudly what an open test network is; raises `MisusedError` for a node that has an identity to lose."""
    if folder.read_certificate("signing") is not None:
        raise MisusedError(
            "a registered node does not join an open test network", where=FILE, hint="make a node of its own for tests"
        )
    sys.stderr.write(f"WARNING: {OPEN_WARNING}\n")


class _Opening:
    """Opens the public listener, once, when the connector has its certificates."""

    def __init__(self, engine: Engine, app: ASGIApp, stack: AsyncExitStack) -> None:
        self._engine, self._app, self._stack, self._open = engine, app, stack, False
        self._lock = anyio.Lock()

    async def open(self) -> None:
        """Listen, unless that is so already; two who ask at once open once."""
        async with self._lock:
            if self._open:
                return
            engine = self._engine
            tls = _tls(engine.folder, engine.settings)
            await self._stack.enter_async_context(serve([_public(engine.settings, self._app, tls)]))
            engine.tls, self._open = tls, True


@asynccontextmanager
async def _functional(folder: Folder, settings: Settings, store: SqliteStore, public: bool) -> AsyncIterator[Running]:
    clock, ids, key = SystemClock(), SystemIds(), folder.load_key("signing")
    authority = Authority(folder.load_key("root"), folder.roots()[0], ids)
    certificate = folder.read_certificate("signing") or b""
    hints = Hints.over(store, folder.roots(), settings)
    node = FunctionalNode(store, clock, ids, authority, key, certificate, place=settings.place, on_change=hints.changed)
    reviewing = Reviewing(node, authority, folder, settings, store, clock, key)
    reviewing.announced = hints.settled
    await reviewing.renew_if_due()
    reviewing.tls = _tls(folder, settings) if public else None
    app = functional_app(node, folder)
    manage = management_app(reviewing, (*BOTH, *FUNCTIONAL), folder.token(), version=VERSION)
    listeners = [_management(settings, manage)]
    if public:
        listeners.append(_public(settings, app, reviewing.tls))
    async with serve(listeners) as bound, working() as workers:
        workers.start_soon(hints.run)
        workers.start_soon(keep_renewed, reviewing.renew_if_due)
        yield Running(reviewing, app, bound[0])


def functional_app(node: FunctionalNode, folder: Folder) -> ASGIApp:
    """The public side of a functional node: the national interfaces, and its root certificate."""

    async def national(request: Request) -> Response:
        status, headers, body = await node.answer(
            request.path_params["interface"], dict(request.headers), await request.body()
        )
        return Response(body, status, headers=dict(headers), media_type="application/json")

    async def root(_: Request) -> Response:
        return Response(folder.certificate("root").read_bytes(), media_type=PEM)

    routes = [Route(ANCHOR_PATH, root), Route("/{interface}", national, methods=["POST"])]
    return bounded(Starlette(routes=routes))


def _management(settings: Settings, app: ASGIApp) -> Listener:
    host, port = split_bind(settings.management_bind)
    return Listener(app, host, port)


def _public(settings: Settings, app: ASGIApp, tls: ssl.SSLContext | None) -> Listener:
    host, port = split_bind(settings.public_bind)
    return Listener(app, host, port, tls)


def _tls(folder: Folder, settings: Settings) -> ssl.SSLContext | None:
    if settings.plain:
        sys.stderr.write(f"WARNING: {settings.public_url} is plain HTTP; nothing on it is encrypted\n")
        return None
    return server_context(folder.certificate("tls"), folder.key("tls"), find_passphrase(os.environ))


def serve_forever(path: Path) -> None:
    """Run the node of a folder until SIGINT or SIGTERM; prints `ready PUBLIC MANAGEMENT` once it is heard."""
    if not path.is_dir():
        raise MisusedError("there is no such folder", where=str(path), hint="trustspace init DIR")
    try:
        import uvloop

        uvloop.run(_until_told(path))
    except ImportError:
        anyio.run(_until_told, path)


async def _until_told(path: Path) -> None:
    async with run_node(path) as running:
        settings = read(path)
        sys.stdout.write(f"ready {settings.public_url} {running.management.url}\n")
        sys.stdout.flush()
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                return
