"""Which addresses a node may call: origins compared as parsed tuples, names resolved once, private networks shut.

A peer tells us URLs (its DID, its callback address). Whatever it says, a packet only goes to a public address, to a
network that the operator named, or to loopback where this node itself lives there (OWASP ASVS 5.0, 1.3.6).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trustspace.core.errors import Forbidden, MisusedError
from trustspace.core.origins import Address, Origin, parse_origin

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""How a host name becomes addresses in text; raises OSError where it does not."""

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_INNER: Final = tuple(
    map(
        ipaddress.IPv4Network,
        [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "168.63.129.16/32",
        ],
    )
)
"""IANA's special-purpose registry for IPv4, and a number that looks public and is a host's own: a cloud's platform."""
_INNER_SIX: Final = tuple(map(ipaddress.IPv6Network, ["2001::/23", "2001:db8::/32", "3fff::/20"]))
"""The same inside of 2000::/3: protocol assignments (Teredo among them) and documentation. Both are written out here,
since what the standard library takes for private differs between its versions."""


def _meant(address: Address) -> Iterator[Address]:
    """The address itself, and each IPv4 address that a translator would make of it."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _INNER)
    unicast = address in _GLOBAL_UNICAST and not any(address in network for network in _INNER_SIX)
    return unicast or address in _NAT64


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
