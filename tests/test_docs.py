"""What the pages show is what happens: the examples and the README are executed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

HERE: Final = Path(__file__).resolve().parent.parent
README: Final = (HERE / "README.md").read_text(encoding="utf-8")
FEED: Final = HERE / "examples" / "data" / "newport-gtfs.zip"
EXAMPLES: Final = sorted((HERE / "examples").glob("[0-9]*.py"))
PAGES: Final = sorted([*HERE.glob("*.md"), *HERE.glob("specs/**/*.md"), *HERE.glob("*/README.md")])
SECONDS: Final = 90
SAID: Final = {
    "01": ["refused:"],
    "02": ["not signed:"],
    "03": ["the same as published: True", "this would be use number 2"],
    "04": ["signed by both", "the next bus leaves"],
    "05": ["no use for advertising", "bus.asice: verified", "planner.asice: verified"],
    "06": ["it waits for a decision here", "-> at most 5 uses under the contract", "signed by both"],
}
"""What an example says where it shows what it is there for."""


def shown(after: str) -> str:
    """The block of code that follows a mark in the README."""
    found = re.search(rf"{re.escape(after)}.*?```\w+\n(.*?)```", README, re.DOTALL)
    assert found, f"the README has no block after {after!r}"
    return found[1]


def run(*command: str, at: Path, **environment: str) -> str:
    """What a command printed; its last words are in the failure."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, **environment}
    done = subprocess.run(command, cwd=at, env=given, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.parametrize("name", ["01_one_identifier", "02_one_policy"])
def test_an_example_shows_what_it_is_for(name: str, tmp_path: Path) -> None:
    shows(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["03_two_connectors", "04_mount_in_starlette_or_fastapi", "05_a_whole_pilot", "06_rules_and_a_person"]
)
def test_an_example_with_nodes_shows_what_it_is_for(name: str, tmp_path: Path) -> None:
    shows(name, tmp_path)


def shows(name: str, at: Path) -> None:
    told = run(sys.executable, str(HERE / "examples" / f"{name}.py"), at=at)
    missing = [words for words in SAID[name[:2]] if words not in told]
    assert not missing, f"{name} does not say {missing}:\n{told}"


def test_examples_are_short_and_each_is_held_to_what_it_says() -> None:
    long = [path.name for path in EXAMPLES if len(path.read_text(encoding="utf-8").splitlines()) >= 60]
    assert not long, f"60 lines or more: {', '.join(long)}"
    assert {path.stem[:2] for path in EXAMPLES} == set(SAID)


def test_the_session_of_the_readme(tmp_path: Path) -> None:
    shutil.copy(FEED, tmp_path)
    (tmp_path / "session.py").write_text(shown("this session is run"), "utf-8")

    async def act() -> None:
        async with world().world(tmp_path):
            await asyncio.to_thread(run, sys.executable, "session.py", at=tmp_path)

    asyncio.run(act())
    assert (tmp_path / "feed.zip").read_bytes() == FEED.read_bytes()
    assert (tmp_path / "contract.asice").stat().st_size > 10_000


def world() -> ModuleType:
    """`examples/world.py`."""
    spec = spec_from_file_location("world", HERE / "examples" / "world.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_commands_of_the_readme(tmp_path: Path) -> None:
    shutil.copy(FEED, tmp_path)
    told = run("bash", "-euo", "pipefail", "-c", script(shown("these commands are run")), at=tmp_path)
    assert (tmp_path / "feed.zip").read_bytes() == FEED.read_bytes()
    assert "verified" in told


def script(commands: str) -> str:
    """The commands on free ports, with a terminal of its own for each `serve`."""
    for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", commands))):
        commands = commands.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    beside = r"trustspace serve \1 > \1.log & until grep -q ^ready \1.log; do sleep 0.1; done"
    return "trap 'kill $(jobs -p)' EXIT\n" + re.sub(r"^trustspace serve (\S+)$", beside, commands, flags=re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_first_commands_are_the_ones_that_are_checked() -> None:
    """`.ci/run` takes both from here, by this form."""
    own_setup = re.findall(r"^python3 -m venv \.venv && .*$", README, re.MULTILINE)
    assert [line.rpartition("/")[2].split()[0] for line in own_setup] == ["newport-gtfs.zip", "pytest"] * 2
    assert own_setup[:2] == own_setup[2:], "the Chinese part shows the same commands"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(HERE)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {', '.join(missing)}"


def test_every_page_of_the_specification_is_listed() -> None:
    index = (HERE / "specs" / "README.md").read_text(encoding="utf-8")
    pages = [*HERE.glob("specs/*.md"), *HERE.glob("specs/decisions/*.md"), *HERE.glob("specs/vectors/*.json")]
    missing = [path.name for path in pages if path.name != "README.md" and path.name not in index]
    assert not missing, f"specs/README.md does not list {', '.join(missing)}"


def test_every_test_that_the_specification_names_is_there() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in HERE.glob("specs/*.md"))
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", pages))
    missing = [f"{file}::{name}" for file, name in sorted(named) if not _defines(HERE / file, name)]
    assert len(named) > 25, "the control"
    assert not missing, f"no such tests: {', '.join(missing)}"


def _defines(file: Path, name: str) -> bool:
    return file.exists() and re.search(rf"^(async )?def {name}\(", file.read_text(encoding="utf-8"), re.M) is not None
