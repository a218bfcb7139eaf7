"""kill -9 after each printed step, whom it may hit: run again, the demonstration finishes, with everything once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trustspace.adapters.storage.folder import holder
from trustspace.cli.demonstration.actors import ALL, BUS, PLANNER
from trustspace.cli.demonstration.story import STORY

FEED = Path(__file__).parents[2] / "examples" / "data" / "newport-gtfs.zip"
DRIVER = "driver"
VICTIMS = (DRIVER, *(actor.key for actor in ALL))
NAMES = [*(f"{actor.key}-starts" for actor in ALL), *(step.name for step in STORY)]


def kill(victim: str, folder: Path, driver: subprocess.Popen[str]) -> None:
    """By its id: the driver we started, or the node that holds the folder."""
    pid = driver.pid if victim == DRIVER else holder(folder / victim)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def run_until(step: str, victim: str, folder: Path) -> list[dict[str, Any]]:
    """Run until that step is told, kill the victim at once, and let the driver end (or be killed)."""
    command = [sys.executable, "-m", "trustspace", "demo", str(FEED), "--dir", str(folder), "--json"]
    seen: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stderr is not None
        for line in driver.stdout:
            seen.append(json.loads(line))
            if seen[-1].get("name") == step and not seen[-1]["again"]:
                kill(victim, folder, driver)
        words = driver.stderr.read()
    expected = {0, 1, 2} if victim != DRIVER else {0, -signal.SIGKILL}
    assert driver.returncode in expected, words
    assert len(words.splitlines()) <= 1, words
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_after_each_step_and_run_again_it_finishes_with_everything_once(victim: str, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    for step in NAMES:
        run_until(step, victim, folder)
    lines = run_until("", "", folder)
    assert lines[-1]["done"] is True
    assert all(line["again"] for line in lines if "name" in line)
    facts = {line["name"]: line["facts"] for line in lines if "name" in line}
    assert_once(facts, lines[-1], folder)


def assert_once(facts: dict[str, Any], totals: dict[str, Any], folder: Path) -> None:
    """Everything happened, and once: looked up in the nodes themselves."""
    with Served(folder, BUS.key) as bus, Served(folder, PLANNER.key) as planner:
        for node in (bus, planner):
            assert sorted(one["contract"] for one in node("contracts", "list")) == sorted(totals["contracts"])
            assert all(one["consistent"] for one in node("evidence", "log")["peers"])
        uses = bus("uses")["results"]
        assert sorted(one["number"] for one in uses if one["decision"] == "permit") == [1, 2]
        assert len([one for one in uses if one["decision"] == "deny"]) == totals["denials"] == 3
        assert len(bus("negotiations", "list")) == len(planner("negotiations", "list")) == 2
        (fetched,) = (one for one in planner("uses")["results"] if one["use"] == facts_use(facts, uses))
        assert fetched["state"] == "delivered"


def facts_use(facts: dict[str, Any], uses: list[dict[str, Any]]) -> str:
    first = next(one for one in uses if one["number"] == 1)
    assert first["digest"] == facts["fetch"]["digest"]
    return str(first["use"])


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
