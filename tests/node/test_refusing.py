"""What the public side refuses: each with its status and a typed body, and nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.node.spaces import Space, space
from trustspace.adapters.keys.memory import MemoryKey
from trustspace.adapters.system import SystemIds
from trustspace.core.canon import canonical
from trustspace.core.identity.did import did_from_url
from trustspace.node.folder import Folder
from trustspace.node.seal import Seal
from trustspace.services.authority import Authority, make_root

CATALOG = "/dsp/2025-1/catalog/request"
NEGOTIATE = "/dsp/2025-1/negotiations/request"
UNKNOWN = "/dsp/2025-1/negotiations/urn:uuid:00000000-0000-4000-8000-000000000000"
ASK = canonical({"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"})


class Shifted:
    """A clock that is wrong by so much."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self._by


class Caller:
    """A hand-made client with the planner's keys, or with somebody else's."""

    def __init__(self, s: Space, http: httpx.AsyncClient, *, by: timedelta = timedelta(0)) -> None:
        folder = Folder(s.root / "trip")
        self.audience, self._http = did_from_url(s.urls["bus"]), http
        certificate = folder.read_certificate("signing") or b""
        clock, me = Shifted(by), did_from_url(s.urls["trip"])
        self.seal = Seal(folder.load_key("signing"), certificate, folder.roots(), clock, SystemIds(), me)

    def token(self, method: str, path: str, body: bytes, audience: str = "") -> str:
        return self.seal.token(audience or self.audience, method, path, body)

    async def __call__(
        self, path: str, body: bytes = ASK, *, method: str = "POST", token: str | None = None
    ) -> httpx.Response:
        headers = {"content-type": "application/json"}
        token = self.token(method, path, body) if token is None else token
        if token:
            headers["authorization"] = f"Bearer {token}"
        return await self._http.request(method, path, content=body, headers=headers)


def against_the_bus_company(
    tmp_path: Path, body: Callable[[Space, Caller], Awaitable[None]], *, by: timedelta = timedelta(0)
) -> None:
    async def go() -> None:
        async with space(tmp_path) as s, httpx.AsyncClient(base_url=s.urls["bus"]) as http:
            await body(s, Caller(s, http, by=by))
            assert await s.bus.call("negotiations") == []
            assert (await s.bus.status()).contracts == 0

    asyncio.run(go())


def typed(answer: httpx.Response, status: int, kind: str) -> str:
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told["@type"] == kind
    assert told["code"]
    return str(told["reason"])


def test_who_is_calling(tmp_path: Path) -> None:
    async def body(s: Space, call: Caller) -> None:
        assert (await call(CATALOG)).status_code == 200
        typed(await call(CATALOG, token=""), 401, "CatalogError")
        typed(await call(CATALOG, token="nonsense"), 401, "CatalogError")
        typed(await call(NEGOTIATE, token=""), 401, "ContractNegotiationError")
        typed(await call("/dsp/2025-1/transfers/request", token=""), 401, "TransferError")
        wrong = call.token("POST", CATALOG, ASK, audience=did_from_url(s.urls["node"]))
        assert "aud" in str(typed(await call(CATALOG, token=wrong), 401, "CatalogError")).lower()
        other_path = call.token("POST", NEGOTIATE, ASK)
        typed(await call(CATALOG, token=other_path), 401, "CatalogError")
        used = call.token("POST", CATALOG, ASK)
        assert (await call(CATALOG, token=used)).status_code == 200
        typed(await call(CATALOG, ASK + b" ", token=used), 401, "CatalogError")

    against_the_bus_company(tmp_path, body)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_token_of_another_time(tmp_path: Path, minutes: int) -> None:
    async def body(_: Space, call: Caller) -> None:
        typed(await call(CATALOG), 401, "CatalogError")

    against_the_bus_company(tmp_path, body, by=timedelta(minutes=minutes))


def test_a_certificate_of_another_space(tmp_path: Path) -> None:
    async def body(_: Space, call: Caller) -> None:
        now, ids, root_key, key = datetime.now(UTC), SystemIds(), MemoryKey("foreign root"), MemoryKey("foreign")
        identifier = "512430000MB0L0469273501B6EF9IB5D"
        root = make_root(root_key, name="another", identifier=identifier, ids=ids, now=now)
        authority = Authority(root_key, root, ids)
        call.seal.key = key
        call.seal.certificate = authority.signing(key.public_der, identifier=identifier, name="x", now=now)
        assert "certificate" in typed(await call(CATALOG), 401, "CatalogError")

    against_the_bus_company(tmp_path, body)


def test_messages_that_are_none(tmp_path: Path) -> None:
    async def body(_: Space, call: Caller) -> None:
        for broken in (b"{", b"\xff", b"[]", b"{}", ASK, b'{"a": 1, "a": 2}'):
            typed(await call(NEGOTIATE, broken), 400, "ContractNegotiationError")
        deep = b'{"a":' * 65 + b"1" + b"}" * 65
        typed(await call(NEGOTIATE, deep), 413, "ContractNegotiationError")
        large = await call(NEGOTIATE, b'{"a":"' + b"x" * (1 << 20) + b'"}')
        assert (large.status_code, large.json()["code"]) == (413, "too-large")
        assert (await call(NEGOTIATE, method="PATCH")).status_code == 405
        assert (await call("/dsp/2025-1/moon")).json()["code"] == "not-found"

    against_the_bus_company(tmp_path, body)


def test_processes_that_nobody_knows(tmp_path: Path) -> None:
    async def body(_: Space, call: Caller) -> None:
        typed(await call(UNKNOWN, b"", method="GET"), 404, "ContractNegotiationError")
        transfer = UNKNOWN.replace("negotiations", "transfers")
        typed(await call(transfer, b"", method="GET"), 404, "TransferError")
        typed(await call("/dsp/2025-1/catalog/datasets/urn:uuid:none", b"", method="GET"), 404, "CatalogError")
        pid = UNKNOWN.rpartition("/")[2]
        told = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "consumerPid": pid, "providerPid": pid}
        end = canonical({**told, "@type": "ContractNegotiationTerminationMessage", "code": "x", "reason": ["x"]})
        answer = await call(f"{UNKNOWN}/termination", end)
        typed(answer, 404, "ContractNegotiationError")
        assert answer.json()["consumerPid"] == pid

    against_the_bus_company(tmp_path, body)


def test_data_needs_a_token_that_lives(tmp_path: Path) -> None:
    async def body(_: Space, call: Caller) -> None:
        for token in ("", "x" * 43):
            answer = await call("/data/urn:uuid:none/uses", b'{"use": "a"}', token=token)
            assert answer.status_code in {401, 403}
            assert answer.json()["code"]

    against_the_bus_company(tmp_path, body)


def test_the_functional_node_answers_in_its_envelope(tmp_path: Path) -> None:
    async def go() -> None:
        async with space(tmp_path) as s, httpx.AsyncClient(base_url=s.urls["node"]) as http:
            deep = b'{"a":' * 65 + b"1" + b"}" * 65
            for path, data in (("/GetParticipantList", b"{"), ("/GetParticipantList", deep), ("/NoSuchThing", b"{}")):
                answer = await http.post(path, content=data)
                assert 400 <= answer.status_code < 500
                assert {"code", "message"} <= set(answer.json())
                assert answer.headers["signvalue"]
            large = await http.post("/GetParticipantList", content=bytes((1 << 20) + 1))
            assert large.status_code == 413
            assert {"code", "message"} <= set(large.json())
            assert (await http.get("/GetParticipantList")).status_code == 405
            assert (await s.node.status()).state == "active"

    asyncio.run(go())
