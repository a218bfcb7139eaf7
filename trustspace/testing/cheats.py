"""A provider and a consumer that cheat: what they send is altered on its way out, validly signed where they can.

    cheat = Cheat()
    bus = await world.connector("bus", codec=cheat)
    cheat.seal = bus.engine.seal                       # its own keys are his to misuse
    cheat.alter("agree", resigned(changed("target")))  # the next agreement names other data, and is signed so

`leaves` lists what can be altered in a document, `changed` and `dropped` make the alteration, and `in_json`, `in_bytes`
and `resigned` say where: in the agreement as the message shows it, in the bytes that were signed, or in both, signed
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from trustspace.core.canon import Json, JsonObject, canonical, decode64, encode64, loads, loads_object
from trustspace.core.contract.signing import consumer_list, provider_list
from trustspace.core.errors import MisusedError
from trustspace.core.identity.cms import sign_detached
from trustspace.node.seal import Seal
from trustspace.node.speaking import DspCodec
from trustspace.protocols.dsp import terms

Path = tuple[str | int, ...]
Change = Callable[[JsonObject], JsonObject]
"""One document in, an altered one out."""
Alteration = Callable[[JsonObject, Seal], JsonObject]
"""One message in, an altered one out; the seal signs what has to look signed."""

PLAUSIBLE: Final[Mapping[str, str]] = {
    "Agreement": "Offer",
    "Offer": "Agreement",
    "use": "http://www.w3.org/ns/odrl/2/distribute",
    "lt": "lteq",
    "lteq": "lt",
    "eq": "neq",
    "gt": "gteq",
    "isAnyOf": "isNoneOf",
}
"""Values that are valid in the same place, and mean something else."""


class Cheat(DspCodec):
    """The codec of a node that cheats: each message of a verb goes through its alteration, if there is one."""

    def __init__(self) -> None:
        self.seal: Seal | None = None
        self.told: list[str] = []
        self._alterations: dict[str, Alteration] = {}

    def alter(self, verb: str, alteration: Alteration) -> None:
        """Alter every message of that verb from now on."""
        self._alterations[verb] = alteration

    def encode(self, message: Any) -> bytes:
        """The message, altered."""
        honest, verb = super().encode(message), str(message.verb)
        if verb not in self._alterations:
            return honest
        if self.seal is None:
            raise MisusedError("a cheat needs its seal", hint="cheat.seal = node.engine.seal")
        self.told.append(verb)
        return canonical(self._alterations[verb](loads_object(honest), self.seal))


def leaves(value: Json, path: Path = ()) -> Iterator[Path]:
    """The paths of all leaves: texts, numbers, empty lists."""
    if isinstance(value, dict) and value:
        for name in value:
            yield from leaves(value[name], (*path, name))
    elif isinstance(value, list) and value:
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at))
    else:
        yield path


def changed(*path: str | int, to: Json = None) -> Change:
    """The leaf at that path changed: to that value, or to one that is valid there and means something else."""
    return lambda document: _placed(document, path, lambda old: other(old) if to is None else to)


def dropped(*path: str | int) -> Change:
    """The member or item at that path left out."""

    def drop(document: JsonObject) -> JsonObject:
        copy: JsonObject = loads_object(canonical(document))
        del _parent(copy, path)[path[-1]]
        return copy

    return drop


def added(*path: str | int, value: Json = "added") -> Change:
    """A member that was not there."""
    return lambda document: _placed(document, path, lambda _: value)


def other(value: Json) -> Json:
    """Another value of the same kind, valid where the first one was as far as that can be known."""
    if not isinstance(value, str):
        return 1 if value != 1 else 2
    if value in PLAUSIBLE:
        return PLAUSIBLE[value]
    if value.isdecimal():
        return f"1{value}"
    if value[:2] == "20" and value[4:5] == "-":  # a time: ten years later
        return f"{value[:2]}{(int(value[2]) + 1) % 10}{value[3:]}"
    if value.startswith("P") and value.endswith("D"):
        return f"P1{value[1:]}"
    return value[:-1] + ("1" if value[-1:] == "0" else "0")


def in_offer(change: Change) -> Alteration:
    """Change the offer in a request."""
    return lambda message, _: {**message, "offer": change(message["offer"])}


def in_message(change: Change) -> Alteration:
    """Change the message around the offer or agreement: its pids, its signatures."""
    return lambda message, _: change(message)


def in_json(change: Change) -> Alteration:
    """Change the agreement as the message shows it, and leave the signed bytes."""
    return lambda message, _: {**message, "agreement": change(message["agreement"])}


def in_bytes(change: Change) -> Alteration:
    """Change the bytes that were signed, sign those, and leave the agreement as the message shows it."""

    def alter(message: JsonObject, seal: Seal) -> JsonObject:
        honest = message["agreement"]
        return {**resigned(change)(message, seal), "agreement": honest}

    return alter


def resigned(change: Change) -> Alteration:
    """Change the agreement, and sign it as changed."""

    def alter(message: JsonObject, seal: Seal) -> JsonObject:
        agreement = change(message["agreement"])
        text = canonical(agreement)
        signed = {terms.AGREEMENT: encode64(text), terms.PROVIDER_SIGNATURE: encode64(seal.sign(text))}
        return {**message, "agreement": agreement, **signed}

    return alter


def unsigned(message: JsonObject, _: Seal) -> JsonObject:
    """No signature and no signed bytes: what a peer sends that does not sign."""
    ours = (terms.AGREEMENT, terms.PROVIDER_SIGNATURE, terms.CONSUMER_SIGNATURE, terms.SIGNATURES)
    return {name: value for name, value in message.items() if name not in ours}


def signed_by(stranger: Seal) -> Alteration:
    """The right agreement under somebody else's signature."""

    def alter(message: JsonObject, _: Seal) -> JsonObject:
        signature = stranger.sign(decode64(message[terms.AGREEMENT]))
        return {**message, terms.PROVIDER_SIGNATURE: encode64(signature)}

    return alter


def countersigned(agreement: bytes, provider_signature: bytes) -> Alteration:
    """A verification that signs another agreement, or another signature of the provider."""

    def alter(message: JsonObject, seal: Seal) -> JsonObject:
        return {**message, terms.CONSUMER_SIGNATURE: encode64(seal.countersign(agreement, provider_signature))}

    return alter


def exact(message: JsonObject) -> tuple[bytes, bytes]:
    """The signed bytes and the signature in an agreement message."""
    return decode64(message[terms.AGREEMENT]), decode64(message[terms.PROVIDER_SIGNATURE])


def forged(key: Any, certificate: bytes, agreement: bytes, seal: Seal, *, counter: bytes = b"") -> bytes:
    """A CMS over an agreement (and the provider's signature) with any key under any certificate."""
    signed = consumer_list(agreement, counter) if counter else provider_list(agreement)
    return sign_detached(key, certificate, signed, at=seal.clock.now())


def _placed(document: JsonObject, path: Path, make: Callable[[Json], Json]) -> JsonObject:
    copy: JsonObject = loads(canonical(document))
    parent: Any = _parent(copy, path)
    place: Any = path[-1]
    parent[place] = make(parent[place] if isinstance(parent, list) else parent.get(place))
    return copy


def _parent(document: Any, path: Path) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document
