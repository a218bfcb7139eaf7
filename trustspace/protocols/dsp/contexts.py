"""What a `@context` in a message may say: names of its own, and nothing about ours. None is ever fetched.

The protocol's terms are protected in its own context, so that another one beside it changes nothing (JSON-LD 1.1,
4.1.11). Where it is not there, every name has to be explained by what is written in the message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trustspace.core.canon import Json, JsonObject
from trustspace.core.errors import InvalidInput

_SETTINGS: Final = frozenset({"@vocab", "@base", "@version", "@language", "@protected"})
_MEANING: Final = frozenset({"@id", "@type", "@container", "@prefix", "@protected", "@language"})
"""What explains a name; anything else (`@reverse`, `@nest`, a context within) changes how a message is put together."""


def check_context(context: Json, protocol: str, ours: Callable[[str], bool]) -> None:
    """Raise `InvalidInput` unless every entry is one that can be understood here.

    `protocol` is the URL of the protocol's own context, `ours` says of a name whether it is one of the protocol's.
    """
    entries = context if isinstance(context, list) else [context]
    if not all(entry is None or (isinstance(entry, str | dict) and entry) for entry in entries):
        raise InvalidInput("a context is a URL, or an object of names", where="@context")
    if protocol not in entries and (unknown := next((one for one in entries if isinstance(one, str)), "")):
        raise InvalidInput(
            f"{unknown:.200} is not known here, and no context is fetched",
            where="@context",
            hint=f"write {protocol}, or absolute names",
        )
    for entry in entries:
        if isinstance(entry, dict):
            _check_names(entry, ours)


def _check_names(entry: JsonObject, ours: Callable[[str], bool]) -> None:
    for name, value in entry.items():
        if name in _SETTINGS or (name == value and name.startswith("@")):
            continue
        plain = isinstance(value, str) or (isinstance(value, dict) and value.keys() <= _MEANING)
        bare = isinstance(value, dict) and "@id" not in value
        if name.startswith("@") or ":" in name or not plain or (bare and ours(name)):
            raise InvalidInput(f"what this context says of {name!r:.100} is not understood here", where="@context")
