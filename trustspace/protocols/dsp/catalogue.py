"""The catalogue (数据目录) as the Dataspace Protocol shows it: DCAT datasets with ODRL offers and where to get them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from trustspace.core.canon import MAX_BYTES, Json, JsonObject, canonical
from trustspace.core.contract import Offer, offer_to_json, read_offer
from trustspace.core.errors import InvalidInput
from trustspace.protocols.dsp.forms import items, listed, members, text
from trustspace.protocols.dsp.messages import read
from trustspace.protocols.dsp.terms import CONTEXT, OURS, TITLE

T = TypeVar("T")

MAX_DEPTH: Final = 8
"""How deep catalogues within catalogues are read."""


@dataclass(frozen=True, slots=True)
class DataService:
    """A connector that serves data: its name and the base address of its protocol."""

    id: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """A way to get a dataset: a format for the transfer request, and the service that serves it.

    `service` is its name, `endpoint` its base address where the distribution itself says so; "" for what it does not.
    """

    format: str
    service: str
    endpoint: str = ""


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
    """A participant's catalogue. `unread` says why further datasets and services of it are not listed."""

    id: str
    participant: str
    datasets: tuple[DatasetView, ...] = ()
    services: tuple[DataService, ...] = ()
    unread: tuple[str, ...] = ()


def encode_catalog(catalog: CatalogView) -> bytes:
    """The `Catalog`; arrays that would be empty are left out."""
    return catalog_of(catalog, [encode_entry(dataset) for dataset in catalog.datasets])


def encode_dataset(dataset: DatasetView) -> bytes:
    """The `Dataset` on its own."""
    return dataset_of(encode_entry(dataset))


def encode_entry(dataset: DatasetView) -> bytes:
    """A dataset as it stands in a catalogue: what `catalog_of` and `dataset_of` are put together from."""
    return canonical(_dataset(dataset))


def catalog_of(catalog: CatalogView, entries: Sequence[bytes]) -> bytes:
    """The `Catalog` of these encoded datasets, in the same canonical form; those in `catalog` itself are left out."""
    head = {"@context": [CONTEXT], "@id": catalog.id, "@type": "Catalog"}
    services = [_service(service) for service in catalog.services]
    tail = {"participantId": catalog.participant, **({"service": services} if services else {})}
    datasets = b'"dataset":[' + b",".join(entries) + b"]," if entries else b""
    return canonical(head)[:-1] + b"," + datasets + canonical(tail)[1:]


def dataset_of(entry: bytes) -> bytes:
    """The `Dataset` on its own, of its encoded form."""
    return canonical({"@context": [CONTEXT]})[:-1] + b"," + entry[1:]


def decode_catalog(body: bytes, *, limit: int = MAX_BYTES) -> CatalogView:
    """What a peer's catalogue holds, catalogues within it included; `InvalidInput` names the member that is wrong.

    `TooLarge` for a body of more than `limit` bytes.
    """
    wire = read(body, "Catalog", limit=limit)
    found = list(_catalogs(wire, 0))
    datasets, lost = _readable(_read_dataset, found, "dataset")
    services, gone = _readable(_read_service, found, "service")
    return CatalogView(
        id=text(wire.get("@id"), "@id"),
        participant=text(wire.get("participantId"), "participantId"),
        datasets=datasets,
        services=services,
        unread=lost + gone,
    )


def decode_dataset(body: bytes) -> DatasetView:
    """What a peer says of one dataset."""
    return _read_dataset(read(body, "Dataset"))


def _dataset(dataset: DatasetView) -> JsonObject:
    return {
        **dict(dataset.extra),
        "@id": dataset.id,
        "@type": "Dataset",
        **({TITLE: dataset.title} if dataset.title else {}),
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


def _readable(
    read: Callable[[Json], T], parts: Iterable[JsonObject], name: str
) -> tuple[tuple[T, ...], tuple[str, ...]]:
    """What could be read of the items of a member, and why the others were not: one bad record hides no other."""
    done, unread = [], []
    for value in (one for part in parts for one in listed(part.get(name))):
        try:
            done.append(read(value))
        except InvalidInput as error:
            unread.append(str(error))
    return tuple(done), tuple(unread)


def _read_dataset(value: Json) -> DatasetView:
    value = members(value, "dataset")
    name = text(value.get("@id"), "dataset.@id")
    offers, unread = _readable(partial(read_offer, target=name, where="hasPolicy"), [value], "hasPolicy")
    ways, lost = _readable(_read_way, [value], "distribution")
    title = value.get(TITLE, "")
    return DatasetView(
        id=name,
        offers=offers,
        distributions=ways,
        title=_said(title),
        extra=tuple(sorted((key, one) for key, one in value.items() if key.startswith(OURS) and isinstance(one, str))),
        unread=unread + lost,
    )


def _read_way(value: Json) -> Distribution:
    way = members(value, "distribution")
    service = way.get("accessService", "")
    inside = service if isinstance(service, dict) else {"@id": service}
    return Distribution(
        text(way.get("format"), "distribution.format"),
        _said(inside.get("@id")),
        _said(inside.get("endpointURL")),
    )


def _said(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _read_service(value: Json) -> DataService:
    service = members(value, "service")
    return DataService(text(service.get("@id"), "service.@id"), text(service.get("endpointURL"), "service.endpointURL"))
