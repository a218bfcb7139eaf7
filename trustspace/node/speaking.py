"""The Dataspace Protocol as the services speak it: both machines with their rules and their codec."""

from __future__ import annotations

from typing import Any, Final

from trustspace.core import contract as contracts
from trustspace.core import transfer as transfers
from trustspace.core.canon import canonical, loads_object
from trustspace.core.contract import Negotiation
from trustspace.core.transfer import Transfer
from trustspace.protocols import dsp
from trustspace.services import deciding, transfer
from trustspace.services.machinery import Machinery, Rules

ROUND: Final = f"{dsp.terms.OURS}round"
"""Tells a message from the same one of an earlier round: DSP has no message ids."""


class DspCodec:
    """The Dataspace Protocol as `exchange.Codec`."""

    def encode(self, message: Any) -> bytes:
        """The message's bytes."""
        return dsp.encode(message)

    def again(self, body: bytes, number: int) -> bytes:
        """The message with the number of its round."""
        return canonical({**loads_object(body), ROUND: str(number)})

    def path(self, record: Any, verb: str) -> str:
        """Where it goes."""
        return dsp.path_of(record, verb)

    def answer(self, record: Any, *, created: bool) -> tuple[int, bytes]:
        """What acknowledges a message."""
        return (201 if created else 200), dsp.encode_state(record)

    def acknowledgement(self, record: Any, body: bytes) -> tuple[str, str]:
        """The peer's pid and state in its answer."""
        return dsp.read_state(body, record.role)

    def reason(self, body: bytes) -> str:
        """Why the peer refused."""
        return dsp.read_reason(body)

    def redacted(self, body: bytes) -> bytes:
        """A transfer start whose secrets are replaced by their SHA-256: evidence is handed to others."""
        return dsp.without_secrets(body)


NEGOTIATION: Final = Machinery(
    Negotiation,
    Rules(
        contracts.receive,
        contracts.send,
        contracts.acknowledged,
        contracts.failed,
        contracts.expired,
        contracts.caught_up,
        contracts.MACHINE,
    ),
    DspCodec(),
    "negotiation",
    deciding.farewell,
)
TRANSFER: Final = Machinery(
    Transfer,
    Rules(
        transfers.receive,
        transfers.send,
        transfers.acknowledged,
        transfers.failed,
        transfers.expired,
        transfers.caught_up,
        transfers.MACHINE,
    ),
    DspCodec(),
    "transfer",
    transfer.farewell,
    secret=frozenset({"start"}),
)
