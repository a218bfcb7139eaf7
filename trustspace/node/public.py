"""The public listener of a connector: the Dataspace Protocol's endpoints from their table, and what stands beside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from trustspace.adapters.http.compression import wants_gzip
from trustspace.adapters.http.limits import bounded, plain, retry_after
from trustspace.core.canon import canonical, digest
from trustspace.core.errors import ClockOff, InvalidInput, MisusedError, NotFound, TrustspaceError, Unauthenticated
from trustspace.core.evidence.receipts import receipt_leaf
from trustspace.core.identity import did
from trustspace.node.quotas import Quotas
from trustspace.node.settings import OPEN
from trustspace.node.showcase import TOKEN, Shown
from trustspace.protocols import dsp
from trustspace.protocols.dsp import Area, Endpoint
from trustspace.services.exchange import RECEIPT, Incoming, Reply
from trustspace.services.shelves import visitor

if TYPE_CHECKING:
    from trustspace.node.engine import Engine

JSON: Final = "application/json"
OURS: Final = "/trustspace/v1"
"""Where what the protocol does not have is served."""
CALLERS: Final = "trustspace.callers"
"""Where a request's scope holds who was authenticated in it."""
_AREAS: Final = {"catalog": "catalog", "negotiations": "negotiation", "transfers": "transfer"}
NO_FILTER: Final = frozenset({"", "{}", "[]", "null"})
"""Items of a `filter` that ask for nothing in particular."""


Serve = Callable[[Request], Awaitable[Response]]


def public_app(engine: Engine, more: list[Route]) -> ASGIApp:
    """The ASGI app; `more` are the routes of the data plane and the log."""
    root = engine.path_prefix
    served = {row: _endpoint(engine, row) for row in dsp.ENDPOINTS}
    routes = [Route(root + dsp.BASE + row.path, serve, methods=[row.method]) for row, serve in served.items()]
    routes.append(Route(root + dsp.WELL_KNOWN, _versions(engine)))
    routes.append(Route(_document_path(root), _document(engine)))
    handlers: dict[Any, Any] = {TrustspaceError: _plain_refusal, HTTPException: partial(_http_refusal, root + dsp.BASE)}
    others = Starlette(routes=[*routes, *more], exception_handlers=handlers)
    app = ServerErrorMiddleware(_direct(root + dsp.BASE, served, others))
    return bounded(_rooted(app, engine.quotas), refusal=partial(_unread, root + dsp.BASE))


def _rooted(app: ASGIApp, quotas: Quotas) -> ASGIApp:
    """The app under its full paths, also where it was mounted below one, and whether they end in a slash or not.

    Tokens are bound to the path that was sent: `raw_path` stays as it is. Whoever is authenticated meanwhile has one
    request less under way when this one ends.
    """

    async def rooted(scope: Scope, receive: Receive, send: Send) -> None:
        callers: list[str] = []
        path = {"path": scope["path"].rstrip("/") or "/"} if "path" in scope else {}
        try:
            await app({**scope, "root_path": "", CALLERS: callers, **path}, receive, send)
        finally:
            for caller in callers:
                quotas.leave(caller)

    return rooted


def _unread(base: str, scope: Scope, error: TrustspaceError) -> bytes:
    """The body of a refusal of a request that was not read: typed, where it was for an endpoint of the protocol."""
    path = str(scope["path"])
    area = path.removeprefix(base).split("/")[1:2] if path.startswith(f"{base}/") else []
    kind = _AREAS.get("".join(area))
    return dsp.encode_error(error, kind) if kind else plain(scope, error)


def _direct(base: str, endpoints: Mapping[Endpoint, Serve], others: ASGIApp) -> ASGIApp:
    """The endpoints of the protocol by a look into a table, past the routes and layers that each message would pay."""
    table = {(row.method, *map(_fixed, row.path.split("/"))): (row, serve) for row, serve in endpoints.items()}

    async def direct(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        parts = path.removeprefix(base).split("/") if path.startswith(f"{base}/") else []
        if exact := table.get((scope.get("method", ""), *parts)):
            return await _served(exact[1], scope, receive, send)
        for place in range(1, len(parts)):
            found = table.get((scope["method"], *parts[:place], None, *parts[place + 1 :]))
            if found and parts[place]:
                [name] = [part.strip("{}") for part in found[0].path.split("/") if _fixed(part) is None]
                return await _served(found[1], {**scope, "path_params": {name: parts[place]}}, receive, send)
        return await others(scope, receive, send)

    return direct


def _fixed(part: str) -> str | None:
    """A part of a path; None for one that stands for a name, so that no request can spell it."""
    return None if part.startswith("{") else part


async def _served(serve: Serve, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and then go on, whether the answer found its way or not: what was said is in the outbox already."""
    response = await serve(Request(scope, receive))
    then, response.background = response.background, None
    try:
        await response(scope, receive, send)
    finally:
        if then is not None:
            await then()


def _endpoint(engine: Engine, row: Endpoint) -> Serve:
    serve = _SERVES.get(row.path) or (_state if row.message is None else _message)

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            return await serve(engine, row, request, body)
        except TrustspaceError as error:
            consumer, provider = dsp.pids_in(body)
            told = dsp.encode_error(error, row.area.value, consumer, provider)
            return Response(told, error.status, headers=retry_after(error), media_type=JSON)

    return endpoint


async def _message(engine: Engine, row: Endpoint, request: Request, body: bytes) -> Response:
    incoming = await authenticated(engine, request, body)
    if row.begins:
        engine.quotas.check_opening(incoming.caller.participant, row.area.value)
    message: Any = dsp.decode(body, row.message or object)
    use_case = engine.negotiations if row.area is Area.NEGOTIATION else engine.transfers
    reply = await use_case.take(incoming, message, pid=request.path_params.get("pid", ""))
    return await _answered(engine, row, incoming, reply)


async def _answered(engine: Engine, row: Endpoint, incoming: Incoming, reply: Reply) -> Response:
    """The stored answer with its receipt; what is ours to do next begins once it has been given."""
    answer = await receipted(engine, incoming, reply)
    if reply.todo or reply.then:
        answer.background = BackgroundTask(engine.after, row.area.value, reply)
    return answer


async def receipted(engine: Engine, incoming: Incoming, reply: Reply) -> Response:
    """An answer with its receipt."""
    leaf = receipt_leaf(
        received=digest(incoming.body),
        answered=digest(reply.body),
        status=reply.status,
        state=reply.state,
        time=engine.steady.now(),
        sender=incoming.caller.participant,
        receiver=engine.me,
        process=reply.process,
    )
    receipt = await engine.receipts.receipt(leaf)
    headers = {RECEIPT: receipt} if receipt else {}
    return Response(reply.body, reply.status, headers=headers, media_type=JSON)


async def _state(engine: Engine, row: Endpoint, request: Request, body: bytes) -> Response:
    incoming = await authenticated(engine, request, body)
    use_case = engine.negotiations if row.area is Area.NEGOTIATION else engine.transfers
    process = await use_case.get(request.path_params["pid"])
    if process.peer != incoming.caller.participant:
        raise NotFound("there is no such process of yours here")
    return Response(dsp.encode_state(process), media_type=JSON)


async def _catalog(engine: Engine, _: Endpoint, request: Request, body: bytes) -> Response:
    incoming = await authenticated(engine, request, body)
    if any(said not in NO_FILTER for said in dsp.decode(body, dsp.CatalogRequest).filter):
        raise InvalidInput("there is no filter here", where="filter", hint="read the whole catalogue, page by page")
    page = await engine.showcase.catalogue(visitor(incoming.caller), request.query_params.get(TOKEN, ""))
    return _shown(request, page)


async def _dataset(engine: Engine, _: Endpoint, request: Request, body: bytes) -> Response:
    incoming = await authenticated(engine, request, body)
    return _shown(request, await engine.showcase.dataset(visitor(incoming.caller), request.path_params["id"]))


def _shown(request: Request, page: Shown) -> Response:
    """The page, packed for who asks for that; 304 to who has it. No cache between us may give it to somebody else."""
    headers = {"etag": page.tag, "vary": "authorization, accept-encoding", "cache-control": "private, no-cache"}
    if page.link:
        headers["link"] = page.link
    if _has(request.headers.get("if-none-match", ""), page.tag):
        return Response(status_code=304, headers=headers)
    if not wants_gzip(request.headers.get("accept-encoding", "")):
        return Response(page.body, headers=headers, media_type=JSON)
    return Response(page.zipped, headers={**headers, "content-encoding": "gzip"}, media_type=JSON)


def _has(if_none_match: str, tag: str) -> bool:
    """Whether the header names the tag, compared weakly (RFC 9110, 13.1.2)."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag.removeprefix("W/") in named or named == ["*"]


_SERVES: Final[Mapping[str, Callable[..., Awaitable[Response]]]] = {
    "/catalog/request": _catalog,
    "/catalog/datasets/{id}": _dataset,
}


async def authenticated(engine: Engine, request: Request, body: bytes) -> Incoming:
    """Who calls, by the bearer token that is bound to this request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if engine.open is not None:
        pid, name = request.path_params.get("pid", ""), token or scheme
        incoming = await engine.open.visitor(name, pid, body, request.method, target_of(request))
    elif scheme.lower() != "bearer" or not token:
        raise Unauthenticated("a bearer token is expected", where="Authorization", hint="see specs/identity.md")
    else:
        incoming = await _proven(engine, token, request, body)
    engine.quotas.enter(incoming.caller.participant)
    request.scope[CALLERS].append(incoming.caller.participant)
    return incoming


async def _proven(engine: Engine, token: str, request: Request, body: bytes) -> Incoming:
    try:
        return await engine.listed.authenticate(token, request.method, target_of(request), body)
    except ClockOff as error:
        engine.clocks.refused(error.where, error)
        raise


def target_of(request: Request) -> str:
    """The path as it was sent, with its query: what a token is bound to."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    return (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("ascii", "replace")


def _versions(engine: Engine) -> Callable[[Request], Awaitable[Response]]:
    spoken = dsp.Version(identity=OPEN) if engine.settings.open else dsp.Version(signs="CMS")

    async def endpoint(_: Request) -> Response:
        return Response(dsp.encode_versions([spoken]), media_type=JSON)

    return endpoint


def _document(engine: Engine) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        services = [("DataService", engine.base), ("CatalogService", f"{engine.base}/catalog")]
        if engine.seal.certificate and not engine.settings.open:
            services.append((did.SIGNING, f"{engine.settings.public_url}{OURS}"))
        former = engine.folder.read_certificate("signing.former")  # what was signed before a renewal is still under way
        certificates = [one for one in dict.fromkeys((engine.seal.certificate, former)) if one]
        return Response(did.make_document(engine.me, certificates=certificates, services=services), media_type=JSON)

    return endpoint


def _document_path(root: str) -> str:
    """did:web: `/.well-known/did.json`, or `did.json` below a path."""
    return f"{root}/did.json" if root else "/.well-known/did.json"


async def _plain_refusal(_: Request, error: TrustspaceError) -> Response:
    return refusal(error)


def refusal(error: TrustspaceError, **more: Any) -> Response:
    """An error outside the Dataspace Protocol's own endpoints, as JSON."""
    told = {"code": error.code, "what": error.what, "where": error.where, "hint": error.hint, "reason": str(error)}
    return Response(canonical({**told, **more}), error.status, headers=retry_after(error), media_type=JSON)


async def _http_refusal(base: str, request: Request, error: HTTPException) -> Response:
    """No such path, or not this method there."""
    kind = NotFound if error.status_code == 404 else MisusedError
    body = _unread(base, request.scope, kind(str(error.detail)))
    return Response(body, error.status_code, headers=error.headers, media_type=JSON)
