"""The evidence pack (存证包, `*.asice`): everything about one contract, for a third party, years later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trustspace.core.canon import canonical, encode64
from trustspace.core.errors import NotFound, TooLarge
from trustspace.core.evidence import layout
from trustspace.core.evidence.archive import write_archive
from trustspace.core.evidence.checkpoint import unverified
from trustspace.core.evidence.layout import FOLDERS, About, Party
from trustspace.core.evidence.leaves import Statement, instant, moment, read_leaf
from trustspace.core.identity.cms import sign_detached
from trustspace.core.identity.keys import SigningKey, thumbprint

MAX_NUMBER: Final = 9_999


@dataclass(frozen=True, slots=True)
class Placed:
    """A leaf in its place in the log, with the audit path to the root of the pack's checkpoint."""

    index: int
    body: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What goes into a pack. Everything is bytes as they were signed or sent; certificates and signatures are DER.

    `exporter` is `provider` or `consumer`: whose log this is. `negotiation` is the exporter's process id. A contract
    signature that was not made is `b""`. `certificates` are those of all signers, and the roots they stand under.
    `kept` maps folders of `layout.FOLDERS` to their members in the order that the leaves name them: see `collect`.
    `checkpoint` is a note over the log with all the leaves; `peer_checkpoint` the last one seen of the peer's log;
    `cosigned` an own earlier note that the peer cosigned, and `growth` the consistency proof from it to `checkpoint`.
    """

    contract: str
    negotiation: str
    provider: Party
    consumer: Party
    exporter: str
    offer: bytes
    agreement: bytes
    provider_signature: bytes
    consumer_signature: bytes
    certificates: tuple[bytes, ...]
    leaves: tuple[Placed, ...]
    checkpoint: str
    kept: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    peer_checkpoint: str = ""
    cosigned: str = ""
    growth: tuple[bytes, ...] = ()


def collect(
    leaves: Iterable[tuple[int, bytes]], blob: Callable[[str], bytes | None]
) -> tuple[list[tuple[int, bytes]], dict[str, list[bytes]]]:
    """The leaves to put into a pack, in order, and the kept bytes that they name.

    `leaves` are (index, body) of the negotiation's leaves and of the agreement's, in any order; doubles are dropped,
    and so is what came after the last leaf of kind `exported`, or belongs to another chain. `blob` gives kept bytes
    by their SHA-256. Raises `NotFound` where they were not kept, or where no leaf tells of the export.
    """
    bodies = dict(sorted(leaves))
    read = {index: read_leaf(body) for index, body in bodies.items()}
    exports = [one for one in read.values() if one.kind == "exported"]
    if not exports:
        raise NotFound("no leaf tells of this export", where="log", hint="write a leaf of kind exported first")
    last = max(exports, key=lambda one: one.place)
    ends = {last.chain: last.place, last.data["negotiation"]: last.data["leaves"]}
    chosen = {index: one for index, one in read.items() if one.place <= ends.get(one.chain, -1)}
    return [(index, bodies[index]) for index in chosen], _kept(chosen.values(), blob)


def build_pack(material: Material, key: SigningKey, certificate_der: bytes, *, at: datetime) -> bytes:
    """The pack, sealed by the exporter: the same material, key and time give the same bytes.

    `at` is when it is exported, to the second in the seal. Raises `InvalidInput` or `TooLarge` for material that could
    not be read back; whether it holds together is for `verify_pack` to say.
    """
    members = _members(material, at)
    members[layout.SUMS] = layout.sums(members)
    members[layout.MANIFEST] = layout.manifest(members)
    members[layout.SEAL] = sign_detached(key, certificate_der, members[layout.MANIFEST], at=at)
    return write_archive(members)


def _kept(leaves: Iterable[Statement], blob: Callable[[str], bytes | None]) -> dict[str, list[bytes]]:
    kept: dict[str, dict[str, bytes]] = {folder: {} for folder in FOLDERS}
    for folder, name in (pair for leaf in leaves for pair in layout.named_by(leaf)):
        if (data := blob(name)) is None:
            raise NotFound(f"what a leaf calls {name} was not kept", where=folder)
        kept[folder][name] = data
    return {folder: list(found.values()) for folder, found in kept.items()}


def _members(material: Material, at: datetime) -> dict[str, bytes]:
    """All members but the three that seal the others."""
    about, signed = _about(material, at)
    return {
        "mimetype": layout.MIMETYPE,
        "pack.json": about.to_bytes(),
        "offer.json": material.offer,
        "agreement.json": material.agreement,
        **_signatures(material),
        **{f"certificates/{thumbprint(one)}.pem": layout.to_pem(one) for one in material.certificates},
        **_numbered(material),
        **_log(material),
        "VERIFY.txt": layout.instructions(about, signed),
    }


def _about(material: Material, at: datetime) -> tuple[About, datetime | None]:
    """What `pack.json` says, and when the contract was signed if it was."""
    leaves = [read_leaf(one.body) for one in material.leaves]
    counts = Counter(leaf.chain for leaf in leaves)
    about = About(
        material.contract,
        material.negotiation,
        material.provider,
        material.consumer,
        material.exporter,
        instant(at),
        counts[material.negotiation],
        counts[material.contract],
    )
    times = [moment(leaf.time) for leaf in leaves if leaf.kind == "agreement-signed"]
    return about, times[0] if times and material.provider_signature and material.consumer_signature else None


def _signatures(material: Material) -> dict[str, bytes]:
    members = {}
    made = {"provider": material.provider_signature, "consumer": material.consumer_signature}
    for side, signature in made.items():
        if signature:
            members[f"signatures/{side}.sums"] = layout.signed_list(side, material.agreement, made["provider"])
            members[f"signatures/{side}.p7s"] = signature
    return members


def _numbered(material: Material) -> dict[str, bytes]:
    members = {}
    for folder, ending in FOLDERS.items():
        for number, data in enumerate(material.kept.get(folder, ()), 1):
            members[_name(folder, number, ending)] = data
    return members


def _log(material: Material) -> dict[str, bytes]:
    size = unverified(material.checkpoint).size
    members = {"log/checkpoint": material.checkpoint.encode()}
    if material.peer_checkpoint:
        members["log/peer-checkpoint"] = material.peer_checkpoint.encode()
    if material.cosigned:
        members["log/cosigned"] = material.cosigned.encode()
        members["log/growth.json"] = canonical([encode64(step) for step in material.growth])
    for number, one in enumerate(material.leaves, 1):
        path = [encode64(step) for step in one.path]
        members[_name("log/leaves", number)] = one.body
        members[_name("log/proofs", number)] = canonical({"index": one.index, "path": path, "size": size})
    return members


def _name(folder: str, number: int, ending: str = "json") -> str:
    if number > MAX_NUMBER:
        raise TooLarge(f"a pack has at most {MAX_NUMBER} members of a sort", where=folder)
    return f"{folder}/{number:04d}.{ending}"
