"""What a node serves beside the protocol: signed statements (denials, receipts, endings), its log, hints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trustspace.core.canon import canonical, encode64, loads_object
from trustspace.core.errors import InvalidInput, TrustspaceError
from trustspace.node.logview import checkpoint, growth
from trustspace.node.public import JSON, authenticated, receipted, refusal
from trustspace.services.ending import ENDINGS
from trustspace.services.exchange import Incoming, Reply
from trustspace.services.usage import DELIVERIES, DENIALS

if TYPE_CHECKING:
    from trustspace.node.engine import Engine

GROWTH = "/trustspace/v1/log/growth"
HINT = "/trustspace/v1/registry/changed"
TAKEN: Final = Reply(200, "", "", b"{}")
"""The answer to a statement: without its receipt it might be anybody's."""
Take = Callable[["Engine", Incoming, str], Awaitable[None]]


def routes(engine: Engine) -> list[Route]:
    """The routes below the public root."""
    takes: tuple[tuple[str, Take], ...] = ((DENIALS, _denial), (DELIVERIES, _delivery), (ENDINGS, _ending))
    statements = [_statement(engine, path, take) for path, take in takes]
    return [*statements, _served(engine, "GET", GROWTH, _growth), _served(engine, "POST", HINT, _hint)]


def _statement(engine: Engine, path: str, take: Take) -> Route:
    async def serve(engine: Engine, request: Request) -> Response:
        body = await request.body()
        incoming = await authenticated(engine, request, body)
        await take(engine, incoming, str(loads_object(body).get("statement", "")))
        return await receipted(engine, incoming, TAKEN)

    return _served(engine, "POST", path, serve)


def _served(engine: Engine, method: str, path: str, serve: Callable[[Engine, Request], Awaitable[Response]]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return await serve(engine, request)
        except TrustspaceError as error:
            return refusal(error)

    return Route(engine.path_prefix + path, endpoint, methods=[method])


async def _denial(engine: Engine, incoming: Incoming, statement: str) -> None:
    await engine.books.refused(statement, incoming.caller)


async def _delivery(engine: Engine, incoming: Incoming, statement: str) -> None:
    await engine.gate.receipt(statement, incoming.caller)


async def _ending(engine: Engine, incoming: Incoming, statement: str) -> None:
    await engine.endings.told(statement, incoming.caller)


async def _growth(engine: Engine, request: Request) -> Response:
    """A checkpoint of now, and the proof that the log has only grown since the size that the peer knows."""
    await authenticated(engine, request, b"")
    old = request.query_params.get("from", "0")
    if not old.isdecimal() or len(old) > 15:
        raise InvalidInput(f"{old!r} is not a size", where="from")
    note = await checkpoint(engine.store, engine.me, engine.key)
    size = int(note.split("\n")[1])
    proof = await engine.store.read(lambda tx: growth(tx, int(old), size))
    return Response(canonical({"checkpoint": note, "proof": [encode64(step) for step in proof]}), media_type=JSON)


async def _hint(engine: Engine, _: Request) -> Response:
    """The functional node says that its list has changed; the list itself, fetched and verified, says what."""
    await engine.directory.renew()
    return Response(b"{}", media_type=JSON)
