"""Core values as the fields of the national interfaces, and back; names are camelCase as in the drafts' tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, TypeVar

from trustspace.core.canon import Json, JsonObject, canonical, decode64, loads
from trustspace.core.catalogue import Entry, Product, Resolution
from trustspace.core.catalogue import State as EntryState
from trustspace.core.catalogue import Step as EntryStep
from trustspace.core.errors import InvalidInput
from trustspace.core.identity.registration import Connector, Enterprise, Standing
from trustspace.core.identity.registration import State as IdentityState
from trustspace.protocols.national.codes import Unreadable

S = TypeVar("S", bound=StrEnum)

_ENTERPRISE: Final = {
    "enterpriseName": "enterprise_name",
    "enterpriseCode": "credit_code",
    "enterpriseType": "enterprise_type",
    "legalPerson": "legal_person",
    "enterpriseAddress": "address",
    "contactName": "contact",
    "contactPhone": "phone",
    "contactEmail": "email",
}
_CONNECTOR: Final = {
    "connectorName": "connector_name",
    "connectorDid": "did",
    "connectorUrl": "public_url",
    "connectorJoinType": "join_type",
    "connectorVersion": "software",
}
_PRODUCT: Final = {
    "productName": "title",
    "productDesc": "description",
    "industryCategory": "industry",
    "regionCode": "region",
    "topicCategory": "topic",
    "deliveryForm": "delivery_form",
    "updateFrequency": "update_frequency",
    "securityLevel": "security_level",
    "containsPersonalInfo": "contains_personal_info",
    "holderName": "holder",
    "datasetId": "dataset",
    "endpoint": "endpoint",
    "restricted": "restricted",
    "mediaType": "media_type",
    "dataSize": "size",
    "edition": "edition",
}
_STANDING: Final = {
    "applicationCode": "application",
    "reason": "reason",
    "identityCode": "identifier",
    "tlsCertificate": "tls_certificate",
    "signingCertificate": "signing_certificate",
}
_RESOLUTION: Final = {
    "identityCode": "identifier",
    "identityType": "kind",
    "enterpriseName": "owner_name",
    "enterpriseCode": "owner_code",
    "connectorId": "connector",
    "connectorDid": "did",
    "connectorUrl": "address",
    "identityStatus": "state",
}
PAGE_LIMIT: Final = 100


def write_enterprise(value: Enterprise) -> JsonObject:
    """The fields of RegisterEnterprise."""
    return _write(value, _ENTERPRISE)


def read_enterprise(data: JsonObject) -> Enterprise:
    """The organisation in the fields of RegisterEnterprise."""
    return Enterprise(**_read(data, _ENTERPRISE))


def write_address(did: str, public_url: str, hosts: tuple[str, ...]) -> JsonObject:
    """The fields of ReportConnectorAddress: hosts apart as addresses and domain names."""
    lists = {
        "connectorIpList": [host for host in hosts if _is_address(host)],
        "connectorDomainList": [host for host in hosts if not _is_address(host)],
    }
    given = {name: values for name, values in lists.items() if values}
    return {"connectorDid": did, "connectorUrl": public_url, **given}


def read_hosts(data: JsonObject) -> tuple[str, ...]:
    """Addresses and domain names together, each once."""
    return tuple(dict.fromkeys([*data.get("connectorDomainList", []), *data.get("connectorIpList", [])]))


def write_connector(value: Connector) -> JsonObject:
    """The fields of RegisterConnector, without the certificate requests."""
    return _write(value, _CONNECTOR) | write_address(value.did, value.public_url, value.hosts)


def read_connector(data: JsonObject) -> Connector:
    """The connector in the fields of RegisterConnector."""
    return Connector(hosts=read_hosts(data), **_read(data, _CONNECTOR))


def read_requests(data: JsonObject) -> tuple[bytes, bytes]:
    """The two certificate requests (DER): TLS, signing."""
    tls, signing = (decode64(data[name], where=name) for name in ("tlsRequest", "signingRequest"))
    return tls, signing


def write_standing(value: Standing) -> JsonObject:
    """How an application stands."""
    return {**_write(value, _STANDING), "status": value.state}


def read_standing(data: JsonObject) -> Standing:
    """How an application stands, as the node told."""
    return Standing(state=_state(IdentityState, data), **_texts(data, _STANDING))


def write_product(value: Product) -> JsonObject:
    """The fields of RegisterProduct."""
    offer = {"offer": _offer(value)} if value.offer else {}
    keywords = {"keywords": list(value.keywords)} if value.keywords else {}
    return _write(value, _PRODUCT) | keywords | offer


def read_product(data: JsonObject) -> Product:
    """The product in the fields of RegisterProduct."""
    offer = canonical(data["offer"]).decode() if data.get("offer") else ""
    return Product(keywords=tuple(data.get("keywords", ())), offer=offer, **_read(data, _PRODUCT))


def write_entry(entry: Entry) -> JsonObject:
    """An entry of the catalogue with its product; times are milliseconds since 1970."""
    return {
        **write_product(entry.product),
        "entryId": entry.key,
        "productId": entry.code,
        "status": entry.state,
        "reason": entry.reason,
        "connectorId": entry.owner,
        "connectorDid": entry.owner_did,
        "providerName": entry.owner_name,
        "createTime": _millis(entry.created),
        "updateTime": _millis(entry.changed),
    }


def read_entry(data: JsonObject) -> Entry:
    """An entry of the catalogue, as the node told; its history is the node's own."""
    state, changed = _state(EntryState, data), _time(data, "updateTime")
    return Entry(
        key=_text(data, "entryId"),
        state=state,
        owner=_text(data, "connectorId"),
        owner_name=_text(data, "providerName"),
        owner_did=_text(data, "connectorDid"),
        product=read_product(data),
        code=_text(data, "productId"),
        reason=_text(data, "reason"),
        created=_time(data, "createTime"),
        changed=changed,
        history=(EntryStep(state, changed, "node"),),
    )


def read_page(data: JsonObject) -> tuple[int, int]:
    """Offset and limit of a search, which the drafts spell as texts; at most 100 at a time."""
    offset, limit = _number(data, "offset", 0), _number(data, "limit", 20)
    if not 1 <= limit <= PAGE_LIMIT:
        raise InvalidInput(f"between 1 and {PAGE_LIMIT}", where="limit")
    return offset, limit


def write_results(entries: list[Entry], total: int) -> JsonObject:
    """One page of a search; `total` is a text as in the drafts."""
    return {"total": str(total), "resultData": [write_entry(entry) for entry in entries]}


def read_results(data: JsonObject) -> tuple[int, list[Entry]]:
    """The number of all results, and those of this page."""
    rows = data.get("resultData")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("a list of objects is expected", where="resultData")
    return _number(data, "total", 0), [read_entry(row) for row in rows]


def write_resolution(value: Resolution) -> JsonObject:
    """What an identifier stands for."""
    entry = {"product": write_entry(value.entry)} if value.entry else {}
    return _write(value, _RESOLUTION) | entry


def read_resolution(data: JsonObject) -> Resolution:
    """What an identifier stands for, as the node told."""
    product = data.get("product")
    return Resolution(entry=read_entry(product) if isinstance(product, dict) else None, **_texts(data, _RESOLUTION))


def _write(value: object, names: Mapping[str, str]) -> JsonObject:
    """The named attributes that are not empty."""
    found = {name: getattr(value, attribute) for name, attribute in names.items()}
    return {name: item for name, item in found.items() if item not in ("", None)}


def _read(data: JsonObject, names: Mapping[str, str]) -> dict[str, Json]:
    return {attribute: data[name] for name, attribute in names.items() if name in data}


def _texts(data: JsonObject, names: Mapping[str, str]) -> dict[str, str]:
    return {attribute: _text(data, name) for name, attribute in names.items()}


def _text(data: JsonObject, name: str) -> str:
    text = data.get(name, "")
    if not isinstance(text, str):
        raise Unreadable("a text is expected", where=name)
    return text


def _number(data: JsonObject, name: str, default: int) -> int:
    text = str(data.get(name, default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidInput("a whole number of at most nine digits is expected", where=name)
    return int(text)


def _state(kind: type[S], data: JsonObject) -> S:
    try:
        return kind(_text(data, "status"))
    except ValueError:
        raise Unreadable(f"there is no state {data.get('status')!r}", where="status") from None


def _offer(value: Product) -> Json:
    return loads(value.offer.encode(), where="offer")


def _millis(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _time(data: JsonObject, name: str) -> datetime:
    value = data.get(name)
    if type(value) is not int or not 0 <= value < 1 << 43:
        raise Unreadable("milliseconds since 1970 are expected", where=name)
    return datetime.fromtimestamp(value / 1000, UTC)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
