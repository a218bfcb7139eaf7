"""No word of a peer names a secret: whatever stands in its messages, no key, token or setting of ours is opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.spaces import bearer, space
from tests.threats.attacks import first_request, send
from tests.threats.forging import asked, watched
from trustspace.core.canon import Json, canonical, loads_object
from trustspace.core.transfer import TransferRequest
from trustspace.protocols import dsp
from trustspace.services.transfer import PULL
from trustspace.testing.cheats import leaves
from trustspace.testing.world import Node

pytestmark = pytest.mark.anyio
CANARY = "CANARY-0f7c1b"
PROPERTIES = (
    "clientSecretKey",
    "secretName",
    "keyName",
    "tokenUrl",
    "oauth2:clientSecretKey",
    "vaultPath",
    "privateKey",
)


def names(node: Node) -> list[str]:
    """What a secret of that node may be called."""
    place = node.folder.path
    return [
        str(place / "keys/signing.pem"), "keys/signing.pem", "../keys/signing.pem", "file:///proc/self/environ",
        "${TRUSTSPACE_PASSPHRASE}", "{{secret}}", "vault:secret/data/signing", "env:HOME", "management.token", CANARY,
    ]  # fmt: skip


def tainted(message: dict[str, Json], word: str) -> Iterator[dict[str, Json]]:
    """The message with the word in each place of it, in turn, and in members that nobody asked for."""
    for path in leaves(message):
        copy: Json = loads_object(canonical(message))
        place = copy
        for step in path[:-1]:
            place = place[step]
        if path[0] != "@type":
            place[path[-1]] = word
            yield copy
    pairs = [{"@type": "EndpointProperty", "name": name, "value": word} for name in PROPERTIES]
    address = {
        "@type": "DataAddress",
        "endpointType": "HttpData",
        "endpoint": "https://evil.example/",
        "endpointProperties": pairs,
    }
    yield {**message, "dataAddress": address}
    yield {**message, **dict.fromkeys(PROPERTIES, word)}


async def test_nothing_that_a_peer_writes_opens_a_secret() -> None:
    async with space(approval="manual") as s:
        secret, token = s.bus.folder.path / "keys/signing.pem", s.bus.folder.path / "management.token"
        for path in (secret, token):
            path.write_text(f"{CANARY} of {path.name}")
        contract = loads_object(dsp.encode(TransferRequest("urn:uuid:t", "urn:uuid:a", PULL, s.planner.engine.base)))
        url, first, _ = await first_request(s)
        messages = {url: loads_object(first), f"{s.bus.engine.base}/transfers/request": contract}
        for where, message in messages.items():
            for word in names(s.bus):
                for body in tainted(message, word):
                    with watched() as seen, asked(s) as urls:
                        answer = await send(s, where, canonical(body))
                    assert f"{CANARY} of".encode() not in answer.body
                    assert [event for event in seen.events if event.startswith(("open", "socket.", "os."))] == [], word
                    assert urls == []
        with watched() as control:
            assert secret.read_text().startswith(CANARY), "the control: an opened secret would be seen"
        assert any("signing.pem" in event for event in control.events)


async def test_no_header_or_path_opens_one() -> None:
    async with space() as s:
        peer, root = s.world.network.peer(), s.bus.settings.public_url
        (s.bus.folder.path / "keys/signing.pem").write_text(f"{CANARY} of signing.pem")
        for word in names(s.bus):
            if not word.isascii() or "{" in word:
                continue
            for url in (f"{root}/data/{word}/uses", f"{root}/dsp/2025-1/catalog/datasets/{word}", f"{root}/{word}"):
                for headers in (bearer(word), {"x-vault-token": word, "x-secret-name": word}):
                    with watched() as seen:
                        answer = await peer.request("GET", url, headers=headers)
                    assert answer.status in {401, 404, 405}, (url, answer.status)
                    assert CANARY.encode() + b" of" not in answer.body
                    assert [event for event in seen.events if event.startswith(("open", "socket."))] == []


async def test_what_is_made_for_one_peer_opens_nothing_at_another() -> None:
    """A provider that passes a token on, or asks for one at a stranger's address, has nothing from it."""
    async with space() as s:
        stranger, path = await s.world.connector("stranger"), "/trustspace/v1/log/growth"
        for receiver, status in ((s.bus, 401), (stranger, 200)):  # the second is the control
            token = s.planner.engine.seal.token(receiver.did, "GET", path, b"")
            url = f"{stranger.settings.public_url}{path}"
            assert (await s.world.network.peer().request("GET", url, headers=bearer(token))).status == status
