"""Using data under a contract: open a transfer, ask for a use, fetch verified bytes, sign for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import quote

import anyio

from trustspace.adapters.dataplane.pull import pull
from trustspace.adapters.dataplane.sink import FileSink
from trustspace.core.canon import Json, JsonObject, canonical, loads, loads_object
from trustspace.core.contract import Contract, Role
from trustspace.core.errors import InvalidInput, NotFound, Refused, Unavailable
from trustspace.core.identity.keys import aware
from trustspace.core.transfer import State, Transfer
from trustspace.core.usage import DELIVERED, REFUSED, Asked, Use
from trustspace.node import views as v
from trustspace.node.doing.base import page
from trustspace.node.doing.contracts import ContractDoing
from trustspace.node.doing.talks import LONGEST_WAIT
from trustspace.node.plain import fetch_plainly
from trustspace.node.visiting import address_of
from trustspace.ports import Answer, Content
from trustspace.services.exchange import Caller
from trustspace.services.plain_use import decide_here, is_plain, took
from trustspace.services.transfer import DIGEST, SIZE, running
from trustspace.services.usage import use_key

CHUNK: Final = 1 << 20
OPENING_SECONDS: Final = 30.0
Decided = Literal["permit", "conditional", "deny", "default-deny"]


class UseDoing(ContractDoing):
    """`transfer`, `use`, `uses`, and the bytes of a use."""

    async def transfer(self, contract: str, request: v.TransferRequestView) -> v.TransferView:
        """Open a transfer under a contract; waits for its start."""
        stored = await self.stored_contract(contract)
        opened = await self._open(stored, request.key, min(request.wait, LONGEST_WAIT), request.connector)
        return transfer_view(opened)

    async def _open(self, contract: Contract, key: str, wait: float, connector: str = "") -> Transfer:
        if contract.role is not Role.CONSUMER:
            raise Refused("only the consumer asks for the data of a contract", where=contract.key)
        address = await address_of(self.engine, contract, connector)
        begun = await self.engine.transfers.request(contract, address, key=key)

        def moved(transfer: Transfer) -> bool:
            return transfer.state not in {None, State.REQUESTED}

        transfers = self.engine.transfers
        return await self.engine.waiting.until(begun.key, lambda: transfers.get(begun.key), moved, seconds=wait)

    async def use(self, contract: str, request: v.UseRequest) -> v.UseView:
        """Ask for one use: decided and counted by the provider; a refusal is returned with its reason, and kept."""
        stored = await self.stored_contract(contract)
        name = request.key or self.engine.ids.uuid()[9:]
        known = await self.read(lambda tx: tx.get(Use, use_key(contract, name)))
        if known is not None:
            return await self._shown(known)
        opened = await self._open(stored, f"use {contract} {name}", OPENING_SECONDS)
        if not running(opened) or opened.address is None:
            raise _not_open(opened)
        peer = await self.engine.directory.known(stored.peer)
        asked = {"use": name, "purpose": request.purpose}
        return await self._shown(await self._ask(stored, opened, peer, asked))

    async def _ask(self, contract: Contract, transfer: Transfer, peer: Caller, asked: JsonObject) -> Use:
        if is_plain(contract, transfer):
            wish = Asked(self.engine.me, (), str(asked["purpose"]), self.engine.steady.now())
            use = await decide_here(self.engine.store, transfer, str(asked["use"]), wish)
            if use.state == REFUSED:
                await self.engine.transfers.terminate(transfer.key, use.reason)
            return use
        endpoint, token = _address(transfer)
        answer = await self._post(f"{endpoint}/uses", token, asked)
        told = loads_object(answer.body)
        if todo := told.get("todo"):  # a duty that comes before the use: telling the provider is what `inform` asks
            answer = await self._post(f"{endpoint}/uses", token, {**asked, "fulfilled": todo})
            told = loads_object(answer.body)
        if answer.status == 201:
            return await self.engine.books.enter(granted(contract, transfer, asked, told))
        if statement := told.get("statement"):
            return await self.engine.books.refused(str(statement), peer)
        raise Refused(str(told.get("reason", f"the provider answered {answer.status}")), where=contract.key)

    async def _post(self, url: str, token: str, body: JsonObject) -> Answer:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return await self.engine.peer.request("POST", url, body=canonical(body), headers=headers)

    async def fetch(self, key: str, *, progress: Any = None) -> tuple[Use, Path]:
        """Bring the bytes of a use here, verified, and sign for them; again, they are here already."""
        use = await self.read(lambda tx: tx.get(Use, key))
        if use is None or use.role != Role.CONSUMER.value or use.state == REFUSED:
            raise NotFound("there is no such permitted use here", where=key)
        place = self.engine.folder.files / use.digest
        if use.state == DELIVERED and place.exists():
            await self._complete(use)
            return use, place
        transfer = await self.engine.transfers.get(use.transfer)
        if not use.digest:
            taken = await took(self.engine.store, key, *await fetch_plainly(self.engine, use, transfer, progress))
            await self._complete(taken)
            return taken, self.engine.folder.files / taken.digest
        endpoint, token = _address(transfer)
        name = key.rpartition("#")[2]
        granted = loads_object(
            (await self._post(f"{endpoint}/uses", token, {"use": name, "purpose": use.purpose})).body
        )
        if "token" not in granted:
            raise Refused(str(granted.get("reason", "the provider does not give this use again")), where=key)
        url, own = f"{endpoint}/uses/{quote(name, safe='')}", str(granted["token"])
        await self._pull(use, url, own, place, progress)
        peer = await self.engine.directory.known(use.peer, fresh=False)
        signed = await self.engine.books.received(use, peer)
        await self._complete(use)
        return signed, place

    async def _pull(self, use: Use, url: str, token: str, place: Path, progress: Any) -> None:
        content = Content(use.digest, use.size, use.media_type, use.name)

        def headers() -> Mapping[str, str]:
            return {"authorization": f"Bearer {token}"}

        await pull(self.engine.peer, url, content, FileSink(place), headers=headers, progress=progress)

    async def _complete(self, use: Use) -> None:
        transfer = await self.engine.transfers.get(use.transfer)
        if running(transfer) and transfer.pending is None:
            await self.engine.transfers.complete(transfer.key)

    async def read_use(self, key: str) -> tuple[dict[str, str], AsyncIterator[bytes]]:
        """The verified bytes of a use, fetched first where they are not here yet."""
        use, place = await self.fetch(key)
        headers = {"content-length": str(use.size), "content-type": use.media_type or "application/octet-stream"}
        return headers, _chunks(place)

    async def uses(self, *, contract: str = "", offset: str = "0", limit: str = "100") -> v.UsePage:
        """Uses and refusals, oldest first."""
        start, most = page(offset, limit)
        where = {"agreement": contract} if contract else {}
        found = await self.read(lambda tx: tx.find(Use, after=start, limit=most, **where))
        total = await self.read(lambda tx: tx.count(Use, **where))
        return v.UsePage(total=total, results=await self._shown_all(found))

    async def _shown(self, use: Use) -> v.UseView:
        return (await self._shown_all([use]))[0]

    async def _shown_all(self, found: Sequence[Use]) -> list[v.UseView]:
        signed = await self.signed(use.agreement for use in found)
        return [use_view(use, signed[use.agreement]) for use in found]


def granted(contract: Contract, transfer: Transfer, asked: JsonObject, told: JsonObject) -> Use:
    """The use that the provider says it grants; `Refused` where its answer is none, or of other data."""
    if told.get("digest") != _property(transfer, DIGEST) or not told["digest"]:
        raise Refused("the use names other data than the transfer", where=contract.key)
    numbers, texts = (told.get("number"), told.get("size")), [told.get(name) for name in ("name", "mediaType")]
    whole = all(type(one) is int and one >= 0 for one in numbers) and all(isinstance(one, str) for one in texts)
    if not whole or not isinstance(told.get("report"), dict):
        raise Refused("the provider's answer does not tell the use that it grants", where=contract.key)
    return Use(
        key=use_key(contract.key, str(asked["use"])),
        role=Role.CONSUMER.value,
        agreement=contract.key,
        transfer=transfer.key,
        peer=contract.peer,
        purpose=str(asked["purpose"]),
        decision="permit",
        reason="",
        number=told["number"],
        at=_time(told.get("at"), contract.key),
        expires=_time(told.get("expires"), contract.key),
        digest=told["digest"],
        size=told["size"],
        name=Path(told["name"]).name,
        media_type=told["mediaType"],
        report=canonical(told["report"]).decode(),
    )


def _time(value: Json, contract: str) -> datetime:
    try:
        return aware(datetime.fromisoformat(value), "at")
    except (ValueError, TypeError, InvalidInput) as error:
        raise Refused(f"the provider's answer tells no time: {value!r:.50}", where=contract) from error


def use_view(use: Use, signed: v.Bears) -> v.UseView:
    """A use for people, and whether its contract is signed by both."""
    return v.UseView(
        use=use.key,
        contract=use.agreement,
        signed=signed,
        decision=cast(Decided, use.decision),
        reason=use.reason,
        purpose=use.purpose,
        number=use.number,
        digest=use.digest,
        size=use.size,
        name=use.name,
        state=use.state,
        at=use.at,
        delivered=use.delivered,
        report=loads(use.report.encode()) if use.report else None,
    )


def transfer_view(transfer: Transfer) -> v.TransferView:
    """A transfer for people."""
    endpoint, token = _address(transfer) if transfer.address else ("", "")
    size = _property(transfer, SIZE)
    return v.TransferView(
        transfer=transfer.key,
        contract=transfer.agreement,
        role="consumer" if transfer.role is Role.CONSUMER else "provider",
        state=str(transfer.state or ""),
        peer=transfer.peer,
        waits_for=transfer.awaited.what if transfer.awaited else "",
        reason="; ".join(transfer.reasons) or transfer.refusal,
        endpoint=endpoint if running(transfer) else "",
        token=token if running(transfer) else "",
        digest=_property(transfer, DIGEST),
        size=int(size) if size.isdecimal() else None,
    )


def _property(transfer: Transfer, name: str) -> str:
    return transfer.address.get(name) if transfer.address else ""


def _address(transfer: Transfer) -> tuple[str, str]:
    if transfer.address is None:
        raise InvalidInput("the provider gave no address for the data", where=transfer.key)
    return transfer.address.endpoint, transfer.address.get("authorization").removeprefix("Bearer ")


def _not_open(transfer: Transfer) -> Refused | Unavailable:
    if transfer.state in {State.TERMINATED, State.COMPLETED}:
        return Refused("; ".join(transfer.reasons) or "the provider ended the transfer", where=transfer.key)
    return Unavailable("the provider has not started the transfer yet", where=transfer.key, hint="ask again")


async def _chunks(place: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(place, "rb") as file:
        while chunk := await file.read(CHUNK):
            yield chunk
