"""The provider's data plane: ask for a use with the transfer's token, read its bytes with the use's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trustspace.adapters.dataplane.ranges import respond
from trustspace.core.canon import canonical, digest, loads, loads_object
from trustspace.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Refused,
    TrustspaceError,
    Unauthenticated,
    Unavailable,
)
from trustspace.core.usage import REFUSED, Access, Use, check_access
from trustspace.node.public import JSON, refusal
from trustspace.ports import Content
from trustspace.services.usage import Granted, Wish

if TYPE_CHECKING:
    from trustspace.node.engine import Engine

Serve = Callable[["Engine", Request], Awaitable[Response]]
PURPOSE: Final = "trustspace-purpose"


def routes(engine: Engine) -> list[Route]:
    """The routes below the public root."""
    table: tuple[tuple[str, str, Serve], ...] = (
        ("POST", "/data/{transfer}/uses", _ask),
        ("GET", "/data/{transfer}/uses/{use}", _read),
        ("GET", "/data/{transfer}", _plain),
    )
    return [_route(engine, method, path, serve) for method, path, serve in table]


def _route(engine: Engine, method: str, path: str, serve: Serve) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return await serve(engine, request)
        except TrustspaceError as error:
            return refusal(error)

    return Route(engine.path_prefix + path, endpoint, methods=[method])


async def _ask(engine: Engine, request: Request) -> Response:
    token = bearer(request)
    told = loads_object(await request.body())
    fulfilled = told.get("fulfilled", [])
    name, purpose = told.get("use"), told.get("purpose", "")
    if not isinstance(name, str) or not isinstance(purpose, str) or not isinstance(fulfilled, list):
        raise InvalidInput('{"use": name, "purpose": text, "fulfilled": [duties]} is expected', where="body")
    wish = Wish(name, purpose, frozenset(map(str, fulfilled)))
    granted = await _decided(engine, token, request.path_params["transfer"], wish)
    return _told(granted) if granted.token else _denied(granted)


async def _read(engine: Engine, request: Request) -> Response:
    use = await engine.gate.open(bearer(request))
    if use.key.rpartition("#")[2] != request.path_params["use"] or use.transfer != request.path_params["transfer"]:
        raise Unauthenticated("this token is for another use", where="Authorization")
    return await _deliver(engine, request, use)


async def _plain(engine: Engine, request: Request) -> Response:
    """For clients that know only the protocol: the transfer's own use, its purpose in a header or nowhere."""
    transfer = request.path_params["transfer"]
    purpose = request.headers.get(PURPOSE, request.query_params.get("purpose", ""))
    granted = await _decided(engine, bearer(request), transfer, Wish(f"transfer-{transfer[-36:]}", purpose))
    return await _deliver(engine, request, granted.use) if granted.token else _denied(granted)


async def _decided(engine: Engine, token: str, transfer: str, wish: Wish) -> Granted:
    access = await engine.store.read(lambda tx: tx.get(Access, digest(token.encode())))
    caller = await engine.directory.known(check_access(access).peer, fresh=False)
    return await engine.gate.ask(token, transfer, wish, caller)


def _told(granted: Granted) -> Response:
    use = granted.use
    told: dict[str, Any] = {
        "use": use.key,
        "token": granted.token,
        "number": use.number,
        "digest": use.digest,
        "size": use.size,
        "name": use.name,
        "mediaType": use.media_type,
        "at": use.at.isoformat(),
        "expires": use.expires.isoformat(),
        "report": loads(use.report.encode()),
    }
    return Response(canonical(told), 201, media_type=JSON)


def _denied(granted: Granted) -> Response:
    """No bytes; the reason, and the denial that the provider signed."""
    use = granted.use
    if use.state not in {REFUSED, "open"}:
        return refusal(Refused(f"this use is {use.state}", where=use.key, hint="ask for another use"))
    error = Refused(use.reason, where=use.key)
    return refusal(error, decision=use.decision, statement=use.statement, todo=list(granted.todo))


async def _deliver(engine: Engine, request: Request, use: Use) -> Response:
    content = Content(use.digest, use.size, use.media_type, use.name)
    part = respond(content, request.headers.get("range"), request.headers.get("if-range"))
    if part.status >= 400:
        return Response(status_code=part.status, headers=part.headers)
    chunks = await _begun(engine.source.read(use.reference, content, start=part.start, stop=part.stop))
    headers = {**part.headers, "content-type": use.media_type or "application/octet-stream"}
    return StreamingResponse(engine.streams.guarded(use.agreement, chunks), part.status, headers=headers)


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks, once the first is here: a file that is lost or changed is said before any byte, and is final."""
    try:
        first = await anext(chunks, b"")
    except (NotFound, Unavailable) as error:
        raise Conflict(
            f"the provider no longer has this data: {error.what}", where=error.where, hint="tell the provider"
        ) from error

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return whole()


def bearer(request: Request) -> str:
    """The access token of the request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("an access token is expected", where="Authorization")
    return token
