"""The `Link` header of a catalogue in pages (RFC 8288): `next` and `previous`, and no other relation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

RELATIONS: Final = ("next", "previous")
_TARGET: Final = re.compile(r"<([^<>]*)>")
_PARAMETER: Final = re.compile(r';\s*([A-Za-z*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))')


def write_links(links: Mapping[str, str]) -> str:
    """The header's value for the URLs by their relation; "" for none."""
    return ", ".join(f'<{links[name]}>; rel="{name}"' for name in RELATIONS if links.get(name))


def read_links(header: str) -> dict[str, str]:
    """The targets by relation, as they stand there; of two for one relation the first, and `prev` for `previous`.

    Total: what is not a link is passed over.
    """
    found: dict[str, str] = {}
    targets = list(_TARGET.finditer(header))
    ends = [one.start() for one in targets[1:]] + [len(header)]
    for target, end in zip(targets, ends, strict=False):
        for relation in _relations(header[target.end() : end]):
            found.setdefault("previous" if relation == "prev" else relation, target[1].strip())
    return {name: found[name] for name in RELATIONS if name in found}


def _relations(parameters: str) -> list[str]:
    """What the first `rel` says: one relation, or several with spaces between them."""
    for parameter in _PARAMETER.finditer(parameters):
        if parameter[1].lower() == "rel":
            return (parameter[2] or parameter[3] or "").lower().split()
    return []
