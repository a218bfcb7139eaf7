"""The `trustspace` command: verbs on nouns. Each command imports what it needs when it runs: `--help` is quick."""

from __future__ import annotations

import sys

import typer

from trustspace.cli import bench, catalogue, contracts, demo, evidence, nodes, policy, products, registry
from trustspace.cli import id as id_

app = typer.Typer(
    name="trustspace",
    help="Trusted data spaces (可信数据空间): publish, negotiate, exchange under contracts that both sides sign.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name, part in (
    ("registry", registry.app),
    ("catalogue", catalogue.app),
    ("negotiations", contracts.negotiations),
    ("contracts", contracts.contracts),
    ("policy", policy.app),
    ("id", id_.app),
    ("evidence", evidence.app),
    ("bench", bench.app),
):
    app.add_typer(part, name=name)
for commands in (demo.COMMANDS, nodes.COMMANDS, products.COMMANDS, contracts.COMMANDS):
    for command in commands:
        app.command()(command)


def main() -> None:
    """Run the command line: exit 0 done, 1 refused or not valid, 2 used wrongly; a mistake is one line on stderr."""
    from trustspace.core.errors import TrustspaceError

    try:
        app()
    except TrustspaceError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(130)


def exit_code(error: Exception) -> int:
    """1 where the answer is no; 2 where the command was used wrongly or its surroundings are not ready."""
    from trustspace.core.errors import InvalidInput, MisusedError, NotFound, Unavailable

    return 2 if isinstance(error, InvalidInput | MisusedError | NotFound | Unavailable) else 1
