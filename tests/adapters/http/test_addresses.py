"""Addresses in disguise, and what an operator may open."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.core.errors import Forbidden, MisusedError
from trustspace.core.origins import parse_origin

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1", "2001:0:7f00:1::1", "100::1", "::ffff:0:127.0.0.1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "223.5.5.5", "2400:3200::1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_packet_to_a_private_address_in_any_disguise(address: str) -> None:
    with pytest.raises(Forbidden) as refused:
        AddressPolicy().check("peer.example", [*PUBLIC, address])
    assert address in str(refused.value)
    assert "networks" in refused.value.hint


def test_public_addresses_are_called() -> None:
    AddressPolicy().check("peer.example", PUBLIC)


@given(st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_loopback_is_for_nodes_that_live_there(address: ipaddress.IPv4Address) -> None:
    assert AddressPolicy.of(bound="127.0.0.1").permits(address)
    assert AddressPolicy.of(bound="localhost").permits(address)
    assert not AddressPolicy.of(bound="0.0.0.0").permits(address)
    assert not AddressPolicy.of(bound="192.168.1.5").permits(address)


def test_the_operator_opens_a_network_and_no_more() -> None:
    policy = AddressPolicy.of(["10.20.0.0/16", "fd12::/48"])
    policy.check("edc", ["10.20.3.4", "fd12::1", "::ffff:10.20.3.4"])
    for address in ("10.21.0.1", "fd13::1", "127.0.0.1"):
        with pytest.raises(Forbidden):
            policy.check("edc", [address])


def test_a_malformed_network_is_named() -> None:
    with pytest.raises(MisusedError, match=r"10\.20\.0\.0/16"):
        AddressPolicy.of(["10.20.0.1/16"])


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "http://a.localhost:1"])
def test_plain_http_on_loopback(url: str) -> None:
    PlainHttp().check(parse_origin(url))


@pytest.mark.parametrize(
    "url",
    ["http://edc.local.evil.example:8080", "http://edc.local", "http://edc.local:808", "http://xedc.local:8080",
     "http://localhost.example:8080", "http://127.0.0.1.example:8080", "http://10.0.0.1:8080"],
)  # fmt: skip
def test_plain_http_only_for_exactly_what_is_listed(url: str) -> None:
    rule = PlainHttp.of(["http://edc.local:8080"])
    rule.check(parse_origin("http://EDC.local:8080/x"))
    with pytest.raises(Forbidden, match="plain http"):
        rule.check(parse_origin(url))
