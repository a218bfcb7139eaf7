from __future__ import annotations

import hashlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trustspace.adapters.storage.folder import holder
from trustspace.cli.demonstration.actors import ALL, BUS, FUNCTIONAL
from trustspace.cli.demonstration.journal import Entry, Journal, Told
from trustspace.cli.demonstration.running import TOTAL
from trustspace.cli.demonstration.story import STORY
from trustspace.core.errors import MisusedError

FEED = Path(__file__).parents[2] / "examples" / "data" / "newport-gtfs.zip"
BUDGET = 25.0


def demo(*arguments: str | Path, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trustspace", "demo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def told(run: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[dict[str, Any]], float]]:
    """A whole demonstration of the real feed."""
    folder = tmp_path_factory.mktemp("demo") / "d"
    begun = time.monotonic()
    lines = told(demo(FEED, "--dir", folder, "--json"))
    yield folder, lines, time.monotonic() - begun
    assert all(holder(folder / actor.key) is None for actor in ALL)


def by_name(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in lines if "name" in line}


Shown = tuple[Path, list[dict[str, Any]], float]


@pytest.mark.slow
def test_the_whole_story_is_told_step_by_step_within_its_budget(place: Shown) -> None:
    _, lines, seconds = place
    assert len(lines) == TOTAL + 2
    assert [line["name"] for line in lines if "name" in line][3:] == [step.name for step in STORY]
    assert all(line["ms"] > 0 and not line["again"] for line in lines if "name" in line)
    assert lines[-1]["done"] is True
    assert seconds < BUDGET


@pytest.mark.slow
def test_the_planner_has_the_file_that_the_bus_company_published(place: Shown) -> None:
    folder, lines, _ = place
    assert sha256(folder / "received" / FEED.name) == sha256(FEED) == lines[-1]["sha256"]
    assert by_name(lines)["fetch"]["facts"]["bytes"] == FEED.stat().st_size


@pytest.mark.slow
def test_identities_and_products_have_32_characters_and_the_returned_application_a_reason(place: Shown) -> None:
    steps = by_name(place[1])
    assert all(len(steps[name]["identifier"]) == 32 for name in ("bus-approved", "planner-approved", "code"))
    assert "contact" in steps["planner-returned"]["facts"]["reason"]
    assert steps["planner-applies"]["identifier"] == steps["planner-returned"]["identifier"]


@pytest.mark.slow
def test_uses_beyond_the_contract_got_no_byte_and_a_reason(place: Shown) -> None:
    steps = by_name(place[1])
    for name in ("wrong-purpose", "last-use", "too-late"):
        assert steps[name]["who"] == "hand-made client"
        assert any("403, 0 bytes" in line for line in steps[name]["lines"])
        assert steps[name]["facts"]["reason"]
    assert place[1][-1]["denials"] == 3


@pytest.mark.slow
def test_altered_packs_were_refused_one_and_all(place: Shown) -> None:
    folder, lines, _ = place
    altered = list((folder / "tampered").iterdir())
    assert len(altered) == lines[-1]["altered_packs_refused"] > 100


@pytest.mark.slow
def test_run_again_on_the_same_folder_everything_was_done_before(place: Shown) -> None:
    folder, lines, _ = place
    again = told(demo(FEED, "--dir", folder, "--json"))
    steps = [line for line in again if "name" in line]
    assert [step["name"] for step in steps] == [step.name for step in STORY]
    assert all(step["again"] for step in steps)
    assert again[-1]["contracts"] == lines[-1]["contracts"]


@pytest.mark.slow
def test_in_a_pipe_the_lines_are_plain(place: Shown) -> None:
    run = demo(FEED, "--dir", place[0])
    assert run.returncode == 0
    assert "\x1b" not in run.stdout
    assert "done before" in run.stdout
    assert "node\tms\tbytes\tmessages\tlog" in run.stdout


@pytest.mark.slow
def test_another_file_needs_another_folder(place: Shown, tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"another file")
    run = demo(other, "--dir", place[0])
    assert (run.returncode, run.stdout) == (2, "")
    assert "another file (newport-gtfs.zip)" in run.stderr


@pytest.mark.slow
def test_told_to_stop_the_driver_stops_the_nodes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trustspace", "demo", str(FEED), "--dir", str(tmp_path / "d"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if '"publish"' in line:
                driver.send_signal(signal.SIGTERM)
                break
        driver.stdout.read()
    assert driver.returncode == 130
    assert all(holder(tmp_path / "d" / actor.key) is None for actor in ALL)


@pytest.mark.parametrize("file", ["missing.zip", "."])
def test_what_is_not_a_file_is_one_line_and_exit_2(file: str, tmp_path: Path) -> None:
    run = demo(tmp_path / file, "--dir", tmp_path / "d")
    assert (run.returncode, run.stdout) == (2, "")
    assert len(run.stderr.splitlines()) == 1
    assert str(tmp_path / file) in run.stderr
    assert not (tmp_path / "d").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    run = demo(FEED, "--dir", tmp_path)
    assert run.returncode == 2
    assert "something else" in run.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_port_that_is_taken_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "demo.lock").touch()
        kept = {"file": FEED.name, "sha256": sha256(FEED), "ports": {actor.key: port for actor in ALL}}
        (tmp_path / "demo.json").write_text(json.dumps(kept))
        run = demo(FEED, "--dir", tmp_path, "--json")
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert FUNCTIONAL.label in line
    assert str(port) in line


def test_the_journal_keeps_what_a_step_found(tmp_path: Path) -> None:
    entry = Entry(Told("urn:uuid:1", ("a line 一行",), {"contract": "urn:uuid:1"}), 12.5)
    Journal(tmp_path / "journal.json").write("negotiate", entry)
    kept = Journal(tmp_path / "journal.json")
    assert kept.get("negotiate") == entry
    assert kept.get(BUS.key) is None
    assert kept.fact("negotiate", "contract") == "urn:uuid:1"


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text('{"negotiate": []}')
    with pytest.raises(MisusedError):
        Journal(tmp_path / "journal.json")
