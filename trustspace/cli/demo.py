"""`trustspace demo FILE`: the whole story on one machine, three processes, real messages; it can be resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.output import AsJson


def demo(
    file: Annotated[Path, typer.Argument(help="any file: it is published and exchanged")],
    folder: Annotated[
        Path | None, typer.Option("--dir", "-d", help="where everything is kept; run again here to go on")
    ] = None,
    json: AsJson = False,
    plain: Annotated[bool, typer.Option("--plain", help="plain lines on a terminal too")] = False,
) -> None:
    """Show the main job: register, publish, negotiate, sign, exchange, refuse, prove. Nothing needs to be prepared."""
    from trustspace.cli.demonstration.place import Place
    from trustspace.cli.demonstration.running import run
    from trustspace.cli.demonstration.telling import teller

    with Place.open(folder, file) as place, teller(as_json=json, plain=plain) as told:
        import asyncio

        asyncio.run(run(place, told))
