"""Simulate seeds and say what came of them: `python -m trustspace.testing.simulation --seeds 0:5000 --connectors 3`."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from trustspace.testing.simulation.defences import DEFENCES
from trustspace.testing.simulation.faults import Odds
from trustspace.testing.simulation.space import NAMES, Outcome, Settings, simulate

BATCH: Final = 8
"""Seeds that a worker takes at once."""


def say(line: str) -> None:
    """Write a line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where no seed diverged, 1 where one did."""
    told = parser().parse_args(arguments)
    settings = Settings(told.connectors, told.deals, odds(told), told.without)
    if told.seed is not None:
        outcomes = [simulate(told.seed, settings, say if told.trace else None)]
    else:
        outcomes = []
        first, last = map(int, told.seeds.split(":"))
        began = time.perf_counter()
        for outcome in run(range(first, last), settings, told.jobs):
            outcomes.append(outcome)
            if outcome.failure is not None:
                say(failed(outcome, arguments))
                if told.first:
                    break
        say(f"{len(outcomes) / (time.perf_counter() - began):.1f} seeds/s on {told.jobs} processes")
    say(report(outcomes))
    if told.seed is not None:
        say(f"trace {outcomes[0].digest}")
    return int(any(one.failure for one in outcomes))


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made, usual = argparse.ArgumentParser(prog="python -m trustspace.testing.simulation", description=__doc__), Odds()
    made.add_argument("--seeds", default="0:100", metavar="FIRST:LAST", help="these seeds, the last one left out")
    made.add_argument("--seed", type=int, help="only this one")
    made.add_argument("--trace", action="store_true", help="with --seed: show every event")
    made.add_argument("--connectors", type=int, default=3, choices=range(2, len(NAMES) + 1))
    made.add_argument("--deals", type=int, default=3, help="negotiations in a seed, and what follows from them")
    for name in Odds.__slots__:
        made.add_argument(f"--{name}", type=float, default=getattr(usual, name), metavar="ODDS")
    made.add_argument("--without", default="", choices=["", *DEFENCES], help="leave this defence out")
    made.add_argument("--first", action="store_true", help="stop at the first seed that diverges")
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    return made


def odds(told: argparse.Namespace) -> Odds:
    """The odds that were given."""
    return Odds(**{name: getattr(told, name) for name in Odds.__slots__})


def run(seeds: Iterable[int], settings: Settings, jobs: int = 1) -> Iterator[Outcome]:
    """The outcome of each seed, in their order, by so many processes; nobody collects what was loaded before."""
    if jobs == 1:
        gc.freeze()
        yield from (simulate(seed, settings) for seed in seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, gc.freeze) as pool:
        yield from pool.imap(partial(simulate, settings=settings), seeds, chunksize=BATCH)


def failed(outcome: Outcome, arguments: Sequence[str] | None = None) -> str:
    """What went wrong with a seed, and how to see it again."""
    failure = outcome.failure
    given = [one for one in (arguments or sys.argv[1:]) if not one.startswith("--jobs")]
    for name in ("--seeds", "--seed", "--jobs"):
        if name in given:
            at = given.index(name)
            given[at : at + 2] = []
    again = " ".join(["python -m trustspace.testing.simulation", *given, f"--seed {outcome.seed} --trace"])
    return (
        f"seed {outcome.seed}, event {failure.event}: {failure.invariant}: {failure.what}\n  {again}" if failure else ""
    )


def report(outcomes: Sequence[Outcome]) -> str:
    """The counts of all seeds, a line each; the last one says how many diverged."""
    counts, faults = Counter[str](), Counter[str]()
    for one in outcomes:
        counts.update(one.counts)
        faults.update(one.faults)
    hours = sum(one.seconds for one in outcomes) / 3600
    lines = [f"seeds {len(outcomes)}, events {sum(one.events for one in outcomes)}, {hours:.1f} virtual hours"]
    lines.append(", ".join(f"{name} {counts[name]}" for name in sorted(counts)))
    lines.append("faults: " + ", ".join(f"{name} {faults[name]}" for name in sorted(faults)))
    lines.append(f"{sum(one.failure is not None for one in outcomes)} divergent")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
