"""What went wrong on the way to a peer, in words: one table, so that every call explains itself alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp

from trustspace.core.errors import Unavailable
from trustspace.core.origins import Origin

_STEPS: Final[tuple[tuple[type[BaseException], str, str], ...]] = (
    (
        aiohttp.ClientConnectorCertificateError,
        "TLS: its certificate is not trusted: {error}",
        "is it the right node, and does this node trust the authority that issued its certificate?",
    ),
    (aiohttp.ClientSSLError, "TLS: the handshake failed: {error}", "does an https listener answer on that port?"),
    (aiohttp.ClientConnectorDNSError, "name: the host was not found", "check the spelling and the resolver"),
    (
        aiohttp.ConnectionTimeoutError,
        "connect: no connection within {timeout:g} s",
        "is the node up, is a firewall between?",
    ),
    (aiohttp.ClientConnectorError, "connect: {error}", "is the node running, and listening on that port?"),
    (TimeoutError, "time: no answer within {timeout:g} s", "the peer is slow or stuck; trying again may help"),
    (aiohttp.ServerDisconnectedError, "reset: the peer closed the connection without an answer", "try again"),
    (aiohttp.ClientPayloadError, "reset: the answer broke off before its end", "try again"),
    (aiohttp.ClientResponseError, "answer: this is not HTTP: {error}", "does a node listen on that port?"),
    (aiohttp.ClientError, "reset: {error}", "try again"),
    (OSError, "reset: {error}", "try again"),
)


_DATED: Final = "is this machine's clock right, and has the peer renewed its certificate?"


def _reason(error: BaseException) -> str:
    """The short reason inside an aiohttp or ssl error."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        inner = error.certificate_error
        return str(getattr(inner, "verify_message", "") or inner)
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error)
    if isinstance(error, aiohttp.ClientResponseError):
        return " ".join(error.message.split())[:200]
    return str(error) or type(error).__name__


def _is_dated(text: str) -> bool:
    """Whether a certificate is refused because of the time."""
    return "certificate has expired" in text or "certificate is not yet valid" in text


@contextmanager
def explained(origin: Origin, timeout: float) -> Iterator[None]:
    """Turn whatever the transport raises into `Unavailable`, naming the step that failed."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        for kind, what, hint in _STEPS:
            if isinstance(error, kind):
                text = what.format(error=_reason(error), timeout=timeout)
                raise Unavailable(text, where=str(origin), hint=_DATED if _is_dated(text) else hint) from error
        raise


def too_large(origin: Origin, limit: int) -> Unavailable:
    """The peer's answer is over the limit, in bytes."""
    return Unavailable(
        f"size: the answer is over {limit} bytes", where=str(origin), hint="this is not what was asked for"
    )
