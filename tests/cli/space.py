"""A little space of served nodes (`trustspace serve`), and the command line by hand."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.node.spaces import CODES, NAMES, urls
from trustspace.cli.main import main


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*words: object) -> Told:
    """One command, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(word) for word in words])
            code: Any = 0
        except SystemExit as end:
            code = end.code
    return Told(int(code or 0), out.getvalue(), err.getvalue())


def mistake(told: Told, code: int, *words: str) -> None:
    """One line on stderr with these words, nothing on stdout, and this exit code."""
    assert told.out == ""
    lines = [line for line in told.err.splitlines() if not line.startswith("WARNING: ")]
    assert len(lines) == 1, told.err
    assert all(word in lines[0] for word in words), told.err
    assert told.code == code, told


@dataclass(slots=True)
class Served:
    """The folders of a space and the processes that serve them."""

    root: Path
    urls: dict[str, str]
    fingerprint: str = ""
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def make(self, name: str, *more: object) -> Told:
        common = ("--public-url", self.urls[name], "--name", NAMES[name], "--credit-code", CODES[name], *more)
        if name == "node":
            return run("init", self.root / name, "--functional", "--place", "3501", *common)
        trust = ("--node", self.urls["node"], "--fingerprint", self.fingerprint)
        return run("init", self.root / name, *trust, *common)

    def serve(self, *names: str) -> None:
        for name in names:
            with (self.root / f"{name}.err").open("a") as err:
                command = [sys.executable, "-m", "trustspace", "serve", str(self.root / name)]
                self.processes[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True)
        for name in names:
            out = self.processes[name].stdout
            assert out is not None
            line = out.readline()
            assert line.startswith("ready "), (line, (self.root / f"{name}.err").read_text())

    def stop(self, name: str, how: str = "terminate") -> None:
        process = self.processes.pop(name)
        getattr(process, how)()
        process.wait(15)
        assert process.stdout is not None
        process.stdout.close()

    def on(self, name: str, *words: object) -> Told:
        return run(*words, "--dir", self.root / name)

    def ok(self, name: str, *words: object) -> Any:
        """What a command that succeeds prints as JSON."""
        told = self.on(name, *words, "--json")
        assert told.code == 0, told
        return told.json

    def register(self, *names: str) -> None:
        for name in names:
            applied = self.ok(name, "register")
            self.ok("node", "registry", "approve", applied["application"])
            assert self.ok(name, "register", "--wait", "5")["state"] == "active"

    def product(self, *more: object, data: bytes = b"stop,time\n") -> dict[str, Any]:
        """A listed product: its entry."""
        file = self.root / "feed.csv"
        file.write_bytes(data)
        terms = more or ("--purpose", "trip-planning", "--count", "3")
        about = ("--title", "城市公交时刻表", "--industry", "0054", "--topic", "B0300")
        made = self.ok("bus", "publish", file, *about, *terms)
        waiting = self.ok("node", "catalogue", "list", "--state", "submitted")["results"]
        [entry] = [one for one in waiting if one["dataset"] == made["product"]]
        approved: dict[str, Any] = self.ok("node", "catalogue", "approve", entry["entry"])
        return approved

    def close(self) -> None:
        for name in list(self.processes):
            self.stop(name)


def served(root: Path, scheme: str) -> Served:
    """A registered space, running."""
    s = Served(root, urls(scheme))
    made = s.make("node")
    assert made.code == 0, made
    s.fingerprint = made.out.split("fingerprint ")[1].strip()
    s.serve("node")
    for name in ("bus", "trip"):
        assert s.make(name).code == 0
    s.serve("bus", "trip")
    s.register("bus", "trip")
    return s


def until(look: Any, holds: Any, seconds: float = 8.0) -> Any:
    end = time.monotonic() + seconds
    while not holds(seen := look()):
        assert time.monotonic() < end, seen
        time.sleep(0.05)
    return seen
