"""The `trustspace` command: verbs on nouns. Each command imports what it needs when it runs: `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer

from trustspace.cli.commands import Commands
from trustspace.cli.output import one_line

app = typer.Typer(
    name="trustspace",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Trusted data spaces (可信数据空间): publish, negotiate, exchange under contracts that both sides sign."""


INTERRUPTED: Final = 130


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line: exit 0 done, 1 refused or not valid, 2 used wrongly; a mistake is one line on stderr."""
    from trustspace.core.errors import TrustspaceError

    try:
        code = app(args, prog_name="trustspace", standalone_mode=False)
    except TrustspaceError as error:
        code = _told(str(error), exit_code(error))
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        code = _told(f"{error.filename or 'the system'}: {error.strerror or error}", 2)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:  # click's, which typer carries inside or beside it, depending on its version
        if not hasattr(error, "format_message"):
            raise
        code = _misused(error.format_message(), getattr(error, "ctx", None))
    sys.exit(code if isinstance(code, int) else 0)


def _misused(text: str, context: Any) -> int:
    """Click's words on one line; a command that does nothing by itself has no words: it has shown its help."""
    where = getattr(context, "command_path", "trustspace")
    return _told(text and f"{text.rstrip('.')} (see {where} --help)", 2)


def _told(text: str, code: int) -> int:
    if text := one_line(text):
        sys.stderr.write(f"{text}\n")
    return code


def exit_code(error: Exception) -> int:
    """1 where the answer is no; 2 where the command was used wrongly or its surroundings are not ready."""
    from trustspace.core.errors import InvalidInput, MisusedError, NotFound, Unavailable

    return 2 if isinstance(error, InvalidInput | MisusedError | NotFound | Unavailable) else 1
