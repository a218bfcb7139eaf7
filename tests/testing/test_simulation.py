"""The simulation: seeds hold, a seed is repeated byte for byte, and what is switched off is missed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from trustspace.testing.simulation.__main__ import failed, main, run
from trustspace.testing.simulation.defences import DEFENCES
from trustspace.testing.simulation.faults import ODD, Odds, Plan
from trustspace.testing.simulation.space import Settings, simulate
from trustspace.testing.simulation.trace import Trace

QUIET = Odds(loss=0, dup=0, reorder=0, odd=0, disk=0, crash=0, rollback=0)
SOME = replace(QUIET, loss=0.1, dup=0.1, reorder=0.1)
BETWEEN = replace(SOME, odd=0.3)
WHERE = {
    "idempotency": SOME,
    "answer": SOME,
    "version": replace(QUIET, reorder=0.1),
    "reconciliation": BETWEEN,
    "receipt": BETWEEN,
}
"""Faults under which each defence is needed soon."""
SEARCHED = 100
CI_SEEDS = 500


def test_without_faults_everything_comes_to_its_end() -> None:
    outcome = simulate(1, Settings(odds=QUIET))
    assert outcome.failure is None
    assert outcome.faults == {}
    assert outcome.counts["negotiation FINALIZED"] >= 1
    assert outcome.counts["lives"] == 3


def test_seeds_hold_under_faults() -> None:
    outcomes = list(run(range(6), Settings()))
    assert [failed(one) for one in outcomes if one.failure] == []
    assert sum(one.faults["crash"] for one in outcomes) > 10
    assert sum(one.counts["negotiation FINALIZED"] for one in outcomes) > 10


@pytest.mark.parametrize("connectors", [2, 5])
def test_two_or_five_connectors_hold_too(connectors: int) -> None:
    assert simulate(11, Settings(connectors=connectors, deals=2)).failure is None


@pytest.mark.parametrize("defence", DEFENCES)
def test_a_defence_that_is_switched_off_is_missed(defence: str) -> None:
    settings = Settings(deals=4, odds=WHERE[defence])
    diverged = (one.seed for one in run(range(SEARCHED), replace(settings, without=defence)) if one.failure)
    seed = next(diverged, None)
    assert seed is not None, f"nothing noticed in {SEARCHED} seeds that it was off"
    assert simulate(seed, settings).failure is None, "the control"


def test_a_failing_seed_says_how_to_see_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--seeds", f"0:{SEARCHED}", "--jobs", "1", "--without", "idempotency", "--first"]
    assert main(given) == 1
    told = capsys.readouterr().out
    assert re.search(r"^seed \d+, event \d+: I\d: ", told)
    assert re.search(r"^  python -m .* --without idempotency .*--seed \d+ --trace$", told, re.MULTILINE)
    assert told.endswith("\n1 divergent\n")


def test_the_counts_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "1", "--loss", "0.1"]) == 0
    told = capsys.readouterr().out
    for word in ("seeds 1, events ", "negotiation FINALIZED", "requests ", "faults: ", "request lost", "0 divergent"):
        assert word in told


def replay(seed: int, hash_seed: int) -> bytes:
    """The trace of a seed, from a process of its own."""
    command = [sys.executable, "-m", "trustspace.testing.simulation", "--seed", str(seed), "--trace"]
    env = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    return subprocess.run(command, env=env, capture_output=True, check=True).stdout


def test_a_seed_is_repeated_byte_for_byte() -> None:
    """In fresh processes with other hash seeds, and here, after other seeds."""
    once, again = replay(2, 1), replay(2, 2)
    assert once == again
    assert b" dies: crash" in once
    simulate(4, Settings())
    here = simulate(2, Settings()).digest
    assert once.decode().splitlines()[-1] == f"trace {here}"
    assert simulate(3, Settings()).digest != here


def test_every_kind_of_fault_happens() -> None:
    plan = Plan(0, replace(Odds(), odd=0.5))
    for _ in range(1000):
        plan.fate()
    expected = {*ODD, "request lost", "answer lost", "duplicated", "reordered"}
    assert {kind for kind, number in plan.counts.items() if number} == expected


def test_one_die_does_not_move_the_others() -> None:
    plans = [Plan(7, Odds()), Plan(7, Odds())]
    plans[0].seconds("something else", 1.0)
    assert plans[0].fate() == plans[1].fate()
    plans[0].over = True
    assert not any(plans[0].happens("crash", 1.0) for _ in range(10))


def test_a_trace_keeps_the_first_failure() -> None:
    shown: list[Any] = []
    trace = Trace(lambda: 1.5, shown.append)
    trace.event("a begins")
    trace.fail("I5", "too many")
    trace.fail("I6", "too early")
    assert trace.failure is not None
    assert (trace.failure.invariant, trace.failure.event, trace.failure.what) == ("I5", 1, "too many")
    assert shown == ["1 1.500000 a begins", "2 1.500000 FAILED I5: too many"]


@pytest.mark.slow
def test_the_seeds_of_ci_hold() -> None:
    outcomes = run(range(CI_SEEDS), Settings(), jobs=os.cpu_count() or 1)
    assert [failed(one) for one in outcomes if one.failure] == []
