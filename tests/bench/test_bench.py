"""Figures: stable names, medians with their spread, the machine's own limits beside them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trustspace.bench import catalogue, machine, negotiate, policy, store, transfer
from trustspace.bench.figures import Figures, percentile
from trustspace.bench.process import output, running
from trustspace.cli.bench import app, show
from trustspace.core.errors import Unavailable

FLOWS = ("p50_ms", "p95_ms", "per_second", "floor_p50_ms", "floor_per_second", "of_floor")


def told(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def whole(found: dict[str, Any], *keys: str) -> None:
    """Every figure is there, is more than nothing, and lies within its own spread."""
    for key in keys:
        spread = found["spread"][key]
        assert 0 < spread["min"] <= found[key] <= spread["max"], key
        assert len(spread["all"]) == found["runs"]
    assert all(value > 0 for value in (*found["raw"].values(), *found["ratio"].values()))
    assert {"cores", "python", "sqlite", "openssl", "packages"} <= set(found["machine"])


def test_policy() -> None:
    found = told("policy", "--runs", "2", "--count", "200")
    whole(found, "p50_us", "p99_us", "per_second")
    assert found["constraints"] == len(policy.four_constraints().permissions[0].constraints) == 4


@pytest.mark.parametrize("what", ["store", "log"])
def test_store_and_log(what: str) -> None:
    found = told(what, "--runs", "2", "--count", "400", "--in-flight", "8")
    whole(found, "per_second", "p50_ms", "p95_ms")
    assert found["bench"] == what
    assert found["in_flight"] == 8
    assert "fsyncs_per_second" in found["raw"]


@pytest.mark.parametrize("tls", ["--tls", "--plain"])
def test_transfer(tls: str) -> None:
    found = told("transfer", "--runs", "1", "--size", "3", tls)
    whole(found, "gigabytes_per_second", "peak_rss_mb")
    assert found["bytes"] == 3 << 20
    assert found["tls"] is (tls == "--tls")
    assert "copy_gigabytes_per_second" in found["raw"]


@pytest.mark.slow
def test_negotiate() -> None:
    found = told("negotiate", "--runs", "1", "--count", "8", "--in-flight", "4", "--plain")
    whole(found, *FLOWS)
    assert set(found["one_at_a_time"]) == set(FLOWS)
    assert found["in_flight"] == 4
    assert 0 < found["of_floor"] < 1, "two nodes cannot be faster than the least that they do"


@pytest.mark.slow
def test_negotiate_beside_a_past() -> None:
    found = told("negotiate", "--smoke", "--history", "30", "--open", "20", "--in-flight", "4", "--plain")
    whole(found, "slowdown", "slowdown_one_at_a_time", "per_second", "per_second_without")
    assert (found["history"], found["open"], found["runs"], found["flows"]) == (30, 20, 3, 32)
    assert found["slowdown_interval"]["low"] <= found["slowdown"] <= found["slowdown_interval"]["high"]
    for key in ("rss_mb", "consumer_rss_mb", "start_seconds", "status_ms"):
        assert found[key] > 0
        assert found[f"{key}_without"] > 0


@pytest.mark.slow
def test_catalogue() -> None:
    found = told("catalogue", "--runs", "1", "--count", "10", "--products", "150", "--in-flight", "4", "--plain")
    whole(found, "p50_ms", "p95_ms", "negotiations_per_second")
    assert (found["products"], found["reads"], found["in_flight"], found["tls"]) == (150, 10, 4, False)
    assert {"p50_ms", "p95_ms"} <= set(found["alone"])
    assert set(found["raw"]) == {"empty_p50_ms", "empty_p95_ms"}
    assert set(found["ratio"]) == {"p50_ms/empty_p50_ms", "p95_ms/empty_p95_ms"}


def test_lines_for_people() -> None:
    done = CliRunner().invoke(app, ["policy", "--smoke"])
    assert done.stdout.startswith("policy: constraints 4, decisions 2000; median of 1 runs")
    assert "this machine's limit" in done.stdout


def test_lines_show_what_else_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    more = {
        "rss_mb": 120.5,
        "slowdown_interval": {"low": 0.98, "high": 1.03, "confidence": 0.9648},
        "alone": {"p50_ms": {"min": 1.0, "max": 3.0, "all": [1.0, 3.0, 2.0]}},
    }
    show(Figures("x", {}, [{"a": 1.0}], {}, more=more), as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["rss_mb", "120.5"] in lines
    assert ["slowdown_interval", "0.98", "…", "1.03", "at", "96.5%"] in lines
    assert ["alone.p50_ms", "2", "1", "…", "3"] in lines


def test_the_figure_is_the_median() -> None:
    figures = Figures("x", {}, [{"a": 1.0}, {"a": 9.0}, {"a": 2.00004}], {"limit": 4.0}, {"a": "limit"})
    found = figures.to_json()
    assert found["a"] == 2.0
    assert found["spread"]["a"] == {"min": 1.0, "max": 9.0, "all": [1.0, 9.0, 2.0]}
    assert found["ratio"] == {"a/limit": 0.5}


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_percentiles(share: float, value: float) -> None:
    assert percentile(range(100, 0, -1), share) == value


def test_a_file_has_its_size_and_is_not_of_zeros(tmp_path: Path) -> None:
    transfer.write(tmp_path / "data", 1_000_003)
    data = (tmp_path / "data").read_bytes()
    assert len(data) == 1_000_003
    assert len(set(data)) > 200


def test_a_process_that_fails_is_said_to_have_failed() -> None:
    async def start() -> None:
        async with running("trustspace.bench.provider"):
            raise AssertionError("it cannot have started")

    with pytest.raises(Unavailable):
        asyncio.run(output("trustspace.bench.consumer"))
    with pytest.raises(Unavailable):
        asyncio.run(start())


def test_peak_memory_is_that_of_a_process() -> None:
    assert 10 < machine.peak_rss_mb() < 10_000


def test_every_bench_has_a_measure() -> None:
    assert all(callable(part.measure) for part in (catalogue, negotiate, policy, store, transfer))
