"""The library's face: what a person does with a node, whether it runs in this process, beside it, or elsewhere."""

from __future__ import annotations

import errno
import json
import os
import secrets
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar
from urllib.parse import quote

import anyio
import httpx

from trustspace.core.canon import loads
from trustspace.core.errors import MisusedError, Refused, StorageFull, TrustspaceError, Unavailable
from trustspace.core.policy import Policy, to_odrl
from trustspace.node import views as v
from trustspace.node.management import raised
from trustspace.node.talking import Talking
from trustspace.node.verbs import BOTH, CONNECTOR, FUNCTIONAL, Verb

Out = TypeVar("Out")
VERBS: Final = {verb.name: verb for verb in (*BOTH, *CONNECTOR, *FUNCTIONAL)}
CHUNK: Final = 1 << 20
READ_SECONDS: Final = 330.0
"""Longer than any verb waits."""


@dataclass(frozen=True, slots=True)
class DataProduct:
    """A data product (数据产品) as its owner describes it; exactly one file (publish several as several, or zip them).

    `industry`: `00` + GB/T 4754 大类 (0054 road transport); `topic`: 主题分类 (B0300 交通运输). `dataset` and
    `offer_id` are the ids that others know it and its offer by, where it has such already.
    """

    title: str
    files: Sequence[str | os.PathLike[str]]
    description: str = ""
    keywords: Sequence[str] = field(default=())
    industry: str = ""
    topic: str = ""
    update_frequency: str = ""
    licence: str = ""
    dataset: str = ""
    offer_id: str = ""


@dataclass(frozen=True, slots=True)
class DatasetAt:
    """A dataset at a connector that is known by its address, on an open test network.

    `provider` is its participant id (default: as its catalogue says). With an `offer` id, nothing is looked up: the
    address is then the base of its protocol, and the terms are given to `negotiate`.
    """

    connector: str
    dataset: str
    provider: str = ""
    offer: str = ""


class Participant(Talking):
    """The verbs of a node. Subclasses carry them out: `Client` over HTTP, `Connector` in this process."""

    @abstractmethod
    async def upload(self, name: str, path: Path) -> str:
        """Put a file into the node; returns the name to publish it by."""

    @abstractmethod
    def download(self, use: v.UseView) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of a permitted use, verified by the node while they pass."""

    async def status(self) -> v.StatusView:
        """What runs, what is stuck and why, what expires."""
        return await self._one(v.StatusView, "status")

    async def register(
        self, name: str, credit_code: str, *, contact: str = "", address: str = ""
    ) -> v.RegistrationView:
        """Apply for an identity, or again after a return."""
        request = v.RegisterRequest(name=name, credit_code=credit_code, contact=contact, address=address)
        return await self._one(v.RegistrationView, "register", request=request)

    async def registration(self) -> v.RegistrationView:
        """How the application stands; once it is approved the certificates are fetched and the node opens."""
        return await self._one(v.RegistrationView, "registration")

    async def publish(
        self,
        product: DataProduct,
        policy: Policy,
        *,
        key: str = "",
        approval: str = "automatic",
        visible_to: Sequence[str] = (),
        signatures: v.Signatures = "",
    ) -> v.ProductView:
        """Publish a product under a policy: submitted to the functional node, listed once approved and coded.

        `visible_to`: whom the offer is for, by alternatives: `members`, `region:35`, `region:3501`, `industry:0054`, a
        DID, an identifier, a 统一社会信用代码; for anybody else there is no such product. None: everyone.
        `signatures`: whether its contracts must be signed by both, "" for what the node's settings say.
        """
        if len(product.files) != 1:
            raise Refused("a product has exactly one file", where="files", hint="zip them, or publish each")
        request = v.ProductRequest(
            title=product.title,
            description=product.description,
            keywords=list(product.keywords),
            industry=product.industry,
            topic=product.topic,
            update_frequency=product.update_frequency,
            licence=product.licence,
            file=await self._uploaded(product.files[0]),
            offer=to_odrl(policy),
            approval="manual" if approval == "manual" else "automatic",
            dataset=product.dataset,
            offer_id=product.offer_id,
            visible_to=list(visible_to),
            signatures=signatures,
            key=key,
        )
        return await self._one(v.ProductView, "publish", request=request)

    async def update(
        self,
        product: v.ProductView | str,
        file: str | os.PathLike[str] | None = None,
        *,
        visible_to: Sequence[str] | None = None,
    ) -> v.ProductView:
        """A new version of a product, which running contracts cover; or whom it is for from now on (`publish`)."""
        rule = list(visible_to) if visible_to is not None else None
        request = v.UpdateRequest(file=await self._uploaded(file) if file else "", visible_to=rule)
        return await self._one(
            v.ProductView, "update", product if isinstance(product, str) else product.product, request=request
        )

    async def _uploaded(self, file: str | os.PathLike[str]) -> str:
        path = await _file(file)
        return await self.upload(path.name, path)

    async def offers(self, participant: str) -> list[v.OfferView]:
        """What a participant (DID or identifier) offers us, from its own catalogue."""
        found: list[v.OfferView] = await self.call("offers", participant)
        return found

    async def search(self, text: str = "", *, offset: int = 0, limit: int = 20) -> list[v.EntryView]:
        """Product entries at the functional node that have every word of the text (`公交 时刻表`)."""
        return (await self.search_page(text, offset=offset, limit=limit)).results

    async def search_page(self, text: str = "", *, offset: int = 0, limit: int = 20) -> v.EntryPage:
        """One page of a search, with the number of all that match."""
        return await self._one(v.EntryPage, "search", q=text, offset=str(offset), limit=str(limit))

    async def show(self, found: v.EntryView | str) -> v.OfferView:
        """A product's offer, read at the provider: each clause, what it means here and who enforces it."""
        return await self._one(v.OfferView, "show", _code(found))

    async def negotiate(
        self,
        found: v.EntryView | v.OfferView | DatasetAt | str,
        *,
        key: str = "",
        wait: float = 30.0,
        policy: Policy | None = None,
        signatures: v.Signatures = "",
    ) -> v.ContractView:
        """Negotiate an offer to the end: a contract, or `Refused` with the reason.

        `policy`: other terms; `signatures`: whether it must be signed by both, "" for what the node's settings say.
        """
        terms = to_odrl(policy) if policy else None
        what = asdict(found) if isinstance(found, DatasetAt) else {"code": _code(found)}
        request = v.NegotiateRequest(key=key, wait=wait, policy=terms, signatures=signatures, **what)
        done = await self._one(v.NegotiationView, "negotiate", request=request)
        if not done.contract:
            raise Refused(
                done.reason or f"the negotiation is {done.state or 'not begun'}: it waits for {done.waits_for}",
                where=done.negotiation,
                hint="" if done.state == "TERMINATED" else "ask again with the same key, or see `negotiations`",
            )
        return await self._one(v.ContractView, "contract", done.contract)

    async def import_contracts(self, file: str | os.PathLike[str]) -> list[v.ContractView]:
        """Take in the agreements in a JSON file, made elsewhere: imported and unsigned; all of them or none."""
        from trustspace.node.importing import read_agreements

        request = await anyio.to_thread.run_sync(read_agreements, Path(file))
        kept: list[v.ContractView] = await self.call("import_contracts", request=request)
        return kept

    @asynccontextmanager
    async def use(self, contract: v.ContractView | str, purpose: str = "", *, key: str = "") -> AsyncIterator[Use]:
        """One use for a purpose: decided and counted by the provider now; `Refused` with its reason otherwise."""
        name = contract if isinstance(contract, str) else contract.contract
        given = await self._one(v.UseView, "use", name, request=v.UseRequest(purpose=purpose, key=key))
        if given.decision != "permit":
            raise Refused(given.reason, where=given.use, hint="see `uses`: a provider that signs has signed it")
        yield Use(self, given)

    def evidence(self, contract: v.ContractView | str) -> Evidence:
        """The evidence (存证) of a contract."""
        return Evidence(self, contract if isinstance(contract, str) else contract.contract)

    async def _one(self, kind: type[Out], name: str, *path: str, request: v.View | None = None, **query: str) -> Out:
        value = await self.call(name, *path, request=request, **query)
        if not isinstance(value, kind):
            raise TrustspaceError(f"{name} gave a {type(value).__name__}")
        return value


@dataclass(frozen=True, slots=True)
class Use:
    """A permitted use: what it is, and its bytes."""

    node: Participant
    view: v.UseView

    async def save(self, path: str | os.PathLike[str], *, progress: Callable[[int], None] | None = None) -> Path:
        """Write the verified bytes to a file (into a folder: under the provider's name for it); never half a file.

        `progress` is told how many bytes are here. Raises `MisusedError` or `StorageFull` where it cannot be written.
        """
        target = Path(path)
        target = target / Path(self.view.name).name if await anyio.Path(target).is_dir() else target
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        async with self.node.download(self.view) as chunks:
            try:
                await _write(part, chunks, progress)
                await anyio.Path(part).replace(target)
            except OSError as error:
                raise _not_written(target, error) from error
            finally:
                with suppress(OSError):
                    await anyio.Path(part).unlink(missing_ok=True)
        return target

    async def read(self) -> bytes:
        """All the verified bytes; for small data."""
        async with self.node.download(self.view) as chunks:
            return b"".join([chunk async for chunk in chunks])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a contract left behind on one side."""

    node: Participant
    contract: str

    async def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the evidence pack; anybody can verify it without a node (`trustspace evidence verify`)."""
        data = await self.node.call("evidence", self.contract)
        try:
            await anyio.Path(path).write_bytes(data)
        except OSError as error:
            raise _not_written(path, error) from error
        return Path(path)


class Client(Participant):
    """A node that runs elsewhere, by its management address and token."""

    def __init__(self, url: str, token: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            transport=transport,
            timeout=httpx.Timeout(10, read=READ_SECONDS),
        )

    @classmethod
    def of(cls, folder: str | os.PathLike[str], *, process: int | None = None) -> Client:
        """The node that runs on this folder, as that `process` where it is known; `Unavailable` where none does."""
        place = Path(folder)
        try:
            told = json.loads((place / "running.json").read_text(encoding="utf-8"))
            token = (place / "management.token").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            told, token = {}, ""
        except OSError as error:
            raise MisusedError(f"its token cannot be read: {error.strerror}", where=str(place)) from error
        if not told or (process is not None and told["pid"] != process):
            raise Unavailable("no node runs on this folder", where=str(place), hint=f"trustspace serve {place}")
        return cls(told["management"], token)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self, name: str, *path: str, request: v.View | None = None, **query: str) -> Any:
        """Do a verb over HTTP."""
        verb: Verb[Any, Any] = VERBS[name]
        body = request.model_dump_json().encode() if request is not None else None
        target = verb.path
        for value in path:
            before, _, rest = target.partition("{")
            target = before + quote(value, safe=":") + rest.partition("}")[2]
        data = await self._send(verb.method, target, content=body, params=query)
        if verb.raw:
            return data
        if verb.many:
            return [verb.answer.model_validate(one) for one in loads(data, limit=1 << 28)]
        return verb.answer.model_validate_json(data)

    async def upload(self, name: str, path: Path) -> str:
        """Put a file into the node over HTTP."""
        answer = await self._send("PUT", f"/v1/files/{quote(name, safe='')}", content=_chunks(path))
        return str(loads(answer)["file"])

    @asynccontextmanager
    async def download(self, use: v.UseView) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a use, through the node."""
        try:
            patient = httpx.Timeout(10, read=None)  # the node fetches and checks the whole first
            async with self._http.stream("GET", f"/v1/uses/{quote(use.use, safe=':')}/data", timeout=patient) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise raised(answer.status_code, await answer.aread())
                yield answer.aiter_bytes(CHUNK)
        except httpx.TransportError as error:
            raise _unreachable(self._http.base_url, error) from error

    async def _send(self, method: str, path: str, **options: Any) -> bytes:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise _unreachable(self._http.base_url, error) from error
        if answer.is_error:
            raise raised(answer.status_code, answer.content)
        return answer.content


async def _file(file: str | os.PathLike[str]) -> Path:
    if not await anyio.Path(file).is_file():
        raise MisusedError("there is no such file", where=str(file), hint="check the path")
    return Path(file)


async def _write(part: Path, chunks: AsyncIterator[bytes], progress: Callable[[int], None] | None) -> None:
    here = 0
    async with await anyio.open_file(part, "xb") as file:
        async for chunk in chunks:
            here += await file.write(chunk)
            if progress is not None:
                progress(here)
        await file.flush()
        await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())


def _not_written(path: str | os.PathLike[str], error: OSError) -> TrustspaceError:
    kind = StorageFull if error.errno == errno.ENOSPC else MisusedError
    return kind(
        f"it cannot be written: {error.strerror}", where=os.fspath(path), hint="is there such a folder, and room?"
    )


def _unreachable(url: httpx.URL, error: httpx.TransportError) -> Unavailable:
    return Unavailable(
        f"the node does not answer: {error or type(error).__name__}", where=str(url), hint="is it running?"
    )


def _code(found: v.EntryView | v.OfferView | str) -> str:
    return found if isinstance(found, str) else found.code


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(CHUNK):
            yield chunk
