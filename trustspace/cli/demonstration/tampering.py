"""Altering an evidence pack in every way that a verifier has to notice; each result is a valid zip again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from trustspace.core.errors import NotFound
from trustspace.core.evidence import layout
from trustspace.core.evidence.archive import read_archive, write_archive
from trustspace.core.evidence.layout import MANIFEST, SEAL, SUMS, About
from trustspace.core.evidence.leaves import moment
from trustspace.core.identity.cms import sign_detached
from trustspace.core.identity.keys import SigningKey

Members = Mapping[str, bytes]
ANYWHERE: Final = "log/"


@dataclass(frozen=True, slots=True)
class Altered:
    """An altered pack: its file name, what was done to it, and the members of which the verifier has to name one."""

    name: str
    sort: str
    data: bytes
    expected: tuple[str, ...]

    def names(self, member: str) -> bool:
        """Whether that member is one to be named."""
        return any(member.startswith(one) for one in self.expected)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Who seals a pack: a key, and the certificate (DER) that goes with it."""

    key: SigningKey
    certificate: bytes

    @classmethod
    def of(cls, folder: Path) -> Self:
        """A node, by its folder."""
        from trustspace.node.folder import Folder

        place = Folder(folder)
        certificate = place.read_certificate("signing")
        if certificate is None:
            raise NotFound("there is no signing certificate", where=str(folder))
        return cls(place.load_key("signing"), certificate)

    def seal(self, members: Members) -> dict[str, bytes]:
        """The members with new digests, a new manifest and this one's seal, at the time that the pack was exported."""
        made = dict(members)
        made[SUMS] = layout.sums(made)
        made[MANIFEST] = layout.manifest(made)
        at = moment(About.read(made["pack.json"]).exported)
        made[SEAL] = sign_detached(self.key, self.certificate, made[MANIFEST], at=at)
        return made


def corpus(pack: bytes, exporter: Sealer, stranger: Sealer) -> list[Altered]:
    """All alterations of a pack; the exporter and a stranger seal some of them: the former may cheat as well."""
    members = read_archive(pack)
    made: list[Altered] = []
    for sort, expected, changed in _all(members, exporter, stranger):
        name = f"{len(made):04d}-{sort}-{expected[0].strip('/').replace('/', '_')}.asice"
        made.append(Altered(name, sort, write_archive(changed), expected))
    return made


Alteration = tuple[str, tuple[str, ...], Members]


def _all(members: Members, exporter: Sealer, stranger: Sealer) -> Iterator[Alteration]:
    names = list(members)
    for name in names:
        yield "altered", (name,), {**members, name: _flipped(members[name])}
        yield "dropped", (name,), {one: data for one, data in members.items() if one != name}
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        if members[name] != members[other]:
            seal = (SEAL,) if MANIFEST in (name, other) else ()  # it is over the manifest, and holds over neither
            yield "swapped", (name, other, *seal), {**members, name: members[other], other: members[name]}
    yield from _sealed_by(stranger, exporter, members)
    yield from _cut_short(members, exporter)


def _flipped(data: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else b"\x01"


def _sealed_by(stranger: Sealer, exporter: Sealer, members: Members) -> Iterator[Alteration]:
    """The stranger seals the pack, as it is and with other terms; the exporter forges the other side's signature."""
    yield "re-signed", (SEAL,), stranger.seal(members)
    changed = members["agreement.json"].replace(b"trip-planning", b"advertisement")
    yield "re-signed", (SEAL,), stranger.seal({**members, "agreement.json": changed})
    name, at = "signatures/consumer.p7s", moment(About.read(members["pack.json"]).exported)
    forged = sign_detached(stranger.key, stranger.certificate, members["signatures/consumer.sums"], at=at)
    yield "re-signed", (name,), exporter.seal({**members, name: forged})


def _cut_short(members: Members, exporter: Sealer) -> Iterator[Alteration]:
    """The exporter itself leaves out the end of its log, or something in the middle, and seals that."""
    leaves = sorted(name for name in members if name.startswith("log/leaves/"))
    told = [name for name in leaves if b'"kind":"exported"' in members[name]]
    first = leaves.index(told[0])  # cut behind an earlier export, a pack is that export, and rightly verified
    for gone in (leaves[first:], leaves[first - 2 :], leaves[len(leaves) // 2 :], leaves[-2:-1]):
        left = _without(members, gone)
        yield "truncated", (ANYWHERE,), exporter.seal(left)
        about = About.read(members["pack.json"])
        fewer = replace(about, agreement_leaves=max(1, about.agreement_leaves - len(gone)))
        yield "truncated", (ANYWHERE,), exporter.seal({**left, "pack.json": fewer.to_bytes()})


def _without(members: Members, gone: list[str]) -> dict[str, bytes]:
    """Without these leaves and their proofs; the leaves behind them move up."""
    leaves = sorted(name for name in members if name.startswith("log/leaves/") and name not in gone)
    left = {name: data for name, data in members.items() if not name.startswith(("log/leaves/", "log/proofs/"))}
    for number, name in enumerate(leaves, 1):
        left[f"log/leaves/{number:04d}.json"] = members[name]
        left[f"log/proofs/{number:04d}.json"] = members[name.replace("leaves", "proofs")]
    return left
