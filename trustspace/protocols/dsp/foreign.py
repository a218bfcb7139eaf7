"""Foreign spellings of a message brought into the protocol's own: a small JSON-LD compaction over a fixed vocabulary.

Nothing is fetched: names mean what the protocol's vocabularies, the prefixes that everybody uses, and the contexts
written into the message itself say. What has no name here is kept exactly as it came, under its absolute name where
that is known; nothing reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from trustspace.core.canon import Json, JsonObject
from trustspace.core.errors import InvalidInput
from trustspace.protocols.dsp.contexts import check_context

_LITERAL: Final = frozenset({"@value", "@type", "@language", "@direction"})
_NAMED: Final = frozenset({"@id", "@type"})
_KEYWORDS: Final = frozenset({"@id", "@type", "@value", "@list", "@set", "@language", "@graph"})
_MEMBERS: Final = (_KEYWORDS - {"@graph"}) | {"@context"}
"""Keywords that may stand in an object; `@nest`, `@included` and others would put members where nobody looks."""
SEVERAL: Final = frozenset({"isAllOf", "isAnyOf", "isNoneOf"})
"""Operators whose right operand is an array, also of one."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the protocol has names for: `terms` by absolute IRI, and how the value of each is to be read."""

    context: str
    spaces: Mapping[str, str]
    terms: Mapping[str, str]
    types: frozenset[str]
    sets: frozenset[str]
    single: frozenset[str]
    references: frozenset[str]
    words: frozenset[str]
    operand: str


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean at a place in a message: the vocabulary, and what contexts written there add."""

    known: Vocabulary
    added: Mapping[str, str] | None = None
    vocab: str = ""

    def within(self, context: Json) -> Names:
        """The names below a `@context`; `InvalidInput` where it gives a name of the protocol another meaning."""
        check_context(context, self.known.context, self._is_ours)
        entries = context if isinstance(context, list) else [context]
        names = self
        for entry in entries:
            if isinstance(entry, dict):
                names = names._with(entry)._with(entry)  # a name may be explained by another one beside it
        return replace(names, vocab="") if self.known.context in entries else names

    def _is_ours(self, name: str) -> bool:
        return name in self.known.spaces or name in self.known.terms.values()

    def _with(self, entry: JsonObject) -> Names:
        added = {name: meant for name, value in entry.items() if (meant := self._meant(name, value))}
        vocab = entry.get("@vocab") or self.vocab
        return replace(self, added={**(self.added or {}), **added}, vocab=vocab if isinstance(vocab, str) else "")

    def _meant(self, name: str, value: Json) -> str:
        meant = value.get("@id", "") if isinstance(value, dict) else value
        if name.startswith("@") or not isinstance(meant, str) or not meant:
            return ""
        iri = meant if meant in _KEYWORDS else self.absolute(meant)
        ours = self.known.spaces.get(name) or ("" if name not in self.known.terms.values() else name)
        if ours and ours not in (iri, self.known.terms.get(iri)):
            raise InvalidInput(f"this context gives {name!r} another meaning", where="@context")
        return iri

    def absolute(self, name: str) -> str:
        """The absolute IRI of a prefixed name; any other name as it is."""
        prefix, colon, rest = name.partition(":")
        if not colon or rest.startswith("//"):
            return name
        space = (self.added or {}).get(prefix) or self.known.spaces.get(prefix)
        return space + rest if space else name

    def member(self, name: str) -> str:
        """What a member is called here: the protocol's name of it, or else its absolute one as far as that is known."""
        if name in _KEYWORDS:
            return name
        meant = (self.added or {}).get(name)
        if meant is None:
            meant = self.vocab + name if self.vocab and ":" not in name and name[0:1] != "@" else self.absolute(name)
        return self.known.terms.get(meant, meant)

    def word(self, value: str) -> str:
        """The protocol's word for a value, or its absolute name."""
        meant = self.absolute(value)
        return self.known.terms.get(meant, meant)

    def keywords(self, value: Json) -> Json:
        """The value with every keyword that goes by a name of the message's own under its proper one."""
        if isinstance(value, list):
            return [self.keywords(item) for item in value]
        if not isinstance(value, dict):
            return value
        added = self.added or {}
        return {
            (word if (word := added.get(name)) in _KEYWORDS else name): self.keywords(item)
            for name, item in value.items()
        }


def compacted(value: Json, names: Names) -> Json:
    """The members of a message, be it an object, an array of one, or a graph of one."""
    value = sole(value)
    if not isinstance(value, dict):
        return value
    graph = value.get("@graph")
    if graph is not None and value.keys() <= {"@graph", "@context"}:
        inner = sole(graph)
        if isinstance(inner, dict) and "@context" in value:
            inner = {"@context": value["@context"], **inner}
        return compacted(inner, names)
    return _node(value, names)


def sole(value: Json) -> Json:
    """The item of an array of one, however many arrays are around it; anything else as it is."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _node(value: JsonObject, names: Names) -> JsonObject:
    if "@context" in value:
        names = names.within(value["@context"])
        value = names.keywords(value) if any(map(_KEYWORDS.__contains__, (names.added or {}).values())) else value
    members: JsonObject = {}
    for name, item in value.items():
        short = names.member(name)
        if short[:1] == "@" and short not in _MEMBERS:
            raise InvalidInput(f"{short!r:.50} would change what stands where, and is not read here", where="message")
        read = _value(short, item, names)
        if read is None or (read == [] and short in names.known.sets):  # JSON-LD: it is not there
            continue
        if short in members:
            raise InvalidInput("a member stands twice, in two spellings", where=short)
        members[short] = read
    return _one_operand(members, value, names)


def _value(name: str, item: Json, names: Names) -> Json:
    """The value of a member; of a member that is not known here, as it came."""
    if name == "@type":
        return _type(item, names)
    if name == "@id":
        return names.absolute(item) if isinstance(item, str) else item
    if name in names.known.sets:
        return [_item(name, one, names) for one in _listed(item)]
    if name == names.known.operand:
        return _operand(item)
    if name in names.known.single:
        return _item(name, sole(item), names)
    literal = _literal(sole(item))
    return literal if isinstance(literal, str) and not isinstance(sole(item), str) else item


def _listed(item: Json) -> list[Json]:
    if isinstance(item, dict) and len(item) == 1 and isinstance(inner := item.get("@list", item.get("@set")), list):
        return inner
    return item if isinstance(item, list) else [] if item is None else [item]


def _item(name: str, item: Json, names: Names) -> Json:
    if isinstance(item, dict):
        item = {key: one for key, one in item.items() if one is not None or key == "@value"}  # null is not there
        if "@value" in item and item.keys() <= _LITERAL:
            return sole(item["@value"])
        if not ("@id" in item and item.keys() <= (_NAMED if name in names.known.references else {"@id"})):
            return _node(item, names)
        item = sole(item["@id"])
    if not isinstance(item, str):
        return item
    if name in names.known.words:
        return names.word(item)
    return names.absolute(item) if name in names.known.references else item


def _type(item: Json, names: Names) -> Json:
    """The protocol's name of a type; of several the one that it has a name for."""
    if item is None:
        return None
    given = item if isinstance(item, list) else [item]
    if not all(isinstance(one, str) for one in given):
        raise InvalidInput("a type is a text", where="@type")
    types = [names.word(one) for one in given]
    known = [one for one in types if one in names.known.types]
    return known[0] if len(types) > 1 and len(known) == 1 else sole(types)


def _operand(item: Json) -> Json:
    return [_literal(one) for one in item] if isinstance(item, list) else _literal(item)


def _literal(item: Json) -> Json:
    """A value without a type of its own as a text; one with a type stays as it came: it is part of what is agreed."""
    return item["@value"] if isinstance(item, dict) and item.keys() == {"@value"} else item


def _one_operand(members: JsonObject, came: JsonObject, names: Names) -> JsonObject:
    """Expansion makes an array of everything: an operand of one that came as an object is no array."""
    operand = members.get(names.known.operand)
    if not isinstance(operand, list) or len(operand) != 1 or members.get("operator") in SEVERAL:
        return members
    spelt = next(item for name, item in came.items() if names.member(name) == names.known.operand)
    return {**members, names.known.operand: operand[0]} if isinstance(spelt[0], dict) else members
