"""An open test network by hand: made, served, and a contract between two that no functional node knows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.space import Told, mistake, run
from tests.node.spaces import free_port


def make(folder: Path, *more: object) -> Told:
    return run("init", folder, "--public-url", f"http://127.0.0.1:{free_port()}", "--open-test-network", *more)


@contextmanager
def serving(*folders: Path) -> Iterator[None]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "trustspace", "serve", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in folders
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready "), process.communicate()
        yield
    finally:
        for process in processes:
            process.terminate()
            _, err = process.communicate(timeout=15)
            assert "WARNING: open test network" in err


def test_by_hand(tmp_path: Path) -> None:
    bus, trip = tmp_path / "bus", tmp_path / "trip"
    for folder in (bus, trip):
        made = make(folder)
        assert made.code == 0
        assert made.err.startswith("WARNING: open test network: whoever comes is believed")
    file = tmp_path / "feed.csv"
    file.write_bytes(b"stop,time\n")
    with serving(bus, trip):
        terms = ("--title", "时刻表", "--dataset", "feed", "--offer-id", "offer-1")
        assert run("publish", file, *terms, "-d", bus, "--json").json["state"] == "listed"
        url = run("status", "-d", bus, "--json").json["public_url"]
        at = ("--connector", url, "--dataset", "feed")
        contract = run("negotiate", *at, "-d", trip, "--json").json
        assert (contract["signed"], contract["origin"], contract["target"]) == ("unsigned", "negotiated", "feed")
        assert run("get", contract["contract"], "-o", tmp_path / "got.csv", "-d", trip).code == 0
        assert (tmp_path / "got.csv").read_bytes() == b"stop,time\n"
        mistake(run("negotiate", *at[:2], "-d", trip), 2, "--connector and --dataset")
        mistake(run("negotiate", "CODE", *at, "-d", trip), 2, "--connector and --dataset")
        agreement = {
            "@id": "agreement-1",
            "@type": "Agreement",
            "target": "feed",
            "assigner": run("status", "-d", bus, "--json").json["did"],
            "assignee": "did:web:other.example",
            "timestamp": "2026-12-01T08:00:00Z",
            "permission": [{"action": "use"}],
        }
        (tmp_path / "made.json").write_text(json.dumps(agreement))
        listed = run("contracts", "import", tmp_path / "made.json", "-d", bus).out.splitlines()
        assert listed[1].split("\t")[:2] == ["agreement-1", "provider"]
        assert listed[1].split("\t")[5:7] == ["unsigned", "imported"]
        shown = run("contracts", "show", "agreement-1", "-d", bus).out
        assert "unsigned" in shown
        assert "imported" in shown
        (tmp_path / "made.json").write_text("{")
        mistake(run("contracts", "import", tmp_path / "made.json", "-d", bus), 2, "made.json")


def test_a_node_with_a_bad_seed_does_not_start(tmp_path: Path) -> None:
    assert make(tmp_path / "bus").code == 0
    settings = tmp_path / "bus" / "settings.toml"
    settings.write_text(f'agreements = ["made.json"]\n{settings.read_text("utf-8")}', encoding="utf-8")
    (tmp_path / "bus" / "made.json").write_text('[{"@type": "Agreement", "@id": "a"}]')
    mistake(run("serve", tmp_path / "bus"), 2, "agreements[0].agreement.target", "a text is expected")


def test_it_is_not_made_by_accident(tmp_path: Path) -> None:
    url = ("--public-url", "http://bus.example:8080", "--open-test-network")
    mistake(run("init", tmp_path / "bus", *url), 2, "identity", "open_beyond_loopback")
    mistake(run("init", tmp_path / "bus", "--public-url", "http://127.0.0.1:8080"), 2, "--open-test-network")
    assert not (tmp_path / "bus").exists()
