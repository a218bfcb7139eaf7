"""The protocol as the services want it: a process and its messages to bytes, and answers back."""

from __future__ import annotations

from trustspace.core.contract import Message as NegotiationMessage
from trustspace.core.contract import Negotiation
from trustspace.core.transfer import Message as TransferMessage
from trustspace.core.transfer import Transfer
from trustspace.protocols.dsp.answers import encode_state, read_reason, read_state
from trustspace.protocols.dsp.messages import encode
from trustspace.protocols.dsp.paths import path_of

Process = Negotiation | Transfer
Message = NegotiationMessage | TransferMessage


class Wire:
    """The codec of both machines; it holds nothing."""

    def encode(self, message: Message) -> bytes:
        """The exact bytes that are sent."""
        return encode(message)

    def path(self, process: Process, verb: str) -> str:
        """Where a message goes, below the peer's base address."""
        return path_of(process, verb)

    def answer(self, process: Process, *, created: bool) -> tuple[int, bytes]:
        """Status and body that acknowledge a message."""
        return (201 if created else 200), encode_state(process)

    def acknowledgement(self, process: Process, body: bytes) -> tuple[str, str]:
        """The peer's pid and the state in its answer; "" for what it does not say."""
        return read_state(body, process.role)

    def reason(self, body: bytes) -> str:
        """Why the peer refused, as far as it says."""
        return read_reason(body)
