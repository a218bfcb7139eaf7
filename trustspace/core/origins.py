"""Whom a URL calls: scheme, host and port as a parsed triple, read so strictly that no second reader sees another one.

A peer tells us URLs (its callback address, the endpoint of its data). They are compared by origin, never by how they
begin (`https://bus.example@evil.example`).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from trustspace.core.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)
"""Printable ASCII of a URL: no space, control, quote, backslash, caret, brace, or angle bracket."""
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host in lower case (an address in its canonical form, without brackets) and port: whom a URL calls."""

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> Address | None:
        """The host where it is an address and not a name."""
        return _address(self.host)

    @property
    def loopback(self) -> bool:
        """Whether the host is a loopback address, or `localhost` (RFC 6761, 6.3)."""
        address = self.address
        return self.host == "localhost" or self.host.endswith(".localhost") or bool(address and address.is_loopback)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_origin(url: str, *, where: str = "url") -> Origin:
    """Whom an absolute http(s) URL calls.

    Raises `InvalidInput` on anything two readers could read differently: user information, a fragment, characters
    outside printable ASCII, numbers that only some resolvers take for addresses (`0x7f.1`, `2130706433`).
    """
    if not _URL.fullmatch(url):
        raise InvalidInput("a URL is printable ASCII, escaped where need be", where=where)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"this is no URL: {error}", where=where) from error
    if parts.scheme not in _PORTS:
        raise InvalidInput(f"`{parts.scheme or url[:40]}` is neither http nor https", where=where)
    if "@" in parts.netloc or "#" in url:
        raise InvalidInput("user information and fragments are not accepted", where=where)
    if port == 0 or parts.netloc.endswith(":"):
        raise InvalidInput("the port is empty or 0", where=where)
    return Origin(parts.scheme, _host(parts.hostname or "", where), port or _PORTS[parts.scheme])


def _host(host: str, where: str) -> str:
    """The host in its one spelling, or `InvalidInput`."""
    address = _address(host)
    if address is not None and "%" not in host:
        return str(address)
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)) or _NUMBER.fullmatch(labels[-1]):
        raise InvalidInput(f"`{host}` is not a host name or an address", where=where)
    return host


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
