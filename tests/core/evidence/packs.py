"""Packs to try things on: a good one, and those of logs in which something else happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.core.evidence.world import (
    AGREEMENT,
    BUS,
    CONTRACT,
    NEGOTIATION,
    NOW,
    PLANNER,
    ROOTS,
    Log,
    material,
    members_of,
    seal,
    story,
)
from trustspace.core.canon import canonical, digest
from trustspace.core.errors import NotVerified
from trustspace.core.evidence.pack import Material, collect
from trustspace.core.evidence.verify import verify_pack

LOG = story()
MATERIAL = material(LOG)
PACK = seal(MATERIAL)
MEMBERS = members_of(PACK)
NAMES = sorted(MEMBERS)
Members = dict[str, bytes]


def refusal(pack: bytes, roots: list[bytes] | None = ROOTS) -> NotVerified:
    with pytest.raises(NotVerified) as caught:
        verify_pack(pack, roots, now=NOW)
    assert caught.value.where
    return caught.value


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1]) if data else b"x"


def story_before_export() -> Log:
    log = story()
    log.bodies.pop()
    log.subjects.pop()
    log.places[CONTRACT] -= 1
    return log


def closed(log: Log) -> Log:
    log.write("exported", (CONTRACT,), {"negotiation": NEGOTIATION, "leaves": log.places[NEGOTIATION]})
    return log


def told(more: Callable[[Log], None]) -> bytes:
    """The pack of a log in which something more was written."""
    log = story_before_export()
    more(log)
    return seal(material(closed(log)))


def story_with_token(header: str, token: str = "") -> Log:
    from trustspace.core.canon import encode64

    log = story_before_export()
    made = token or f"{encode64(header.encode())}.{encode64(canonical({'iss': 'did:web:other'}))}.{encode64(b'0' * 64)}"
    log.write("message-received", (CONTRACT,), {"message": "m", "digest": log.keep(b"m"), "origin": log.keep(made)})
    return closed(log)


def consumers_log() -> Log:
    log = Log(PLANNER, BUS)
    made = {"provider_signature": MATERIAL.provider_signature, "consumer_signature": MATERIAL.consumer_signature}
    log.sent((NEGOTIATION,), b"request", b"answer")
    data = {"agreement": digest(canonical(AGREEMENT)), "offer": digest(MATERIAL.offer)}
    log.write("agreement-signed", (NEGOTIATION, CONTRACT), data | {name: digest(one) for name, one in made.items()})
    return closed(log)


def consumers(log: Log) -> Material:
    return replace(material(log, cosigned=0), exporter="consumer", cosigned="", peer_checkpoint="")


def without(index: int) -> Material:
    """The material with one leaf, and what only it names, left out and numbered anew."""
    left = [one for number, one in enumerate(MATERIAL.leaves) if number != index]
    _, kept = collect([(one.index, one.body) for one in left], LOG.blobs.get)
    return replace(MATERIAL, leaves=tuple(left), kept=kept)
