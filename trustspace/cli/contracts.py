"""`contracts`, `uses`: what is agreed, and what was done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.output import HERE, AsJson, Folder, Reason, on_node, show

contracts = typer.Typer(help="see and end contracts 数字合约", no_args_is_help=True, add_completion=False)
ContractName = Annotated[str, typer.Argument(help="the contract (urn:uuid:…)")]
MANY = "1000"
LISTED = ("contract", "role", "peer_name", "title", "status", "signed", "origin", "uses", "denials")


@contracts.command("list")
def list_contracts(status: str = "", folder: Folder = HERE, json: AsJson = False) -> None:
    """List contracts."""
    seen = on_node(folder, lambda node: node.call("contracts", status=status, limit=MANY))
    show(seen, json, columns=LISTED)


@contracts.command("import")
def import_contracts(
    file: Annotated[Path, typer.Argument(help="JSON: an ODRL agreement, or a list of them")],
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Take in agreements that were made elsewhere: imported and unsigned, all of the file or none."""
    show(on_node(folder, lambda node: node.import_contracts(file)), json, columns=LISTED)


@contracts.command("show")
def show_contract(contract: ContractName, folder: Folder = HERE, json: AsJson = False) -> None:
    """Show one clause by clause, with its signatures and duties."""
    from trustspace.cli.products import clauses

    seen = on_node(folder, lambda node: node.call("contract", contract))
    show(seen if json else seen.model_copy(update={"clauses": [], "policy": None}), json)
    if not json:
        clauses(seen.clauses)


@contracts.command()
def end(contract: ContractName, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """End a contract: tokens die, running streams are cut, the other side is told."""
    from trustspace.node.views import DecisionRequest

    show(on_node(folder, lambda node: node.call("end", contract, request=DecisionRequest(reason=reason))), json)


def uses(
    contract: Annotated[str, typer.Option(help="only those of this contract")] = "",
    offset: int = 0,
    limit: int = 100,
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """List who used what, under which contract, how often, and what was refused."""
    page = on_node(folder, lambda node: node.call("uses", contract=contract, offset=str(offset), limit=str(limit)))
    columns = ("at", "contract", "signed", "decision", "number", "purpose", "state", "reason", "use")
    show(page if json else page.results, json, columns=columns)
