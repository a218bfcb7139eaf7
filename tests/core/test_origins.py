"""A URL calls one origin, whoever reads it."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import InvalidInput
from trustspace.core.origins import Origin, parse_origin

SAME = {
    "https://bus.example": Origin("https", "bus.example", 443),
    "https://BUS.example:443/a?b": Origin("https", "bus.example", 443),
    "HTTP://bus.example/": Origin("http", "bus.example", 80),
    "https://[2001:DB8::0:1]:8443/": Origin("https", "2001:db8::1", 8443),
    "http://127.0.0.1:8080/dsp/x%E2%80%A2y": Origin("http", "127.0.0.1", 8080),
    "https://xn--fiqs8s.example": Origin("https", "xn--fiqs8s.example", 443),
}
MALFORMED = [
    "", "/", "bus.example", "//bus.example", "ftp://bus.example", "file:///etc/passwd", "javascript:alert(1)",
    "https://", "https:///x", "https://user@bus.example", "https://user:pw@bus.example", "https://@bus.example",
    "https://ci.bus.example@evil.example", "https://bus.example#@evil.example", "https://bus.example\\@evil.example",
    "https://bus.example\t", "https://bus .example", "https://bus.example\r\nHost: x", "https://bus.example/\0",
    "https://bus。example", "https://中国.example", "https://bus.example/公交", "https://bus%2eexample", "https://%31",
    "https://2130706433", "https://0x7f000001", "https://0x7f.1", "https://0177.0.0.1", "https://127.1",
    "https://127.0.0.1.", "https://1.2.3.4.5", "https://127.0.0.256", "https://bus.example.", "https://-bus.example",
    "https://bus..example", "https://.bus.example", f"https://{'a' * 64}.example", f"https://{'a.' * 127}example",
    "https://bus.example:0", "https://bus.example:", "https://bus.example:65536", "https://bus.example:-1",
    "https://bus.example:80a", "https://[::1", "https://::1", "https://[fe80::1%25eth0]", "https://[127.0.0.1]",
    "https://bus.example/#part", "https://bus.example/\"", "https://bus.example/<x>", "https://bus.example/{x}",
]  # fmt: skip


@pytest.mark.parametrize(("url", "origin"), SAME.items())
def test_a_url_calls_one_origin(url: str, origin: Origin) -> None:
    assert parse_origin(url) == origin
    assert parse_origin(str(origin)) == origin


@pytest.mark.parametrize("url", MALFORMED)
def test_what_two_readers_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        parse_origin(url)


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z0-9.@:\[\]%/\\#-]{0,30}", fullmatch=True))
def test_parsing_is_total(text: str) -> None:
    try:
        origin = parse_origin(text)
    except InvalidInput:
        return
    assert parse_origin(str(origin)) == origin


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost", "a.localhost"])
def test_loopback_is_known_by_address_and_by_name(host: str) -> None:
    assert parse_origin(f"http://{host}:1").loopback
    assert not parse_origin(f"http://{host.strip('[]').replace('::1', '').replace('localhost', '')}x.example").loopback


def test_an_origin_of_an_address_knows_it() -> None:
    assert parse_origin("https://[2001:DB8::1]").address == ipaddress.ip_address("2001:db8::1")
    assert parse_origin("https://bus.example").address is None
