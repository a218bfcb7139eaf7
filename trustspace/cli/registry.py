"""`trustspace registry`: the functional node's operator reviews identities (统一身份登记)."""

from __future__ import annotations

from typing import Annotated

import typer

from trustspace.cli.output import HERE, AsJson, Folder, Reason, on_node, show

app = typer.Typer(
    help="review identities at a functional node 身份登记审核", no_args_is_help=True, add_completion=False
)
Application = Annotated[str, typer.Argument(help="the application, as `registry list` names it")]
COLUMNS = ("application", "state", "name", "credit_code", "identifier", "reason")


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="only these")] = "", folder: Folder = HERE, json: AsJson = False
) -> None:
    """List applications and identities."""
    show(on_node(folder, lambda node: node.call("identities", state=state, limit="1000")), json, columns=COLUMNS)


@app.command("show")
def show_(application: Application, folder: Folder = HERE, json: AsJson = False) -> None:
    """Show one with its history."""
    show(on_node(folder, lambda node: node.call("identity", application)), json)


@app.command()
def approve(application: Application, folder: Folder = HERE, json: AsJson = False) -> None:
    """Approve: assigns the 32-character identifier and lets the connector fetch its certificates."""
    _decide("approve_identity", application, "", folder, json)


@app.command("return")
def return_(application: Application, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """Send back with a reason, to be mended and sent again."""
    _decide("return_identity", application, reason, folder, json)


@app.command()
def revoke(application: Application, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """Revoke: the next message of this identity is refused everywhere."""
    _decide("revoke_identity", application, reason, folder, json)


def _decide(verb: str, application: str, reason: str, folder: Folder, as_json: bool) -> None:
    from trustspace.node.views import DecisionRequest

    show(on_node(folder, lambda node: node.call(verb, application, request=DecisionRequest(reason=reason))), as_json)
