"""Names that look like one that is allowed: whom a URL calls is compared as scheme, host and port."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.services.spaces import space
from trustspace.adapters.http.addresses import PlainHttp
from trustspace.core.errors import Forbidden, InvalidInput, TrustspaceError
from trustspace.core.identity.did import did_from_url, url_from_did
from trustspace.core.origins import parse_origin
from trustspace.core.policy import Request, decide, offer, use
from trustspace.services.exchange import Caller
from trustspace.testing.registry import START

pytestmark = pytest.mark.anyio
HOST = "planner.example"
LOOK_ALIKES = (
    "https://planner.example@evil.host/dsp",
    "https://planner.example:443@evil.host/dsp",
    "https://user@planner.example/dsp",
    "https://planner.example.evil.host/dsp",
    "https://planner.examplee/dsp",
    "https://planner.exampl/dsp",
    "https://xplanner.example/dsp",
    "https://evil.planner.example/dsp",
    "https://planner-example/dsp",
    "https://planner.example:444/dsp",
    "https://planner.example:0/dsp",
    "https://planner.example:/dsp",
    "http://planner.example/dsp",
    "https://planner.example%2eevil.host/dsp",
    "https://planner.example%00.evil.host/dsp",
    "https://planner.example\\.evil.host/dsp",
    "https://planner.example#@evil.host/dsp",
    "https://evil.host/https://planner.example/dsp",
    "https://evil.host?https://planner.example/dsp",
    "https://pl\u0430nner.example/dsp",
    "https://planner\u3002example/dsp",
    "https://xn--plnner-6nf.example/dsp",
    "https:planner.example/dsp",
    "//planner.example/dsp",
    "https:///planner.example/dsp",
    "https://planner.example ./dsp",
    "https://planner.example\n.evil.host/dsp",
)
SAME = ("https://planner.example/dsp", "https://PLANNER.example/other", "https://planner.example:443/")


async def test_a_callback_is_the_callers_own_origin_and_no_look_alike() -> None:
    assert len(LOOK_ALIKES) >= 20
    async with space() as s:
        caller = await s.bus.engine.directory.known(s.planner.did)
        assert caller.endpoint == f"https://{HOST}"
        for address in SAME:
            await s.bus.engine.directory.check_callback(caller, address)
        for address in LOOK_ALIKES:
            with pytest.raises(TrustspaceError):
                await s.bus.engine.directory.check_callback(caller, address)
        with pytest.raises(TrustspaceError):
            await s.bus.engine.directory.check_callback(Caller("did:web:x"), "https://planner.example/dsp")


def test_an_origin_is_three_values_and_not_the_beginning_of_a_text() -> None:
    own = parse_origin(SAME[0])
    assert {parse_origin(address) for address in SAME} == {own}
    for address in LOOK_ALIKES:
        try:
            assert parse_origin(address) != own, address
        except InvalidInput:
            continue


def test_plain_http_is_for_the_host_that_was_listed() -> None:
    rule = PlainHttp.of(["http://10.1.2.3:8080"])
    rule.check(parse_origin("http://10.1.2.3:8080/x"))
    for url in (
        "http://10.1.2.30:8080",
        "http://10.1.2.3:80801",
        "http://10.1.2.3:808",
        "http://10.1.2.3",
        "http://10.1.2.3.evil.host:8080",
        "http://10.1.2.3:8080@evil.host",
        "http://110.1.2.3:8080",
        "http://localhost.evil.host",
        "http://127.0.0.1.evil.host",
    ):
        with pytest.raises((Forbidden, InvalidInput)):
            rule.check(parse_origin(url))


@pytest.mark.parametrize(
    "did",
    [
        "did:web:planner.example.evil.host",
        "did:web:planner.example:evil",
        "did:web:planner.example%3A444",
        "did:web:PLANNER.example",
        "did:web:planner.example.",
        "did:web:planner.exampl\u0435",
        "did:web:planner.example#key",
        "did:web:planner.example@evil.host",
        "did:webs:planner.example",
        "DID:web:planner.example",
        " did:web:planner.example",
        "did:web:planner.example ",
    ],
)
async def test_a_participant_is_its_exact_name(did: str) -> None:
    async with space() as s:
        assert (await s.bus.engine.directory.known(s.planner.did)).participant == s.planner.did, "the control"
        with pytest.raises(TrustspaceError):
            await s.bus.engine.directory.known(did)
    assert did != did_from_url(f"https://{HOST}")
    with suppress(InvalidInput):
        assert url_from_did(did) != url_from_did(did_from_url(f"https://{HOST}"))


@pytest.mark.parametrize("other", ["did:web:planner.example.evil.host", "did:web:planner.exampl", "did:web:planner"])
def test_a_policy_names_its_recipients_exactly(other: str) -> None:
    policy = offer(use(participants=["did:web:planner.example"]))
    assert decide(policy, Request("use", "did:web:planner.example", START)).permitted, "the control"
    assert not decide(policy, Request("use", other, START)).permitted
