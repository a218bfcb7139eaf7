"""kill -9 after each printed step, whom it may hit: run again, the demonstration finishes, with everything once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trustspace.adapters.storage.folder import holder
from trustspace.cli.demonstration.actors import ALL, BUS, PLANNER
from trustspace.cli.demonstration.story import STORY

FEED = Path(__file__).parents[2] / "examples" / "data" / "newport-gtfs.zip"
STEPS = [*(f"{actor.key}-starts" for actor in ALL), *(step.name for step in STORY)]
WITH_NODES = [step.name for step in STORY if step.nodes]


@pytest.mark.slow
@pytest.mark.parametrize("victim", [actor.key for actor in ALL])
def test_a_node_killed_after_each_step_is_started_again_and_the_story_goes_on(victim: str, tmp_path: Path) -> None:
    killed = []
    for line, _ in driven(tmp_path / "d"):
        if line.get("name") in WITH_NODES:
            killed.append(kill(holder(tmp_path / "d" / victim)))
    assert killed.count(True) > len(WITH_NODES) // 2  # a step that needs it not may be told before it is back
    assert_once(tmp_path / "d")


@pytest.mark.slow
def test_the_driver_killed_after_each_step_and_run_again_finishes(tmp_path: Path) -> None:
    for step in STEPS:
        for line, driver in driven(tmp_path / "d", until=step):
            if line.get("name") == step:
                kill(driver)
    assert_once(tmp_path / "d")


@pytest.mark.slow
def test_all_four_killed_at_once_now_and_then_and_run_again_it_finishes(tmp_path: Path) -> None:
    for step in STEPS[3::4]:
        for line, driver in driven(tmp_path / "d", until=step):
            if line.get("name") == step:
                kill(driver)
                for actor in ALL:
                    kill(holder(tmp_path / "d" / actor.key))
    assert_once(tmp_path / "d")


def kill(pid: int | None) -> bool:
    """By its id: the driver we started, or the node that holds its folder."""
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    return pid is not None


def driven(folder: Path, *, until: str = "") -> Iterator[tuple[dict[str, Any], int]]:
    """Run the demonstration; give each line as it is printed, and the driver's pid. It ends well, or is killed then."""
    command = [sys.executable, "-m", "trustspace", "demo", str(FEED), "--dir", str(folder), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stderr is not None
        for line in driver.stdout:
            yield json.loads(line), driver.pid
        words = driver.stderr.read()
    assert words == "", words
    assert driver.returncode in ({0, -signal.SIGKILL} if until else {0})


def assert_once(folder: Path) -> None:
    """Run once more, everything was done; and it was done once: looked up in the nodes themselves."""
    lines = [line for line, _ in driven(folder)]
    assert lines[-1]["done"] is True
    assert all(line["again"] for line in lines if "name" in line)
    with Served(folder, BUS.key) as bus, Served(folder, PLANNER.key) as planner:
        for node in (bus, planner):
            assert sorted(one["contract"] for one in node("contracts", "list")) == sorted(lines[-1]["contracts"])
            assert len(node("negotiations", "list")) == 2
            peers = node("evidence", "log")["peers"]
            assert peers
            assert all(one["consistent"] for one in peers)
        uses = bus("uses")["results"]
        assert sorted(one["number"] for one in uses if one["decision"] == "permit") == [1, 2]
        assert len([one for one in uses if one["decision"] != "permit"]) == lines[-1]["denials"] == 3
        (fetched,) = (one for one in planner("uses")["results"] if one["decision"] == "permit")
        assert (fetched["number"], fetched["state"], fetched["digest"]) == (1, "delivered", lines[-1]["sha256"])


class Served:
    """A node of the demonstration, served again; called, it does a command and gives what it prints."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder / key

    def __enter__(self) -> Served:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trustspace", "serve", str(self._folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("ready ")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)

    def __call__(self, *command: str) -> Any:
        run = subprocess.run(
            [sys.executable, "-m", "trustspace", *command, "--dir", str(self._folder), "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(run.stdout)
