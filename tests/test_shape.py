"""How the code reads: budgets and bans, each with a message that names the place."""

from __future__ import annotations

import ast
import io
import os
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("trustspace", "tests", "examples")
Function = ast.FunctionDef | ast.AsyncFunctionDef

MEDIAN, NINE_OF_TEN, LONGEST, MODULE, PATCHES = 7, 25, 50, 400, 0.05


@cache
def files(*folders: str) -> tuple[Path, ...]:
    return tuple(sorted(path for folder in folders or FOLDERS for path in (HERE / folder).rglob("*.py")))


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path), filename=str(path))


def place(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(HERE)}:{line}"


def listed(found: list[str]) -> str:
    return "\n".join(["", *found])


def functions(*folders: str) -> Iterator[tuple[Path, Function, int]]:
    """Every function with the lines of its body, its docstring left out."""
    for path in files(*folders):
        for node in ast.walk(tree(path)):
            if isinstance(node, Function):
                yield path, node, length(node)


def length(node: Function) -> int:
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_functions_are_short() -> None:
    lines = sorted(length for _, _, length in functions("trustspace"))
    tenth = lines[int(len(lines) * 0.9)]
    assert statistics.median(lines) <= MEDIAN, f"the median function has {statistics.median(lines)} lines"
    assert tenth <= NINE_OF_TEN, f"one function in ten has more than {tenth} lines, {NINE_OF_TEN} are allowed"


def test_no_function_is_long() -> None:
    found = [f"{place(p, f.lineno)} {f.name}: {n} lines" for p, f, n in functions() if n > LONGEST]
    assert not found, f"functions of more than {LONGEST} lines:{listed(found)}"


def test_no_module_is_long() -> None:
    lines = {path: text(path).count("\n") for path in files()}
    found = [f"{place(path)}: {count} lines" for path, count in lines.items() if count > MODULE]
    assert not found, f"modules of more than {MODULE} lines:{listed(found)}"


def test_everything_public_says_what_it_is() -> None:
    found = [missing for path in files("trustspace") for missing in undocumented(path)]
    assert not found, f"public, and without a docstring:{listed(found)}"


def undocumented(path: Path) -> Iterator[str]:
    """Public modules, classes, functions and methods without a docstring."""
    if ast.get_docstring(tree(path)) is None and text(path).strip():
        yield f"{place(path)} the module"
    for name, node in public(tree(path).body):
        if ast.get_docstring(node) is None and not overloaded(node):
            yield f"{place(path, node.lineno)} {name}"


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def overloaded(node: Function | ast.ClassDef) -> bool:
    return any(ast.unparse(one).endswith("overload") for one in node.decorator_list)


def test_everything_is_annotated() -> None:
    found = [f"{place(path, f.lineno)} {f.name}" for path, f, _ in functions() if not annotated(f)]
    assert not found, f"functions with a parameter or an answer without a type:{listed(found)}"


def annotated(node: Function) -> bool:
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    bare = [one.arg for one in named if one is not None and one.annotation is None]
    return node.returns is not None and set(bare) <= {"self", "cls", "mcs"}


def test_fakes_work_and_nothing_is_patched() -> None:
    tests = sum(f.name.startswith("test_") for _, f, _ in functions("tests"))
    pattern = re.compile(r"\b(?:monkeypatch\.\w+|mock\.patch|Mock\(|MagicMock\(|mocker\.)")
    found = [
        f"{place(path, number)} {line.strip()}"
        for path in files("tests", "trustspace")
        if path != Path(__file__)
        for number, line in enumerate(text(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert len(found) <= PATCHES * tests, f"{len(found)} patches in {tests} tests:{listed(found)}"


Ban = Callable[[ast.Call], bool]


def named(*names: str) -> Ban:
    return lambda call: ast.unparse(call.func) in names


def given(name: str, value: object) -> Ban:
    return lambda call: any(
        one.arg == name and isinstance(one.value, ast.Constant) and one.value.value is value for one in call.keywords
    )


def loose(names: tuple[str, ...]) -> Ban:
    return lambda call: ast.unparse(call.func).rpartition(".")[2] in names


BANNED: Final[dict[str, Ban]] = {
    "text as a program": named("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"),
    "text as a command": lambda call: given("shell", True)(call) or named("os.system", "os.popen")(call),
    "bytes as objects": loose(("unpickle",)),
    "YAML as objects": named("yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    "peers believed": lambda call: given("verify", False)(call) or given("verify_signature", False)(call),
    "peers believed over TLS": lambda call: given("ssl", False)(call) or loose(("_create_unverified_context",))(call),
}
MODULES: Final = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "xml.etree.ElementTree", "telnetlib"}


@cache
def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("ban", BANNED)
def test_nothing_dangerous_is_called(ban: str) -> None:
    found = [
        f"{place(path, node.lineno)} {ast.unparse(node)[:80]}"
        for path in files()
        for node in calls(path)
        if BANNED[ban](node)
    ]
    assert not found, f"{ban}:{listed(found)}"


def test_nothing_dangerous_is_imported() -> None:
    ours = files("trustspace", "examples")
    found = [f"{place(p, n.lineno)} {name}" for p in ours for n, name in imports(tree(p)) if name in MODULES]
    assert not found, f"not to be imported:{listed(found)}"


def imports(module: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""


def comments(path: Path) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text(path)).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


SILENCED: Final = re.compile(r"#\s*(?:type:\s*ignore|noqa|pragma:\s*no)\b")
EXPLAINED: Final = re.compile(r"#\s*(?:type:\s*ignore\[[\w, -]+\].*\w{3}|noqa:\s*[A-Z]+\d+|pragma:\s*no \w+.*\w{3})")


def test_a_silenced_warning_says_which_and_why() -> None:
    found = [
        f"{place(path, line)} {comment}"
        for path in files()
        for line, comment in comments(path)
        if SILENCED.search(comment) and not EXPLAINED.search(comment)
    ]
    assert not found, f"silenced without a code, or without a reason:{listed(found)}"


def test_nothing_is_left_to_do() -> None:
    found = [
        f"{place(path, line)} {comment}"
        for path in files()
        for line, comment in comments(path)
        if re.search(r"\b(?:TODO|FIXME|XXX|HACK)\b", comment)
    ]
    assert not found, f"left to do:{listed(found)}"


def test_the_project_stands_on_its_own() -> None:
    """Nothing points into folders that only one machine has."""
    outside = re.compile("/" + r"work/|\bshared/(?:facts|design|kits)")
    pages = [path for pattern in ("*.md", "specs/**/*.md", "tests/**/*.md") for path in HERE.glob(pattern)]
    found = [
        f"{place(path, number)} {line.strip()}"
        for path in (*files(), *pages, HERE / "pyproject.toml")
        for number, line in enumerate(text(path).splitlines(), 1)
        if path != Path(__file__) and outside.search(line)
    ]
    assert not found, f"mentions a place outside the project:{listed(found)}"


def test_imports_only_go_down() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=HERE, capture_output=True, text=True, check=False)  # ours
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_library_loads_nothing_heavy() -> None:
    """`import trustspace` is for everyone: no adapter, no server, no client before somebody uses one."""
    heavy = ("trustspace.adapters", "trustspace.node", "aiohttp", "httpx", "sqlite3", "starlette", "typer", "uvicorn")
    program = "import sys, trustspace; print(*sys.modules)"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # it loads sqlite3
    done = subprocess.run([sys.executable, "-c", program], env=bare, capture_output=True, text=True, check=True)
    loaded = [name for name in done.stdout.split() if name.startswith(heavy)]
    assert not loaded, f"`import trustspace` loads {', '.join(loaded)}"


def test_types_travel_with_the_package() -> None:
    assert (HERE / "trustspace" / "py.typed").exists(), "PEP 561: without this file nobody's mypy sees our types"
