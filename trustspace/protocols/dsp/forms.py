"""The forms that members of messages take: how a value is read from JSON, totally, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from trustspace.core.canon import Json, JsonObject, canonical, decode64, encode64, loads
from trustspace.core.contract import Event, Offer, agreement_to_json, offer_to_json, read_agreement, read_offer
from trustspace.core.errors import InvalidInput
from trustspace.core.transfer import DataAddress


@dataclass(frozen=True, slots=True)
class Form:
    """`read` takes the JSON and the place it stands in, and raises `InvalidInput`; `write` is its inverse."""

    read: Callable[[Json, str], Any]
    write: Callable[[Any], Json]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a message on the wire, and the field of the value that holds it."""

    name: str
    field: str
    form: Form
    required: bool = True


def text(value: Json, where: str) -> str:
    """A text that is not empty, or an array of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or not value:
        raise InvalidInput("a text is expected", where=where)
    return value


def texts(value: Json, _where: str) -> tuple[str, ...]:
    """The items of an array as texts; of a text with its language the text, of anything else its canonical JSON."""
    return tuple(map(_said, value if isinstance(value, list) else [value]))


def members(value: Json, where: str) -> JsonObject:
    """An object."""
    if not isinstance(value, dict):
        raise InvalidInput("an object is expected", where=where)
    return value


def items(value: Json, where: str) -> list[JsonObject]:
    """An array of objects; nothing at all is an empty one."""
    if not isinstance(value, list | None):
        raise InvalidInput("an array is expected", where=where)
    return [members(item, f"{where}[{at}]") for at, item in enumerate(value or [])]


def listed(value: Json) -> list[Json]:
    """The items of an array, whatever they are; of anything else the one that it is, of nothing none."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _said(value: Json) -> str:
    inner = value.get("@value") if isinstance(value, dict) else value
    return inner if isinstance(inner, str) else canonical(value).decode()


def _event(value: Json, where: str) -> Event:
    try:
        return Event(text(value, where))
    except ValueError as error:
        raise InvalidInput(f"{value!r} is no event", where=where, hint="ACCEPTED or FINALIZED") from error


def _word(value: Json, where: str) -> str:
    """A machine's word; numbers, which some send, are taken as texts."""
    return str(value) if type(value) is int else text(value, where)


def _address(value: Json, where: str) -> DataAddress:
    inside = members(value, where)
    pairs = items(inside.get("endpointProperties"), f"{where}.endpointProperties")
    return DataAddress(
        endpoint_type=text(inside.get("endpointType"), f"{where}.endpointType"),
        endpoint=text(inside["endpoint"], f"{where}.endpoint") if "endpoint" in inside else "",
        properties=tuple(_pair(pair, f"{where}.endpointProperties[{at}]") for at, pair in enumerate(pairs)),
    )


def _pair(value: JsonObject, where: str) -> tuple[str, str]:
    return text(value.get("name"), f"{where}.name"), text(value.get("value"), f"{where}.value")


def _address_json(address: DataAddress) -> JsonObject:
    pairs = [{"@type": "EndpointProperty", "name": name, "value": value} for name, value in address.properties]
    return {
        "@type": "DataAddress",
        "endpointType": address.endpoint_type,
        **({"endpoint": address.endpoint} if address.endpoint else {}),
        **({"endpointProperties": pairs} if pairs else {}),
    }


def _offer_json(offer: Offer) -> JsonObject:
    return offer_to_json(offer, with_target=True)


def _document(value: Json, where: str) -> bytes:
    return canonical(members(value, where))


TEXT: Final = Form(text, str)
ECHO: Final = Form(lambda value, _: value if isinstance(value, str) else "", str)
"""A pid in an answer: always written, "" where it is not known, and never a reason not to read the answer."""
WORD: Final = Form(_word, str)
TEXTS: Final = Form(texts, list)
BYTES: Final = Form(lambda value, where: decode64(text(value, where), where=where), encode64)
EVENT: Final = Form(_event, str)
OFFER: Final = Form(lambda value, where: read_offer(value, where=where), _offer_json)
AGREEMENT: Final = Form(lambda value, where: read_agreement(value, where=where), agreement_to_json)
DOCUMENT: Final = Form(_document, loads)
ADDRESS: Final = Form(_address, _address_json)
