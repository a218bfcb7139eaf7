"""An identifier in a URL and in a file name: `•` is `%E2%80%A2` in the one, and never raw in the other."""

from __future__ import annotations

from urllib.parse import quote, unquote

from trustspace.core.identifiers.model import Identifier
from trustspace.core.identifiers.parse import parse
from trustspace.core.identifiers.profile import DEFAULT, Profile
from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason


def url_form(identifier: Identifier) -> str:
    """The identifier as one path segment or query value: ASCII, `•` as `%E2%80%A2`."""
    return quote(identifier.text, safe="")


def from_url_form(text: str, *, profile: Profile = DEFAULT) -> Identifier:
    """The identifier that `url_form` wrote. `InvalidInput` where the escapes are not UTF-8 or the text is not valid."""
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidIdentifier(Reason.CHARACTER, "the escapes are not UTF-8", where="identifier in a URL") from error
    return parse(plain, profile=profile)


def file_form(identifier: Identifier) -> str:
    """The identifier as a file name: ASCII, the extension after `_` (which no code holds), what is unsafe escaped."""
    return f"{identifier.code}_{quote(identifier.extension, safe='')}" if identifier.extension else identifier.code
