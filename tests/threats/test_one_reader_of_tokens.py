"""There is one reader of tokens: nothing else in the package takes a JWS apart, or asks a library to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parents[2] / "trustspace"
READER: Final = "core/identity/tokens.py"
LIBRARIES: Final = {"jwt", "jose", "jwcrypto", "authlib", "joserfc", "pyseto"}
INNER: Final = {"open_jws"}
"""What only the reader itself calls: it says who signed, and not what for."""
TAKES_APART: Final = {"split", "rsplit", "partition", "rpartition"}
DOTTED: Final = {
    "core/identifiers/alternates.py": "numbers of a Handle (86.1000)",
    "core/evidence/layout.py": "the ending of a file name",
    "core/origins.py": "the labels of a host",
}
"""Where else something is split at dots, and what."""
Found = Iterator[tuple[str, ast.AST]]


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def nodes(module: ast.Module, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    return (node for node in ast.walk(module) if isinstance(node, kinds))


def imported(module: ast.Module) -> Iterator[str]:
    for node in nodes(module, ast.Import, ast.ImportFrom):
        names = (
            [one.name for one in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "") or ""]
        )
        yield from (name.partition(".")[0] for name in names)


def called(module: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module) if isinstance(node, ast.Call))


def at_dots(call: ast.Call) -> bool:
    """Whether a text is taken apart at dots, by a method or a regular expression."""
    name = ast.unparse(call.func).rpartition(".")[2]
    first = call.args[0] if call.args else None
    constant = first.value if isinstance(first, ast.Constant) else None
    return name in TAKES_APART and constant in {".", b"."}


def strays(source: str, where: str = "somewhere.py") -> list[str]:
    """What in a module only the reader of tokens may do."""
    module, found = ast.parse(source), []
    if where == READER:
        return []
    found += [f"imports {name}" for name in imported(module) if name in LIBRARIES]
    found += [f"calls {ast.unparse(c.func)}" for c in called(module) if ast.unparse(c.func).split(".")[-1] in INNER]
    found += [ast.unparse(c) for c in called(module) if at_dots(c) and where not in DOTTED]
    compact = re.compile(r"\]\+\\?\.\[|base64url\S*\\\.")
    texts = [n.value for n in nodes(module, ast.Constant) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    found += [f"knows the form of a token: {text}" for text in texts if compact.search(text) and "A-Za-z0-9_-" in text]
    return found


def test_nothing_else_reads_a_token() -> None:
    read = {where: found for where, module in modules() if (found := strays(ast.unparse(module), where))}
    assert read == {}


def test_the_reader_is_where_it_is_said_to_be() -> None:
    source = (PACKAGE / READER).read_text(encoding="utf-8")
    assert {"imports jwt", "calls open_jws", "token.split('.')"} <= set(strays(source)), "the control"
    assert "decode(" not in source.replace("x5c.decode(", ""), "pyjwt makes tokens there and reads none"


@pytest.mark.parametrize(
    "source",
    [
        "import jwt\njwt.decode(t, k, ['ES256'])",
        "from jwt.api_jws import PyJWS",
        "import jose.jws",
        "head, body, mac = token.split('.')",
        "body = token.partition('.')[2]",
        "tokens.open_jws(token, public_der=key)",
        "re.compile(r'[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+')",
    ],
)
def test_a_second_reader_would_be_found(source: str) -> None:
    assert strays(source)
