"""What is answered: the state of a process, or the typed error of any refusal; and what a peer's answer says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical, digest
from trustspace.core.contract import Negotiation, Role
from trustspace.core.errors import InvalidInput, TrustspaceError
from trustspace.core.transfer import Transfer
from trustspace.protocols.dsp.forms import texts
from trustspace.protocols.dsp.messages import (
    CatalogRefusal,
    NegotiationAnswer,
    NegotiationRefusal,
    TransferAnswer,
    TransferRefusal,
    encode,
)
from trustspace.protocols.dsp.terms import message

_REFUSALS: Final[Mapping[str, Callable[[str, str, str, tuple[str, ...]], object]]] = {
    "negotiation": NegotiationRefusal,
    "transfer": TransferRefusal,
    "catalog": lambda _consumer, _provider, code, reasons: CatalogRefusal(code, reasons),
}
_ELSEWHERE: Final = ("detail", "message", "title", "error")
"""Where other errors have their reason: RFC 9457, and what frameworks answer by themselves."""


def encode_state(process: Negotiation | Transfer) -> bytes:
    """The `ContractNegotiation` or `TransferProcess` that shows where a process is.

    A process that has not begun for want of the peer's answer is shown as requested or offered: the peer may ask before
    it has answered.
    """
    answer = NegotiationAnswer if isinstance(process, Negotiation) else TransferAnswer
    begun = "OFFERED" if process.role is Role.PROVIDER else "REQUESTED"
    return encode(answer(process.consumer_pid, process.provider_pid, str(process.state or begun)))


def encode_error(error: TrustspaceError, kind: str, consumer_pid: str = "", provider_pid: str = "") -> bytes:
    """The typed error body; `kind` is "negotiation", "transfer" or "catalog". Both pids always stand in it."""
    return encode(_REFUSALS[kind](consumer_pid, provider_pid, error.code, (str(error),)))


def read_state(body: bytes, role: Role) -> tuple[str, str]:
    """The peer's pid and the state in an answer, where `role` is our own; "" for what it does not say."""
    wire = _tolerant(body)
    name = "providerPid" if role is Role.CONSUMER else "consumerPid"
    return _text(wire, name), _text(wire, "state")


def read_reason(body: bytes) -> str:
    """Why a peer refused, for people: its code and reasons, or what a common form of error says instead; or ""."""
    wire = _tolerant(body)
    told: Json = wire.get("reason") or next((wire[name] for name in _ELSEWHERE if wire.get(name)), [])
    said = "; ".join(filter(None, texts(told, "reason")))
    code = _text(wire, "code")
    return f"{code}: {said}" if code and said else code or said


def pids_in(body: bytes) -> tuple[str, str]:
    """Consumer's and provider's pid in a message of any kind, to echo in an error about it; "" where there is none."""
    wire = _tolerant(body)
    return _text(wire, "consumerPid"), _text(wire, "providerPid")


def without_secrets(body: bytes) -> bytes:
    """A transfer start in canonical JSON whose tokens and passwords are replaced by their SHA-256.

    It is in compact form then, whatever form it came in: a secret hides behind no spelling.
    """
    wire = message(body)
    address = wire.get("dataAddress")
    pairs = address.get("endpointProperties", []) if isinstance(address, dict) else []
    hidden = [_hidden(pair) if isinstance(pair, dict) else pair for pair in pairs]
    return canonical({**wire, "dataAddress": {**address, "endpointProperties": hidden}} if hidden else wire)


_SECRET: Final = ("authorization", "token", "password", "secret", "key")
"""How the names of properties end whose values open doors."""


def _hidden(pair: JsonObject) -> JsonObject:
    if not str(pair.get("name")).lower().endswith(_SECRET):
        return pair
    return {**pair, "value": f"sha256:{digest(str(pair.get('value')).encode())}"}


def _tolerant(body: bytes) -> JsonObject:
    """The members of a body that may be anything at all."""
    try:
        wire = message(body)
    except InvalidInput:
        return {}
    return wire if isinstance(wire, dict) else {}


def _text(wire: JsonObject, name: str) -> str:
    value = wire.get(name)
    return value if isinstance(value, str) else ""
