"""`python -m trustspace.testing.chaos`: break things on purpose, and say what came of it; exit code 1: bad."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from trustspace.testing.chaos.kill9 import Plan, Result, kill9
from trustspace.testing.chaos.processes import CONSUMER, PROVIDER


def main() -> int:
    """Read the arguments, do it, print the counts."""
    parser = argparse.ArgumentParser(prog="python -m trustspace.testing.chaos")
    commands = parser.add_subparsers(dest="command", required=True)
    kill = commands.add_parser("kill9", help="SIGKILL of a node at random moments under load")
    kill.add_argument("--pair", action="store_true", help="either side, not the provider only")
    kill.add_argument("--kills", type=int, default=20)
    kill.add_argument("--load", type=int, default=50, help="negotiations in flight")
    kill.add_argument("--seed", type=int, default=0)
    kill.add_argument("--dir", type=Path, help="keep the nodes' folders here")
    given = parser.parse_args()
    plan = Plan(given.kills, given.load, (PROVIDER, CONSUMER) if given.pair else (PROVIDER,), given.seed)
    result = _run(given.dir, plan)
    for line in [*result.verdict.lost, *result.verdict.duplicated, *result.verdict.divergent][:50]:
        sys.stderr.write(line + "\n")
    sys.stdout.write(result.line() + "\n")
    return 0 if result.verdict.good else 1


def _run(folder: Path | None, plan: Plan) -> Result:
    say = sys.stderr.write if sys.stderr.isatty() else lambda _: 0
    if folder is not None:
        return asyncio.run(kill9(folder, plan, say=say))
    with TemporaryDirectory(prefix="trustspace-chaos-") as name:
        return asyncio.run(kill9(Path(name), plan, say=say))


if __name__ == "__main__":
    sys.exit(main())
