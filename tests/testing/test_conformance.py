"""The kit's harness: it is red whenever a case fails, a suite is left out, or the kit does not come to its end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from trustspace.core.errors import Unavailable
from trustspace.core.rules import read_rules
from trustspace.node.settings import FunctionalNodeSettings
from trustspace.testing.conformance import plan, trigger
from trustspace.testing.conformance.kit import find_kit
from trustspace.testing.conformance.results import DISABLED, SUITES, read_outcome
from trustspace.testing.world import World

RECORDED = Path(__file__).parent / "recorded"
PASSED = (RECORDED / "all_passed.txt").read_text(encoding="utf-8")
FAILED = (RECORDED / "some_failed.txt").read_text(encoding="utf-8")


def test_a_run_in_which_everything_passed() -> None:
    outcome = read_outcome(PASSED)
    assert outcome.complaints == []
    assert outcome.line == "dsp: 65 passed, 0 failed, 2 skipped"
    assert {suite: outcome.of(suite)[0] for suite in SUITES} == dict(SUITES)
    assert sum(SUITES.values()) == 65


def test_a_run_with_failures_names_each_with_the_kits_reason() -> None:
    outcome = read_outcome(FAILED)
    assert outcome.line == "dsp: 42 passed, 23 failed, 2 skipped"
    assert outcome.of("CN") == (6, 9, 0)
    assert "Timeout waiting for state to transition to OFFERED" in outcome.failed["CN:01-01"]
    assert sum(" failed: " in one for one in outcome.complaints) == 23


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_that_is_left_out_is_red(suite: str) -> None:
    without = "\n".join(line for line in PASSED.splitlines() if f" {suite}:" not in line)
    assert read_outcome(without).complaints == [f"{suite}: 0 passed, {SUITES[suite]} expected"]


@pytest.mark.parametrize("case", ["MET:01-01", "CAT:01-03", "CN:03-04", "CN_C:03-06", "TP:01-04", "TP_C:02-05"])
def test_a_case_that_fails_is_red(case: str) -> None:
    for word in ("FAILED", "ABORTED"):
        outcome = read_outcome(PASSED.replace(f"SUCCESSFUL: {case}", f"{word}: {case}"))
        assert f"{case} failed: {word.lower()}" in outcome.complaints
    told = PASSED.replace(f"SUCCESSFUL: {case}", f"FAILED: {case}") + f"FAILURE\t{case}: Verify\tit said no\n"
    assert f"{case} failed: it said no" in read_outcome(told).complaints


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("TOTAL", "TOTALLY"), "did not come to its end"),
        (lambda text: text[: len(text) // 2], "did not come to its end"),
        (lambda _: "", "did not come to its end"),
        (lambda text: text.replace("TOTAL\t65\t0\t2", "TOTAL\t65\t0\t3"), "3 were not run, 2 expected"),
        (lambda text: text + "] SUCCESSFUL: TP:02-04\n", "TP:02-04 ran"),
        (lambda text: text + "] SUCCESSFUL: NEW:01-01\n", "a suite that is not known here: NEW:01-01"),
        (lambda text: text + "FAILURE\tDspCatalogTest\tno connection\n", "DspCatalogTest failed: no connection"),
    ],
)
def test_whatever_else_is_not_as_it_has_to_be_is_red(change: object, says: str) -> None:
    assert callable(change)
    assert says in "\n".join(read_outcome(change(PASSED)).complaints)


def test_each_case_has_its_id_and_the_rules_are_rules() -> None:
    counts = {suite: len(plan.names(suite)) for suite in ("CN", "CN_C", "TP", "TP_C")}
    disabled = {suite: sum(name.startswith(f"{suite}:") for name in DISABLED) for suite in SUITES}
    assert counts == {suite: SUITES[suite] + disabled[suite] for suite in counts}
    found = read_rules(plan.rules())
    named = {one for rule in found for one in (*rule.product, *rule.agreement)}
    assert named <= {name for suite in counts for name in plan.names(suite)}
    assert len(set(plan.datasets())) == len(plan.datasets()) == 18


def test_the_shim_stays_a_shim() -> None:
    assert len(Path(trigger.__file__).read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.anyio
async def test_the_shim_has_the_node_begin_what_the_kit_asks_for() -> None:
    async with World.open() as world:
        both = {}
        for name in ("bus", "trip"):
            both[name] = await world.applicant(
                name,
                public_url=f"http://{name}.localhost",
                functional_node=FunctionalNodeSettings(),
                identity="open-test-network",
            )
        there = {"connectorAddress": "http://bus.localhost/dsp/2025-1/", "providerId": "did:web:bus.localhost"}
        told = [plan._agreement("agreement-1", "x", "did:web:bus.localhost", "did:web:trip.localhost", "2026-12-01Z")]
        path = world.place / "agreements.json"
        path.write_text(json.dumps(told))
        await both["trip"].import_contracts(path)
        transport = httpx.ASGITransport(trigger.trigger_app(both["trip"]))
        async with httpx.AsyncClient(transport=transport, base_url="http://shim") as kit:
            asked = await kit.post("/negotiations", json={"datasetId": "x", "offerId": "offerx", **there})
            assert asked.status_code == 200
            moved = await kit.post("/transfers", json={"agreementId": "agreement-1", "format": "x", **there})
            assert moved.status_code == 200
        await world.quiet()
        [seen] = await both["bus"].call("negotiations")
        assert (seen.peer, seen.reason) == ("did:web:trip.localhost", "there is no such data product on offer here")
        transfer = await both["trip"].engine.transfers.get(moved.json()["transfer"])
        assert "no such agreement of yours" in transfer.reasons[0]


def programs(folder: Path, **scripts: str) -> dict[str, str]:
    """An environment in which only these programs are installed."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}


MAVEN = 'for one; do case $one in -DoutputDirectory=*) /bin/mkdir -p "${one#*=}";; esac; done'


@pytest.mark.parametrize(
    ("installed", "says"),
    [
        ({}, "java is not installed"),
        ({"java": ""}, "javac is not installed"),
        ({"java": "", "javac": ""}, "mvn is not installed"),
        ({"java": "", "javac": "", "mvn": "echo '[ERROR] no such version'; exit 1"}, "no such version"),
        ({"java": "", "javac": "", "mvn": ""}, "Maven could not fetch it"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, installed: dict[str, str], says: str) -> None:
    with pytest.raises(Unavailable, match=re.escape(says)):
        find_kit(programs(tmp_path / "bin", **installed))


def test_the_kit_is_fetched_once(tmp_path: Path) -> None:
    environ = programs(tmp_path / "bin", java="", javac="", mvn=MAVEN)
    kit = find_kit(environ)
    (tmp_path / "bin" / "mvn").unlink()
    assert find_kit(environ) == kit
    assert kit.version == "1.0.0-RC6"
    assert kit.command(Path("kit.properties"), "CN:01")[-2:] == ["kit.properties", "CN:01"]


def test_a_folder_with_a_kit_comes_first(tmp_path: Path) -> None:
    environ = programs(tmp_path / "bin", java="", javac="", mvn=MAVEN) | {"TRUSTSPACE_KITS": str(tmp_path)}
    with pytest.raises(Unavailable, match=r"there is no dsp-tck-\*\.jar"):
        find_kit(environ)
    (tmp_path / "dsp-tck-9.9.jar").touch()
    kit = find_kit(environ)
    assert kit.version == "9.9"
    assert kit.classpath.startswith(str(tmp_path / "dsp-tck-9.9.jar"))


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    environ = {**os.environ, **programs(tmp_path / "bin")}
    command = [sys.executable, "-m", "trustspace", "conformance", "dsp"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "java is not installed" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("recorded", "code", "told"), [("all_passed", 0, []), ("some_failed", 1, ["CN:01-01 failed"])])
def test_the_command_runs_a_node_and_judges_what_the_kit_says(
    tmp_path: Path, recorded: str, code: int, told: list[str]
) -> None:
    """The kit is a recording here; the node, its products and agreements are real."""
    java = f"while [ $# -gt 1 ]; do shift; done; /bin/cp $1 {tmp_path}/given; /bin/cat {RECORDED / recorded}.txt"
    environ = {**os.environ, **programs(tmp_path / "bin", java=java, javac="", mvn=MAVEN)}
    command = [sys.executable, "-m", "trustspace", "conformance", "dsp", "--json", "--log", str(tmp_path / "log")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["ok"], seen["suites"]["MET"]["expected"], seen["disabled"]) == (not code, 1, list(DISABLED))
    assert bool(seen["complaints"]) is bool(code)
    assert [words for words in told if not any(one.startswith(words) for one in seen["complaints"])] == []
    assert "CN_01_02_OFFERID=CD123:ACN0102:456" in (tmp_path / "given").read_text()
    assert (tmp_path / "log").read_text() == (RECORDED / f"{recorded}.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "code", "says"), [("", 0, "7 skipped"), ("true", 1, "7 errors")])
def test_where_java_is_missing_people_skip_and_ci_does_not(tmp_path: Path, ci: str, code: int, says: str) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTEST"))}
    environ = {**bare, **programs(tmp_path / "bin"), "CI": ci}
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "tests/conformance/dsp", "-rs", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout
    assert "java is not installed" in done.stdout
