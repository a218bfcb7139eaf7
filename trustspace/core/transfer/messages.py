"""The messages of a transfer process (数据传输), as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Verb(StrEnum):
    """What a message of the transfer does."""

    REQUEST = "request"
    START = "start"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class DataAddress:
    """Where data is fetched or delivered: the kind of endpoint (an IRI), its URL, and named texts in their order."""

    endpoint_type: str
    endpoint: str = ""
    properties: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """The property of that name."""
        return dict(self.properties).get(name, default)


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """The consumer asks for data under an agreement, in a format of the catalogue; an `address` is for pushing."""

    verb: ClassVar[Verb] = Verb.REQUEST
    consumer_pid: str
    agreement: str
    format: str
    callback: str
    address: DataAddress | None = None
    provider_pid: None = None


@dataclass(frozen=True, slots=True)
class TransferStart:
    """Data may flow; from the provider, with the address to pull from."""

    verb: ClassVar[Verb] = Verb.START
    consumer_pid: str
    provider_pid: str
    address: DataAddress | None = None


@dataclass(frozen=True, slots=True)
class TransferSuspension:
    """No data for now; either side may start again."""

    verb: ClassVar[Verb] = Verb.SUSPEND
    consumer_pid: str
    provider_pid: str
    code: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TransferCompletion:
    """All data has flowed."""

    verb: ClassVar[Verb] = Verb.COMPLETE
    consumer_pid: str
    provider_pid: str


@dataclass(frozen=True, slots=True)
class TransferTermination:
    """Either side ends the transfer, with a word for machines and reasons for people."""

    verb: ClassVar[Verb] = Verb.TERMINATE
    consumer_pid: str
    provider_pid: str
    code: str = ""
    reasons: tuple[str, ...] = ()


Message = TransferRequest | TransferStart | TransferSuspension | TransferCompletion | TransferTermination
