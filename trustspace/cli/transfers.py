"""`transfers`: which data flows under which contract, and letting it flow, pause or end."""

from __future__ import annotations

from typing import Annotated

import typer

from trustspace.cli.output import HERE, AsJson, Folder, Reason, on_node, show

app = typer.Typer(help="see and lead transfers 数据传输", no_args_is_help=True, add_completion=False)
Transfer = Annotated[str, typer.Argument(help="the transfer, as `transfers list` names it")]
COLUMNS = ("transfer", "role", "peer", "contract", "state", "waits_for", "reason")
MANY = "1000"


@app.command("list")
def list_transfers(state: str = "", contract: str = "", folder: Folder = HERE, json: AsJson = False) -> None:
    """List transfers and what each waits for."""
    seen = on_node(folder, lambda node: node.call("transfers", state=state, contract=contract, limit=MANY))
    show(seen, json, columns=COLUMNS)


@app.command()
def start(transfer: Transfer, folder: Folder = HERE, json: AsJson = False) -> None:
    """Let data flow: what waits for a person, or again after a suspension."""
    show(on_node(folder, lambda node: node.call("start_transfer", transfer)), json)


@app.command()
def suspend(transfer: Transfer, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """Let no data flow for now; either side may start it again."""
    from trustspace.node.views import DecisionRequest

    request = DecisionRequest(reason=reason)
    show(on_node(folder, lambda node: node.call("suspend_transfer", transfer, request=request)), json)


@app.command()
def complete(transfer: Transfer, folder: Folder = HERE, json: AsJson = False) -> None:
    """Say that all data has flowed."""
    show(on_node(folder, lambda node: node.call("complete_transfer", transfer)), json)


@app.command()
def terminate(transfer: Transfer, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """End a transfer, with a reason that the other side reads."""
    from trustspace.node.views import DecisionRequest

    request = DecisionRequest(reason=reason)
    show(on_node(folder, lambda node: node.call("terminate_transfer", transfer, request=request)), json)
