"""`trustspace bench`: how fast it runs on this machine, beside what the machine can do at most."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustspace.cli.output import AsJson

if TYPE_CHECKING:
    from trustspace.bench.figures import Figures

app = typer.Typer(
    help="figures of this machine, with its raw limits beside them", no_args_is_help=True, add_completion=False
)
Runs = Annotated[int, typer.Option(min=1, help="how many runs; figures are their medians")]
InFlight = Annotated[int, typer.Option(min=1, help="how many at a time")]
Count = Annotated[int, typer.Option(min=1, help="how many in one run")]
Tls = Annotated[bool, typer.Option("--tls/--plain", help="with TLS or without")]
Smoke = Annotated[bool, typer.Option("--smoke", help="one short run, to see that it works")]


@app.command()
def negotiate(
    in_flight: InFlight = 64,
    runs: Annotated[int | None, typer.Option(min=1, help="how many runs: 5, or 15 pairs with a history")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="flows in one run: 640, or 320 with a history")] = None,
    history: Annotated[int, typer.Option(min=0, help="compare with nodes that have so many finished ones")] = 0,
    held: Annotated[int, typer.Option("--open", min=0, help="and so many that are open, on both sides")] = 0,
    tls: Tls = True,
    smoke: Smoke = False,
    json: AsJson = False,
) -> None:
    """From the request to a contract that both signed and a transfer that started: two nodes, all durable.

    Beside it the floor: an empty handler of the same server and client, as many requests, signatures and syncs. With
    `--history` or `--open` instead fresh nodes, in turns with nodes that have that past: `slowdown` is the median of
    the ratios of paired rounds, `slowdown_interval` where it lies. A past of 100000 takes minutes and gigabytes.
    """
    from trustspace.bench import compare, negotiate

    past = history + held > 0
    few = {"count": 32 if past else 64} if smoke else {"count": count or (320 if past else 640)}
    number = (3 if past else 1) if smoke else runs or (15 if past else 5)
    if past:
        made = compare.compare(finished=history, held=held, pairs=number, in_flight=in_flight, tls=tls, **few)
    else:
        made = negotiate.measure(runs=number, in_flight=in_flight, tls=tls, **few)
    show(wait(made), json)


@app.command()
def transfer(
    size: Annotated[int, typer.Option(min=1, help="MiB")] = 1024,
    runs: Runs = 5,
    tls: Tls = True,
    smoke: Smoke = False,
    json: AsJson = False,
) -> None:
    """A large file from process to process: verified while it streams, written, synced."""
    from trustspace.bench.transfer import measure

    mebibytes, runs = (64, 1) if smoke else (size, runs)
    show(wait(measure(runs=runs, size=mebibytes << 20, tls=tls)), json)


@app.command()
def catalogue(
    in_flight: InFlight = 64,
    runs: Runs = 5,
    count: Count = 200,
    products: Annotated[int, typer.Option(min=1, help="how many the catalogue has")] = 10_000,
    tls: Tls = True,
    smoke: Smoke = False,
    json: AsJson = False,
) -> None:
    """The first page of a large catalogue while negotiations run, beside an empty answer under the same load."""
    from trustspace.bench.catalogue import measure

    few = {"runs": 1, "count": 20, "products": 300} if smoke else {"runs": runs, "count": count, "products": products}
    show(wait(measure(in_flight=in_flight, tls=tls, **few)), json)


@app.command()
def store(
    in_flight: InFlight = 64, runs: Runs = 5, count: Count = 20_000, smoke: Smoke = False, json: AsJson = False
) -> None:
    """Durable transitions a second: a record read, saved and logged."""
    from trustspace.bench.store import measure

    runs, count = (1, 2_000) if smoke else (runs, count)
    show(wait(measure("store", runs=runs, in_flight=in_flight, count=count)), json)


@app.command()
def policy(runs: Runs = 5, count: Count = 20_000, smoke: Smoke = False, json: AsJson = False) -> None:
    """The decision of four constraints, with its report."""
    from trustspace.bench.policy import measure

    runs, count = (1, 2_000) if smoke else (runs, count)
    with waiting():
        found = measure(runs=runs, count=count)
    show(found, json)


@app.command()
def log(
    in_flight: InFlight = 64, runs: Runs = 5, count: Count = 20_000, smoke: Smoke = False, json: AsJson = False
) -> None:
    """Durable entries of the evidence log a second."""
    from trustspace.bench.store import measure

    runs, count = (1, 2_000) if smoke else (runs, count)
    show(wait(measure("log", runs=runs, in_flight=in_flight, count=count)), json)


def wait(measuring: Coroutine[Any, Any, Figures]) -> Figures:
    """Run a bench on the loop that nodes run on."""
    import uvloop

    with waiting():
        return uvloop.run(measuring)


def waiting() -> AbstractContextManager[object]:
    """A sign of life on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status("measuring")


def show(figures: Figures, as_json: bool) -> None:
    """The figures as JSON, or the most of them as lines."""
    told = figures.to_json()
    if as_json:
        sys.stdout.write(json_.dumps(told, indent=2) + "\n")
        return
    spread, ratio, raw = told["spread"], told["ratio"], told["raw"]
    lines = [_line(name, told[name], few) for name, few in spread.items()]
    lines += [line for name, value in figures.more.items() for line in _others(name, value)]
    lines += [f"{name:<28} {value:>10g}   this machine's limit" for name, value in raw.items()]
    lines += [f"{name}  {value:g}" for name, value in ratio.items()]
    asked = ", ".join(f"{name} {value}" for name, value in figures.settings.items())
    head = f"{figures.bench}: {asked}; median of {told['runs']} runs, smallest … largest"
    sys.stdout.write("\n".join([head, *lines, ""]))


def _line(name: str, value: float, few: Mapping[str, Any]) -> str:
    return f"{name:<28} {value:>10g}   {few['min']:g} … {few['max']:g}"


def _others(name: str, value: Any) -> list[str]:
    """What was found under other settings: a number, an interval, or figures with their spread."""
    if not isinstance(value, dict):
        return [f"{name:<28} {value:>10g}"]
    if "confidence" in value:
        return [f"{name:<39}   {value['low']:g} … {value['high']:g}   at {value['confidence']:.1%}"]
    figures = {key: few for key, few in value.items() if isinstance(few, dict)}
    return [_line(f"{name}.{key}", median(few["all"]), few) for key, few in figures.items()]
