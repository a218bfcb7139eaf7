"""The management interface (HTTP, JSON, a bearer token): routes and OpenAPI document made from the table of verbs."""

from __future__ import annotations

import hmac
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final, Protocol

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from trustspace.core.canon import loads
from trustspace.core.errors import InvalidInput, MisusedError, TooLarge, TrustspaceError, Unauthenticated
from trustspace.node.settings import settings_error
from trustspace.node.verbs import Verb
from trustspace.node.views import Nothing

OPEN_PATHS = frozenset({"/health", "/openapi.json"})
"""What needs no token."""


MAX_BODY: Final = 1 << 20
_TEXT: Final = {"type": "string"}
ERROR: Final = {
    "type": "object",
    "description": "what went wrong, where, and what to do next; `code` is a word to match on",
    "properties": dict.fromkeys(("code", "what", "where", "hint"), _TEXT),
    "required": ["code", "what", "where", "hint"],
}
REFUSED: Final = {
    "description": "not done",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
HEALTH: Final[dict[str, Any]] = {
    "operationId": "health",
    "summary": "that the node runs",
    "security": [],
    "responses": {"200": {"description": "it does", "content": {"application/json": {}}}},
}
_BYTES: Final[dict[str, Any]] = {"application/octet-stream": {}}


def _stream(name: str, text: str, parameter: str, **more: Any) -> dict[str, Any]:
    place = {"name": parameter, "in": "path", "required": True, "schema": _TEXT}
    return {"operationId": name, "summary": text, "parameters": [place], **more}


STREAMS: Final[dict[str, Any]] = {
    "/v1/files/{name}": {
        "put": _stream(
            "put_file",
            "put a file into the node, to publish it by the name in the answer",
            "name",
            requestBody={"content": _BYTES},
            responses={
                "200": {"description": "file, digest, size", "content": {"application/json": {}}},
                "default": REFUSED,
            },
        )
    },
    "/v1/uses/{use}/data": {
        "get": _stream(
            "read_use",
            "the bytes of a permitted use, once they are here and verified",
            "use",
            responses={"200": {"description": "the data", "content": _BYTES}, "default": REFUSED},
        )
    },
}


class Files(Protocol):
    """The two streams beside the table."""

    async def put_file(self, name: str, chunks: AsyncIterator[bytes]) -> dict[str, Any]:
        """Store a file to publish; answers its name, digest and size."""

    async def read_use(self, use: str) -> tuple[dict[str, str], AsyncIterator[bytes]]:
        """The headers and the verified bytes of a use."""


def management_app(operations: Any, verbs: Iterable[Verb[Any, Any]], token: str, *, version: str) -> ASGIApp:
    """The ASGI app over an object that has a method for each verb; `Files` are served where it has those too."""
    verbs = tuple(verbs)
    files = hasattr(operations, "put_file")
    document = openapi(verbs, version, files=files)
    routes = [
        Route(verb.path, _endpoint(verb, getattr(operations, verb.name)), methods=[verb.method]) for verb in verbs
    ]
    routes.append(Route("/health", _constant({"status": "ok"})))
    routes.append(Route("/openapi.json", _constant(document)))
    if files:
        routes += _streams(operations)
    handlers: dict[Any, Any] = {TrustspaceError: _refusal, HTTPException: _http_refusal, Exception: _defect}
    return _Guard(Starlette(routes=routes, exception_handlers=handlers), token)


class _Guard:
    """Lets nothing in without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                await _refusal_of(
                    Unauthenticated("the management token is missing or wrong", hint="see management.token")
                )(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _endpoint(verb: Verb[Any, Any], method: Callable[..., Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = await _given(verb, request)
        query = {name: value for name, value in request.query_params.items() if name in verb.query}
        return _answer(verb, await method(*request.path_params.values(), *given, **query))

    return endpoint


async def _given(verb: Verb[Any, Any], request: Request) -> list[BaseModel]:
    if verb.request is Nothing:
        return []
    body = await _body(request)
    try:
        return [verb.request.model_validate(loads(body) if body else {})]
    except ValidationError as error:
        raise settings_error(error, "body") from error


async def _body(request: Request) -> bytes:
    """The request's bytes; `TooLarge` as soon as they are more than any request needs."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(f"the request is over {MAX_BODY} bytes", where="body")
    return bytes(body)


def _answer(verb: Verb[Any, Any], value: Any) -> Response:
    if verb.raw:
        return Response(value, media_type=verb.raw)
    adapter: TypeAdapter[Any] = TypeAdapter(list[verb.answer] if verb.many else verb.answer)  # type: ignore[name-defined]  # a runtime type
    return Response(adapter.dump_json(value), media_type="application/json")


def _streams(operations: Files) -> list[Route]:
    async def put(request: Request) -> Response:
        return JSONResponse(await operations.put_file(request.path_params["name"], request.stream()))

    async def get(request: Request) -> Response:
        headers, chunks = await operations.read_use(request.path_params["use"])
        return StreamingResponse(chunks, headers=headers)

    return [Route("/v1/files/{name}", put, methods=["PUT"]), Route("/v1/uses/{use}/data", get, methods=["GET"])]


def _constant(document: dict[str, Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        return JSONResponse(document)

    return endpoint


def _refusal_of(error: TrustspaceError) -> JSONResponse:
    return JSONResponse(
        {"code": error.code, "what": error.what, "where": error.where, "hint": error.hint}, status_code=error.status
    )


async def _http_refusal(request: Request, error: HTTPException) -> Response:
    what = {404: "this kind of node does nothing there", 405: "this is done with another method"}
    refused = MisusedError(
        what.get(error.status_code, error.detail), where=request.url.path, hint="/openapi.json has what it does"
    )
    answer = _refusal_of(refused)
    answer.status_code = error.status_code
    return answer


async def _defect(_: Request, error: Exception) -> Response:
    return _refusal_of(TrustspaceError(f"a defect: {type(error).__name__}", hint="the node's own log has more"))


async def _refusal(_: Request, error: TrustspaceError) -> Response:
    return _refusal_of(error)


def raised(status: int, body: bytes) -> TrustspaceError:
    """The error that an answer of this interface tells of, of the same kind as was raised in the node."""
    try:
        told = loads(body)
        kinds = {kind.code: kind for kind in reversed(_tree(TrustspaceError))}  # of one code, the one nearest the root
        return kinds[told["code"]](told["what"], where=told["where"], hint=told["hint"])
    except (InvalidInput, KeyError, TypeError):
        return TrustspaceError(f"the node answered {status}: {body[:200].decode(errors='replace')}")


def _tree(kind: type[TrustspaceError]) -> list[type[TrustspaceError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _tree(child))]


def openapi(verbs: Iterable[Verb[Any, Any]], version: str, *, files: bool = False) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these verbs; with `files` the two streams stand beside them."""
    schemas: dict[str, Any] = {"Error": ERROR}
    paths: dict[str, dict[str, Any]] = {"/health": {"get": HEALTH}, **(STREAMS if files else {})}
    for verb in verbs:
        paths.setdefault(verb.path, {})[verb.method.lower()] = _operation(verb, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "trustspace management", "version": version},
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(verb: Verb[Any, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    content = {verb.raw: {}} if verb.raw else {"application/json": {"schema": _schema(verb, schemas)}}
    operation: dict[str, Any] = {
        "operationId": verb.name,
        "summary": verb.text,
        "parameters": _parameters(verb),
        "responses": {
            "200": {"description": "done", "content": content},
            "default": REFUSED,
        },
    }
    if verb.request is not Nothing:
        operation["requestBody"] = {"content": {"application/json": {"schema": _reference(verb.request, schemas)}}}
    return operation


def _schema(verb: Verb[Any, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    one = _reference(verb.answer, schemas)
    return {"type": "array", "items": one} if verb.many else one


def _parameters(verb: Verb[Any, Any]) -> list[dict[str, Any]]:
    inside = [part[1:-1] for part in verb.path.split("/") if part.startswith("{")]
    text = {"type": "string"}
    return [{"name": name, "in": "path", "required": True, "schema": text} for name in inside] + [
        {"name": name, "in": "query", "schema": text} for name in verb.query
    ]


def _reference(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    if model.__name__ not in schemas:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
        schema["description"] = inspect.getdoc(model) or ""
    return {"$ref": f"#/components/schemas/{model.__name__}"}
