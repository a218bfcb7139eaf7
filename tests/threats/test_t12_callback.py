"""callbackAddress: where answers go is the sender's own endpoint, and never anybody else's, first or later."""

from __future__ import annotations

import pytest

from tests.services.spaces import count, space
from tests.threats.attacks import first_request, send
from tests.threats.forging import asked
from trustspace.core.canon import canonical, loads_object
from trustspace.core.contract import Negotiation
from trustspace.core.transfer import Transfer, TransferRequest
from trustspace.protocols import dsp
from trustspace.services.transfer import PULL

pytestmark = pytest.mark.anyio
ELSEWHERE = (
    "https://victim.example/dsp", "https://bus.example/dsp", "https://node.example/dsp", "http://planner.example/dsp",
    "https://planner.example.evil/dsp", "https://xplanner.example/dsp", "https://sub.planner.example/dsp",
    "https://planner.example./dsp", "https://planner.example:444/dsp", "https://planner.example:80/dsp",
    "https://planner.example:0/dsp", "https://planner.example:/dsp", "https://planner.example@evil.example/dsp",
    "https://planner.example:443@evil.example/dsp", "https://evil.example@planner.example/dsp",
    "https://planner.example%40evil.example/dsp", "https://planner.example%2eevil/dsp",
    "https://planner.example%00/dsp",
    "https://planner.example\\@evil.example/dsp", "https://planner.example\\.evil.example/dsp",
    "https://planner.example\t/dsp", "https://plan\nner.example/dsp", " https://planner.example/dsp",
    "https://planner.example/dsp ", "https://planner.example/dsp#", "https://planner.example/dsp?to=",
    "https://planner.example/dsp?", "https://planner.example?/dsp", "https:planner.example/dsp",
    "https:/planner.example",
    "https:///planner.example/dsp", "//planner.example/dsp", "planner.example/dsp", "/dsp", "ftp://planner.example/dsp",
    "wss://planner.example/dsp", "file:///etc/passwd", "gopher://planner.example/_x", "javascript:alert(1)", "data:,x",
    "https://pl\u0430nner.example/dsp", "https://planner\u3002example/dsp", "https://ｐlanner.example/dsp",
    "http://169.254.169.254/latest/meta-data", "https://169.254.169.254/", "https://[fd00:ec2::254]/",
    "https://[::ffff:169.254.169.254]/", "https://100.100.100.200/", "https://[::1]/dsp", "https://127.0.0.1/dsp",
    "https://localhost/dsp", "https://2130706433/", "https://0x7f.1/", "https://[64:ff9b::a9fe:a9fe]/", "https://", "",
)  # fmt: skip
OWN = ("https://planner.example", "https://PLANNER.example:443/dsp/2025-1", "https://planner.example/elsewhere/")


async def test_answers_go_to_the_sender_and_nowhere_else() -> None:
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        message = loads_object(body)
        with asked(s) as urls:
            for address in ELSEWHERE:
                answer = await send(s, url, canonical({**message, "callbackAddress": address}))
                assert answer.status == 400, address
        assert urls == []
        assert await count(s.bus, Negotiation) == 0
        assert (await send(s, url, body)).status == 201, "the control"
        for number, address in enumerate(OWN):
            own = {**message, "callbackAddress": address, "consumerPid": f"urn:uuid:control-{number}"}
            assert (await send(s, url, canonical(own))).status == 201, address


async def test_nor_do_those_of_a_transfer() -> None:
    async with space() as s:
        contract = await s.contract()
        url = f"{s.bus.engine.base}/transfers/request"
        message = loads_object(dsp.encode(TransferRequest("urn:uuid:made-up", contract.key, PULL, "https://x.example")))
        with asked(s) as urls:
            for address in ELSEWHERE:
                answer = await send(s, url, canonical({**message, "callbackAddress": address}))
                assert answer.status == 400, address
        assert urls == []
        assert await count(s.bus, Transfer) == 0
        good = canonical({**message, "callbackAddress": s.planner.engine.base})
        assert (await send(s, url, good)).status == 201, "the control"


async def test_it_is_bound_at_the_first_message_and_does_not_move() -> None:
    """A counter-offer names the process and no address; one that brings another address is bad input."""
    async with space(approval="manual") as s:
        mine, theirs = await s.both(await s.negotiation("one", wait=0.0))
        url = f"{s.bus.engine.base}/negotiations/{theirs.key}/request"
        _, offer, _ = await s.planner.operations.offer(s.product.code)
        counter = {
            "@context": [dsp.terms.CONTEXT],
            "@type": "ContractRequestMessage",
            "consumerPid": mine.key,
            "providerPid": theirs.key,
            "offer": loads_object((await first_request(s))[1])["offer"],
        }
        for address in ("https://victim.example/dsp", "http://169.254.169.254/", "https://planner.example/moved"):
            for moved in (
                {**counter, "callbackAddress": address},
                {name: one for name, one in {**counter, "callbackAddress": address}.items() if name != "providerPid"},
            ):
                assert (await send(s, url, canonical(moved))).status in {400, 404}, moved
        assert (await s.bus.engine.negotiations.get(theirs.key)).callback == theirs.callback == s.planner.engine.base
        assert theirs == await s.bus.engine.negotiations.get(theirs.key), "nothing has changed"
        assert offer.target == s.product.product


async def test_a_participant_that_moved_is_answered_where_it_is_registered_now() -> None:
    """The origin is that of the list, whatever the sender's own document says of its services."""
    async with space(approval="manual") as s:
        caller = await s.bus.engine.directory.known(s.planner.did)
        assert caller.endpoint == s.planner.settings.public_url
        url, body, _ = await first_request(s)
        stranger = await s.world.connector("stranger")
        assert (await send(s, url, body, stranger.engine.seal)).status == 400, "the planner's address, another's token"
        assert (await send(s, url, body)).status == 201, "the control"
