"""What an engine has of the world outside; the real one is made from a folder and its settings."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import anyio

from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.adapters.http.tls import client_context
from trustspace.adapters.system import SystemClock, SystemIds
from trustspace.node.folder import Folder, to_pem
from trustspace.node.settings import Settings, split_bind
from trustspace.node.speaking import DspCodec
from trustspace.ports import Clock, Ids, Peer
from trustspace.services.machinery import Codec


@dataclass(frozen=True, slots=True)
class Outside:
    """What an engine has of the world outside: time, names, the way to others, pauses, how it speaks the protocol."""

    peer: Peer
    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=SystemIds)
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    codec: Codec[Any, Any] = field(default_factory=DspCodec)
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def real(cls, folder: Folder, settings: Settings) -> Self:
        """The network, as far as the settings allow; others are trusted by the folder's roots."""
        roots = () if settings.open else folder.roots()
        return cls(
            AiohttpPeer(
                client_context(b"".join(map(to_pem, roots)), system=True),
                policy=AddressPolicy.of(settings.network.networks, bound=split_bind(settings.public_bind)[0]),
                plain=PlainHttp.of(settings.network.plain_http),
            )
        )
