"""No expression that is held against input takes longer than the input is long: no repetition within a repetition."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]  # the reader of expressions, which has no other name
from typing import Any, Final

import pytest

PACKAGE: Final = Path(__file__).resolve().parents[2] / "trustspace"
REPEATS: Final = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
Expression = re.Pattern[str] | re.Pattern[bytes]


def expressions() -> Iterator[tuple[str, Expression]]:
    """Every regular expression of the package with its place: those kept in modules, those written in calls."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text, place = path.read_text(encoding="utf-8"), str(path.relative_to(PACKAGE))
        if "re." not in text or "testing" in path.parts:
            continue
        name = ".".join(("trustspace", *path.relative_to(PACKAGE).with_suffix("").parts))
        module = importlib.import_module(name.removesuffix(".__init__"))
        yield from ((place, value) for value in vars(module).values() if isinstance(value, re.Pattern))
        yield from ((place, re.compile(pattern)) for pattern in written(text))


def written(text: str) -> Iterator[str]:
    """The patterns that stand in calls like `re.fullmatch(r"...", text)`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def backtracks(part: Any, *, within: bool = False) -> bool:
    """Whether a repetition without a bound stands within another, with several ways to share the text: `(a+)+`."""
    return any(_again(operation, argument, within) for operation, argument in part)


def _again(operation: Any, argument: Any, within: bool) -> bool:
    if operation in REPEATS:
        _, high, inner = argument
        endless = high is _constants.MAXREPEAT
        return (endless and within) or backtracks(inner, within=within or (endless and not _begins_anew(inner)))
    if operation is _constants.BRANCH:
        return any(backtracks(branch, within=within) for branch in argument[1])
    return operation is _constants.SUBPATTERN and backtracks(argument[-1], within=within)


def _begins_anew(inner: Any) -> bool:
    """Whether each round begins with a character that the rest of it cannot take: there is one way to match."""
    items = list(inner)
    while len(items) == 1 and items[0][0] is _constants.SUBPATTERN:
        items = list(items[0][1][-1])
    first: Any = items[0] if items else (None, None)
    return first[0] is _constants.LITERAL and not any(_takes(item[0], item[1], first[1]) for item in items[1:])


def _takes(operation: Any, argument: Any, code: int) -> bool:
    if operation is _constants.LITERAL:
        return bool(argument == code)
    if operation is _constants.RANGE:
        return bool(argument[0] <= code <= argument[1])
    if operation is _constants.IN:
        return any(_takes(one[0], one[1], code) for one in argument)
    if operation in REPEATS:
        return any(_takes(one[0], one[1], code) for one in argument[2])
    return True


def parsed(pattern: str) -> Any:
    return _parser.parse(pattern)


def test_no_expression_repeats_within_a_repetition() -> None:
    found = list(expressions())
    assert len(found) > 30
    bad = [f"{place}: {one.pattern!r}" for place, one in found if backtracks(_parser.parse(one.pattern, one.flags))]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("pattern", ["(a+)+", "(a*)*b", "(?:[a-z]+[0-9]*)+x", "(a|b+)*", "(x?y+)*"])
def test_the_check_finds_what_it_is_for(pattern: str) -> None:
    assert backtracks(parsed(pattern))


@pytest.mark.parametrize("pattern", ["[a-z]+", r"[a-z]+(?:\.[a-z]+)*", "(a{1,3})+", "a*b*", "(/[a-z]+)*"])
def test_the_check_lets_pass_what_is_quick(pattern: str) -> None:
    assert not backtracks(parsed(pattern))


def test_every_expression_is_quick_on_what_nearly_fits() -> None:
    texts = ("a" * 5_000 + "!", "0" * 5_000 + "!", "a." * 2_500 + "!", "-" * 5_000, " " * 5_000)
    for place, one in expressions():
        began = time.perf_counter()
        for text in texts:
            one.fullmatch(text if isinstance(one.pattern, str) else text.encode())  # type: ignore[arg-type]  # either
        assert time.perf_counter() - began < 0.5, f"{place}: {one.pattern!r}"
