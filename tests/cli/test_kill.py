"""kill -9 of a node in the middle of its work: started again, it finishes, and nothing is there twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.space import Served, run, served, until

POINTS = [("bus", 0.02), ("trip", 0.02), ("bus", 0.05), ("trip", 0.05), ("bus", 0.08), ("trip", 0.1), ("node", 0.01)]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    s = served(tmp_path_factory.mktemp("killed"), "http")
    try:
        yield s
    finally:
        s.close()


@contextmanager
def killed(s: Served, victim: str, after: float, *words: object) -> Iterator[None]:
    """The victim is killed so many seconds after the planner's command began, and started again."""
    command = [sys.executable, "-m", "trustspace", *map(str, words), "--dir", str(s.root / "trip")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        log = s.root / ("bus" if victim == "node" else victim) / "node.sqlite-wal"
        before = log.stat().st_mtime_ns
        end = time.monotonic() + 10
        while log.stat().st_mtime_ns == before and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(after)
        s.stop(victim, "kill")
        s.serve(victim)
        process.wait(60)
    yield


def both(s: Served, noun: str) -> list[set[str]]:
    """The names of the contracts that each side has; each once."""
    found = []
    for side in ("bus", "trip"):
        names = [one["contract"] for one in s.ok(side, noun, "list")]
        assert len(names) == len(set(names))
        found.append(set(names))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("victim", "after"), POINTS)
def test_in_the_middle_of_a_negotiation(own: Served, victim: str, after: float) -> None:
    code, key = own.product()["code"], f"wish-{victim}-{after}"
    before = len(own.ok("trip", "negotiations", "list")), len(own.ok("bus", "negotiations", "list"))
    with killed(own, victim, after, "negotiate", code, "--key", key):
        contract = own.ok("trip", "negotiate", code, "--key", key)
    assert contract["signed"] == "both"
    bus, trip = both(own, "contracts")
    assert contract["contract"] in bus & trip
    assert bus == trip
    after_ = len(own.ok("trip", "negotiations", "list")), len(own.ok("bus", "negotiations", "list"))
    assert after_ == (before[0] + 1, before[1] + 1)
    until(lambda: own.ok("bus", "status")["outbox"] + own.ok("trip", "status")["outbox"], lambda left: left == 0)


@pytest.mark.slow
@pytest.mark.parametrize(("victim", "after"), [("bus", 0.0), ("trip", 0.0), ("bus", 0.1), ("trip", 0.1)])
def test_in_the_middle_of_a_delivery(own: Served, tmp_path: Path, victim: str, after: float) -> None:
    data = bytes(range(256)) * (1 << 17)
    contract = own.ok("trip", "negotiate", own.product(data=data)["code"])["contract"]
    words = ("get", contract, "--purpose", "trip-planning", "-o", tmp_path / "feed", "--key", "once")
    with killed(own, victim, after, *words):
        got = own.ok("trip", *words)
    assert got["number"] == 1
    assert (tmp_path / "feed").read_bytes() == data
    assert sorted(one.name for one in tmp_path.iterdir()) == ["feed"]
    for side in ("bus", "trip"):
        page = until(
            lambda side=side: own.ok(side, "uses", "--contract", contract),
            lambda page: page["total"] and page["results"][0]["delivered"],
        )
        assert page["total"] == 1
        assert own.ok(side, "contracts", "show", contract)["uses"] == 1
        assert run("evidence", "log", "--dir", own.root / side).code == 0
