"""How the commands speak: plain lines in a pipe, a table on a terminal, JSON for machines; errors are one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from trustspace.node.client import Participant

T = TypeVar("T")

Folder = Annotated[Path, typer.Option("--dir", "-d", envvar="TRUSTSPACE_DIR", help="the node's folder")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="why; the other side reads it")]
HERE = Path()


def on_node(folder: Path, act: Callable[[Participant], Awaitable[T]]) -> T:
    """Do something with the node of a folder: the one that runs there, or else one that is opened for this command."""
    import asyncio

    from trustspace.node.connector import reach

    async def run() -> T:
        async with reach(folder) as node:
            return await act(node)

    return asyncio.run(run())


def show(value: BaseModel | Sequence[BaseModel], as_json: bool, *, columns: Sequence[str] = ()) -> None:
    """Print a view, or a table of them with these columns."""
    if as_json:
        print_json(_plain(value))
    elif columns and isinstance(value, Sequence):
        table(columns, [[_cell(getattr(row, name)) for name in columns] for row in value])
    else:
        for name, item in _plain(value).items():
            if item not in ("", None, []):
                sys.stdout.write(f"{name:<16} {one_line(_cell(item))}\n")


def print_json(value: Any) -> None:
    """Print a value for machines."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal, tab-separated lines in a pipe; what others wrote is text and nothing else."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            sys.stdout.write("\t".join(row) + "\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns)
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)


@contextmanager
def bar(*, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on standard error, moved by calling it with how many bytes are here and of how many."""
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as drawn:
        task = drawn.add_task("", total=None)
        yield lambda here, of: drawn.update(task, completed=here, total=of)


def one_line(text: str) -> str:
    """A text of somebody else's as one line without controls: it cannot begin another line, column or colour."""
    return "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))


def _plain(value: Any) -> Any:
    if isinstance(value, Sequence):
        return [_plain(one) for one in value]
    return value.model_dump(mode="json")


def _cell(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
