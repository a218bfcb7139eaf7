"""`conformance`: public conformance kits, run against a node of one's own installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.output import AsJson, print_json, table

if TYPE_CHECKING:
    from trustspace.testing.conformance.results import Outcome

app = typer.Typer(help="run public conformance kits 一致性测试", no_args_is_help=True, add_completion=False)


@app.callback()
def kits() -> None:
    """Run public conformance kits against a node that is made for it and thrown away."""


@app.command()
def dsp(
    only: Annotated[str, typer.Option(help="only the cases whose name holds this text, e.g. CN_C:01")] = "",
    log: Annotated[Path | None, typer.Option(help="write all that the kit prints to this file")] = None,
    json: AsJson = False,
) -> None:
    """Run the Dataspace Protocol's kit: each suite with its passed, failed and disabled cases.

    It is fetched from Maven Central once (Java and Maven are needed), or lies where TRUSTSPACE_KITS says. Exit 1 where
    a case fails, or where a suite has fewer cases than it has to.
    """
    import asyncio
    import os

    from trustspace.testing.conformance.kit import find_kit
    from trustspace.testing.conformance.run import run_kit

    kit = find_kit(os.environ)
    outcome, output = asyncio.run(run_kit(kit, only=only, told=None if json else _progress))
    if log is not None:
        log.write_text(output, encoding="utf-8")
    complaints = [f"{name} failed: {why}" for name, why in outcome.failed.items()] if only else outcome.complaints
    if json:
        _as_json(outcome, kit.version, complaints)
    else:
        _as_table(outcome, complaints)
    if complaints or not outcome.passed:
        raise typer.Exit(1)


def _progress(line: str) -> None:
    if sys.stderr.isatty() and "Started: " in line:
        sys.stderr.write(f"\r\x1b[K{line.partition('Started: ')[2].strip()[:100]}")


def _as_table(outcome: Outcome, complaints: list[str]) -> None:
    from trustspace.testing.conformance.results import DISABLED, SUITES

    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    rows = [[suite, *map(str, outcome.of(suite)), str(expected)] for suite, expected in SUITES.items()]
    table(("suite", "passed", "failed", "disabled", "expected"), rows)
    sys.stdout.write(f"disabled by the kit: {', '.join(DISABLED)}\n")
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    sys.stdout.write(f"{outcome.line}\n")


def _as_json(outcome: Outcome, version: str, complaints: list[str]) -> None:
    from trustspace.testing.conformance.results import DISABLED, SUITES

    suites = {
        suite: dict(zip(("passed", "failed", "disabled"), outcome.of(suite), strict=True)) | {"expected": expected}
        for suite, expected in SUITES.items()
    }
    told = {"kit": version, "suites": suites, "disabled": list(DISABLED), "failures": dict(outcome.failed)}
    print_json({**told, "passed": len(outcome.passed), "complaints": complaints, "ok": not complaints})
