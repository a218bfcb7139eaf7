"""Connectors that are known by their address only (开放测试网络): what they offer, and where they are spoken to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from trustspace.core.contract import Contract, Negotiation, Offer
from trustspace.core.errors import InvalidInput, MisusedError, NotFound, Refused
from trustspace.core.policy import from_odrl
from trustspace.node import views as v
from trustspace.protocols import dsp

if TYPE_CHECKING:
    from trustspace.node.engine import Engine


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be negotiated, with whom, and the base address of its protocol."""

    offer: Offer
    provider: str
    address: str
    title: str = ""


async def find_at(engine: Engine, request: v.NegotiateRequest) -> Found:
    """The offer of a dataset at a connector; nothing is looked up where the request has it all."""
    _check_open(engine, "connector")
    if not request.dataset:
        raise InvalidInput("which dataset of this connector?", where="dataset")
    if not request.offer:
        return await _look_up(engine, request)
    if request.policy is None or not request.provider:
        raise InvalidInput("an offer that is not looked up comes with its policy and its provider", where="offer")
    offer = Offer(request.offer, request.dataset, from_odrl(request.policy, where="policy"))
    return Found(offer, request.provider, request.connector.rstrip("/"), request.dataset)


async def _look_up(engine: Engine, request: v.NegotiateRequest) -> Found:
    given = request.connector.rstrip("/").removesuffix("/request").removesuffix("/catalog")  # of its catalogue, too
    address = await _base(engine, given)
    provider = request.provider
    if not provider:
        body = dsp.encode(dsp.CatalogRequest())
        catalogue = await engine.send("POST", f"{address}/catalog/request", request.connector, body, new=True)
        if catalogue.status != 200:
            raise NotFound(f"its catalogue says: {_why(catalogue.status, catalogue.body)}", where=address)
        provider = dsp.decode_catalog(catalogue.body).participant
    answer = await engine.send(
        "GET", dsp.join(address, f"/catalog/datasets/{quote(request.dataset, safe=':')}"), provider
    )
    if answer.status != 200:
        raise NotFound(f"the provider says: {_why(answer.status, answer.body)}", where=request.dataset)
    dataset = dsp.decode_dataset(answer.body)
    if dataset.id != request.dataset:
        raise Refused(f"it answered with another dataset: {dataset.id}", where=request.dataset)
    if not dataset.offers:
        raise Refused(f"its offer is not understood here: {'; '.join(dataset.unread)}", where=request.dataset)
    return Found(dataset.offers[0], provider, address, dataset.title or dataset.id)


async def _base(engine: Engine, address: str) -> str:
    """The base address of the protocol: as the version document below this address says, or else this address."""
    answer = await engine.peer.request("GET", address + dsp.WELL_KNOWN)
    if answer.status != 200:
        return address
    path = dsp.choose(dsp.decode_versions(answer.body)).path
    if path and not path.startswith("/"):
        raise InvalidInput("its protocol is not below its own host", where=address + dsp.WELL_KNOWN)
    return address + path


def _why(status: int, body: bytes) -> str:
    return dsp.read_reason(body) or f"status {status}"


async def address_of(engine: Engine, contract: Contract, given: str = "") -> str:
    """Where the provider of a contract is asked for its data."""
    if given:
        _check_open(engine, "connector")
        return given.rstrip("/")
    peer = await engine.directory.known(contract.peer)
    if peer.endpoint:
        return peer.endpoint + dsp.BASE
    negotiation = await engine.store.read(lambda tx: tx.get(Negotiation, contract.negotiation))
    address = contract.address or (negotiation.callback if negotiation else "")
    if not address:
        raise MisusedError("where its provider is has not been told", where=contract.key, hint="give its connector")
    return address


def _check_open(engine: Engine, where: str) -> None:
    if engine.open is None:
        raise MisusedError(
            "connectors are called by their address only on an open test network",
            where=where,
            hint="elsewhere products are found through the functional node: give the product's code",
        )
