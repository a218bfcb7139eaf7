"""`trustspace catalogue`: the functional node's operator reviews product entries (统一目录标识)."""

from __future__ import annotations

from typing import Annotated

import typer

from trustspace.cli.output import HERE, AsJson, Folder, Reason, on_node, show

app = typer.Typer(
    help="review product entries at a functional node 目录审核", no_args_is_help=True, add_completion=False
)
EntryName = Annotated[str, typer.Argument(help="the entry, as `catalogue list` names it")]
COLUMNS = ("entry", "state", "code", "title", "owner_name", "reason")


@app.command("list")
def list_(
    text: Annotated[str, typer.Argument(help="words to search")] = "",
    state: Annotated[str, typer.Option(help="only these")] = "",
    offset: int = 0,
    limit: int = 20,
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """List product entries."""
    page = on_node(folder, lambda node: node.call("entries", state=state, q=text, offset=str(offset), limit=str(limit)))
    show(page if json else page.results, json, columns=COLUMNS)


@app.command("show")
def show_(entry: EntryName, folder: Folder = HERE, json: AsJson = False) -> None:
    """Show one."""
    show(on_node(folder, lambda node: node.call("entry", entry)), json)


@app.command()
def approve(entry: EntryName, folder: Folder = HERE, json: AsJson = False) -> None:
    """Approve: assigns the 32-character product code and lists the product."""
    _decide("approve_entry", entry, "", folder, json)


@app.command("return")
def return_(entry: EntryName, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """Send back with a reason."""
    _decide("return_entry", entry, reason, folder, json)


@app.command()
def delist(entry: EntryName, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """Take it off the catalogue (下架); its history stays."""
    _decide("delist_entry", entry, reason, folder, json)


def _decide(verb: str, entry: str, reason: str, folder: Folder, as_json: bool) -> None:
    from trustspace.node.views import DecisionRequest

    show(on_node(folder, lambda node: node.call(verb, entry, request=DecisionRequest(reason=reason))), as_json)
