"""The catalogue (数据目录) as the Dataspace Protocol shows it: DCAT datasets with ODRL offers and where to get them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical
from trustspace.core.contract import Offer, offer_to_json, read_offer
from trustspace.core.errors import InvalidInput
from trustspace.protocols.dsp.forms import items, members, text
from trustspace.protocols.dsp.messages import read
from trustspace.protocols.dsp.terms import CONTEXT, OURS

MAX_DEPTH: Final = 8
"""How deep catalogues within catalogues are read."""


@dataclass(frozen=True, slots=True)
class DataService:
    """A connector that serves data: its name and the base address of its protocol."""

    id: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """A way to get a dataset: a format for the transfer request, and the name of the service that serves it."""

    format: str
    service: str


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A dataset (数据产品) as a catalogue shows it. An offer's target is the dataset.

    `extra` are text members of our namespace, by absolute IRI. `unread` says why further offers of it are not listed:
    their policy uses what is not understood here.
    """

    id: str
    offers: tuple[Offer, ...]
    distributions: tuple[Distribution, ...]
    title: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogView:
    """A participant's catalogue."""

    id: str
    participant: str
    datasets: tuple[DatasetView, ...] = ()
    services: tuple[DataService, ...] = ()


def encode_catalog(catalog: CatalogView) -> bytes:
    """The `Catalog`; arrays that would be empty are left out."""
    datasets = [_dataset(dataset) for dataset in catalog.datasets]
    services = [_service(service) for service in catalog.services]
    return canonical(
        {
            "@context": [CONTEXT],
            "@id": catalog.id,
            "@type": "Catalog",
            "participantId": catalog.participant,
            **({"dataset": datasets} if datasets else {}),
            **({"service": services} if services else {}),
        }
    )


def encode_dataset(dataset: DatasetView) -> bytes:
    """The `Dataset` on its own."""
    return canonical({"@context": [CONTEXT], **_dataset(dataset)})


def decode_catalog(body: bytes) -> CatalogView:
    """What a peer's catalogue holds, catalogues within it included; `InvalidInput` names the member that is wrong."""
    wire = read(body, "Catalog")
    found = list(_catalogs(wire, 0))
    return CatalogView(
        id=text(wire.get("@id"), "@id"),
        participant=text(wire.get("participantId"), "participantId"),
        datasets=tuple(_read_dataset(one) for part in found for one in items(part.get("dataset"), "dataset")),
        services=tuple(_read_service(one) for part in found for one in items(part.get("service"), "service")),
    )


def decode_dataset(body: bytes) -> DatasetView:
    """What a peer says of one dataset."""
    return _read_dataset(read(body, "Dataset"))


def _dataset(dataset: DatasetView) -> JsonObject:
    return {
        **dict(dataset.extra),
        "@id": dataset.id,
        "@type": "Dataset",
        **({"dct:title": dataset.title} if dataset.title else {}),
        "hasPolicy": [offer_to_json(offer, with_target=False) for offer in dataset.offers],
        "distribution": [
            {"@type": "Distribution", "format": way.format, "accessService": way.service}
            for way in dataset.distributions
        ],
    }


def _service(service: DataService) -> JsonObject:
    return {"@id": service.id, "@type": "DataService", "endpointURL": service.endpoint}


def _catalogs(wire: JsonObject, depth: int) -> Iterator[JsonObject]:
    if depth > MAX_DEPTH:
        raise InvalidInput(f"catalogues within catalogues, deeper than {MAX_DEPTH}", where="catalog")
    yield wire
    for inner in items(wire.get("catalog"), "catalog"):
        yield from _catalogs(inner, depth + 1)


def _read_dataset(value: JsonObject) -> DatasetView:
    name = text(value.get("@id"), "dataset.@id")
    offers, unread = _offers(value, name)
    title = value.get("title", "")
    return DatasetView(
        id=name,
        offers=offers,
        distributions=tuple(_read_way(way) for way in items(value.get("distribution"), "distribution")),
        title=title if isinstance(title, str) else "",
        extra=tuple(sorted((key, one) for key, one in value.items() if key.startswith(OURS) and isinstance(one, str))),
        unread=unread,
    )


def _offers(value: JsonObject, target: str) -> tuple[tuple[Offer, ...], tuple[str, ...]]:
    """The offers that are understood, and why the others are not: one foreign policy does not hide the dataset."""
    offers, unread = [], []
    for one in items(value.get("hasPolicy"), "hasPolicy"):
        try:
            offers.append(read_offer(one, target=target, where="hasPolicy"))
        except InvalidInput as error:
            unread.append(str(error))
    return tuple(offers), tuple(unread)


def _read_way(value: JsonObject) -> Distribution:
    return Distribution(text(value.get("format"), "distribution.format"), _service_name(value.get("accessService")))


def _service_name(value: Json) -> str:
    return value if isinstance(value, str) else text(members(value, "accessService").get("@id"), "accessService.@id")


def _read_service(value: JsonObject) -> DataService:
    return DataService(text(value.get("@id"), "service.@id"), text(value.get("endpointURL"), "service.endpointURL"))
