"""The version document at `/.well-known/dspace-version`: which versions are spoken where, and that we sign."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trustspace.core.canon import JsonObject, canonical, loads_object
from trustspace.core.errors import InvalidInput, Refused
from trustspace.protocols.dsp.forms import items
from trustspace.protocols.dsp.paths import BASE
from trustspace.protocols.dsp.terms import IDENTITY, SIGNS

VERSION: Final = "2025-1"
BINDING: Final = "HTTPS"


@dataclass(frozen=True, slots=True)
class Version:
    """One version that a connector speaks: `path` is below the root of the host; `signs` is "CMS" where it signs.

    `identity` says how it knows others where that is not by the functional node's list: "open-test-network".
    """

    version: str = VERSION
    path: str = BASE
    binding: str = BINDING
    signs: str = ""
    identity: str = ""


def encode_versions(versions: Iterable[Version]) -> bytes:
    """The document; it is plain JSON and has no `@context`."""
    return canonical({"protocolVersions": [_entry(version) for version in versions]})


def decode_versions(body: bytes) -> tuple[Version, ...]:
    """What a peer speaks; entries without a version or path are passed over."""
    entries = items(loads_object(body).get("protocolVersions"), "protocolVersions")
    return tuple(filter(None, map(_version, entries)))


def choose(versions: Iterable[Version]) -> Version:
    """The version that both speak; `Refused` where there is none, since then one has to stop (DSP 2025-1, versions)."""
    known = tuple(versions)
    for version in known:
        if version.version == VERSION and version.binding == BINDING:
            return version
    spoken = ", ".join(version.version for version in known) or "none"
    raise Refused(f"the peer does not speak {VERSION} over {BINDING}; it speaks {spoken}", where="dspace-version")


def _entry(version: Version) -> JsonObject:
    entry = {"version": version.version, "path": version.path, "binding": version.binding}
    return entry | {name: text for name, text in ((SIGNS, version.signs), (IDENTITY, version.identity)) if text}


def _version(entry: JsonObject) -> Version | None:
    texts = {name: entry.get(name, "") for name in ("version", "path", "binding")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise InvalidInput("texts are expected", where="protocolVersions")
    if not texts["version"] or not texts["path"]:
        return None
    signs, identity = (one if isinstance(one := entry.get(name), str) else "" for name in (SIGNS, IDENTITY))
    path = "" if texts["path"] == "/" else texts["path"].rstrip("/")
    return Version(texts["version"], path, texts["binding"] or BINDING, signs, identity)
