"""Which addresses a node may call: origins compared as parsed tuples, names resolved once, private networks shut.

A peer tells us URLs (its DID, its callback address). Whatever it says, a packet only goes to a public address, to a
network that the operator named, or to loopback where this node itself lives there (OWASP ASVS 5.0, 1.3.6).
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from trustspace.core.errors import Forbidden, InvalidInput, MisusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""How a host name becomes addresses in text; raises OSError where it does not."""

_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)
"""Printable ASCII of a URL: no space, control, quote, backslash, caret, brace, or angle bracket."""
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


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


def _meant(address: Address) -> Iterator[Address]:
    """The address itself, and each IPv4 address that a translator would make of it."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        return address in _NAT64 or (address in _GLOBAL_UNICAST and not address.is_private)
    return address.is_global and not address.is_multicast and not address.is_reserved


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where packets may go: public addresses always; `networks` of the operator; loopback where `loopback`."""

    networks: tuple[Network, ...] = ()
    loopback: bool = False

    @classmethod
    def of(cls, networks: Iterable[str] = (), *, bound: str = "") -> AddressPolicy:
        """The policy of a node bound to the host `bound`, with the operator's networks in CIDR form.

        A node that itself listens on loopback may call loopback. Raises `MisusedError` on a malformed network.
        """
        try:
            parsed = tuple(ipaddress.ip_network(network) for network in networks)
        except ValueError as error:
            raise MisusedError(str(error), where="networks", hint="write them like 10.20.0.0/16") from error
        return cls(parsed, loopback=bool(bound) and Origin("http", bound, 80).loopback)

    def permits(self, address: Address) -> bool:
        """Whether a packet may go there."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self.networks if network.version == address.version):
            return True
        if address.is_loopback:
            return self.loopback
        return all(map(_is_public, _meant(address)))

    def check(self, host: str, addresses: Iterable[str]) -> None:
        """Raise `Forbidden` unless every address is permitted: one private one is enough to refuse the name."""
        for text in addresses:
            if not self.permits(ipaddress.ip_address(text)):
                raise Forbidden(
                    f"{host} is {text}, which is not a public address",
                    where=host,
                    hint="if that peer is meant, the operator adds its network to `networks` in the settings",
                )


@dataclass(frozen=True, slots=True)
class PlainHttp:
    """Who may be called without TLS: loopback, and the (host, port) pairs that the operator named."""

    hosts: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def of(cls, origins: Iterable[str]) -> PlainHttp:
        """From origins like `http://10.1.2.3:8080`; raises `InvalidInput`."""
        parsed = [parse_origin(text, where="plain_http") for text in origins]
        return cls(frozenset((origin.host, origin.port) for origin in parsed))

    def permits(self, origin: Origin) -> bool:
        """Whether this origin may be called as it is written."""
        return origin.scheme == "https" or origin.loopback or (origin.host, origin.port) in self.hosts

    def check(self, origin: Origin) -> None:
        """Raise `Forbidden` before anything is sent in the clear."""
        if not self.permits(origin):
            raise Forbidden(
                "plain http is only for loopback",
                where=str(origin),
                hint="the peer should offer https; the operator may list this origin under `plain_http`",
            )


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, off the loop."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
