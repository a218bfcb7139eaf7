"""The management interface: who may use it, what it takes, what it says of itself."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.node.spaces import make_node, space, urls
from trustspace.node.management import openapi
from trustspace.node.running import run_node
from trustspace.node.verbs import BOTH, CONNECTOR, FUNCTIONAL, Verb
from trustspace.node.views import Nothing

SPEC = Path(__file__).parents[2] / "specs" / "management.md"
TABLES = {"Every node": BOTH, "A connector": CONNECTOR, "A functional node": FUNCTIONAL}


@asynccontextmanager
async def managed(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A running functional node's management interface, with the right token."""
    await make_node(folder, urls()["node"])
    async with run_node(folder) as running:
        headers = {"authorization": f"Bearer {(folder / 'management.token').read_text()}"}
        async with httpx.AsyncClient(base_url=running.management.url, headers=headers) as http:
            yield http


def typed(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    told: dict[str, str] = answer.json()
    assert set(told) == {"code", "what", "where", "hint"}
    assert told["code"] == code
    assert told["what"]
    return told


def test_the_token_is_needed_and_loopback_is_the_default(tmp_path: Path) -> None:
    async def go() -> None:
        async with managed(tmp_path / "node") as http:
            assert http.base_url.host == "127.0.0.1"
            assert (tmp_path / "node" / "management.token").stat().st_mode & 0o777 == 0o600
            for wrong in ("", "Bearer", "Bearer wrong", "Basic eDp5", http.headers["authorization"] + "x"):
                answer = await http.get("/v1/status", headers={"authorization": wrong})
                typed(answer, 401, "unauthenticated")
            assert (await http.get("/health", headers={"authorization": ""})).json() == {"status": "ok"}
            assert (await http.get("/openapi.json", headers={"authorization": ""})).status_code == 200
            assert (await http.get("/v1/status")).json()["kind"] == "functional"

    asyncio.run(go())


def test_bad_requests_are_typed(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s:
            told = json.loads((tmp_path / "bus" / "running.json").read_text())
            token = (tmp_path / "bus" / "management.token").read_text()
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=told["management"], headers=headers) as http:
                use = "/v1/contracts/urn:uuid:x/uses"
                typed(await http.post(use, content=b"{"), 400, "invalid-input")
                typed(await http.post(use, content=b"[]"), 400, "invalid-input")
                typed(await http.post(use, content=b"\xff"), 400, "invalid-input")
                typed(await http.post(use, content=b'{"a":' * 65 + b"1" + b"}" * 65), 413, "too-large")
                typed(await http.post(use, content=b'{"purpose": "' + b"x" * (1 << 20) + b'"}'), 413, "too-large")
                misspelt = typed(await http.post(use, json={"porpoise": "x"}), 400, "invalid-input")
                assert "porpoise" in misspelt["what"]
                typed(await http.post(use, json={"purpose": "x"}), 404, "not-found")
                typed(await http.get("/v1/moon"), 404, "misused")
                typed(await http.patch("/v1/status"), 405, "misused")
                typed(await http.get("/v1/uses", params={"limit": "many"}), 400, "invalid-input")
                typed(await http.get("/v1/uses/nothing/data"), 404, "not-found")
                typed(await http.get("/v1/contracts/urn:uuid:x/evidence"), 404, "not-found")
                assert (await http.get("/v1/status")).status_code == 200
            assert s.bus

    asyncio.run(go())


def test_a_file_may_be_larger_than_a_request(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path):
            told = json.loads((tmp_path / "bus" / "running.json").read_text())
            token = (tmp_path / "bus" / "management.token").read_text()
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=told["management"], headers=headers) as http:
                answer = await http.put("/v1/files/big.bin", content=bytes(3 << 20))
                assert answer.json()["size"] == 3 << 20
        assert not [one for one in (tmp_path / "bus" / "files").iterdir() if one.suffix == ".part"]

    asyncio.run(go())


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("verbs", [(*BOTH, *CONNECTOR), (*BOTH, *FUNCTIONAL)])
def test_the_openapi_document_is_whole(verbs: tuple[Verb[Any, Any], ...]) -> None:
    document = json.loads(json.dumps(openapi(verbs, "1", files=True)))
    assert document["openapi"].startswith("3.1")
    found = set(references(document))
    assert found
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    operations = {
        (method.upper(), path): operation
        for path, row in document["paths"].items()
        for method, operation in row.items()
    }
    names = [operation["operationId"] for operation in operations.values()]
    assert len(names) == len(set(names))
    for verb in verbs:
        operation = operations[verb.method, verb.path]
        inside = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert inside == set(re.findall(r"{(\w+)}", verb.path))
        assert ("requestBody" in operation) is (verb.request is not Nothing)
        assert {"200", "default"} <= set(operation["responses"])
    assert {"put_file", "read_use", "health"} <= set(names)


@pytest.mark.parametrize("title", TABLES)
def test_the_page_has_every_verb(title: str) -> None:
    """specs/management.md, its tables: what `node.verbs` says, word by word."""
    part = SPEC.read_text(encoding="utf-8").partition(f"### {title}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    assert rows == [row(verb) for verb in TABLES[title]]


def row(verb: Verb[Any, Any]) -> str:
    query = ", ".join(verb.query)
    asked = "" if verb.request is Nothing else f"`{verb.request.__name__}`"
    given = verb.raw or (f"list of `{verb.answer.__name__}`" if verb.many else f"`{verb.answer.__name__}`")
    return f"| `{verb.name}` | `{verb.method} {verb.path}` | {verb.text} | {asked} | {query} | {given} |"
