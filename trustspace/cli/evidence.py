"""`trustspace evidence`: export a contract's evidence, verify packs without any node, look at the log (存证)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.output import HERE, AsJson, Folder, on_node, print_json, show

if TYPE_CHECKING:
    from trustspace.node.client import Participant

app = typer.Typer(help="export, verify, and read the log 存证", no_args_is_help=True, add_completion=False)


@app.command()
def export(
    contract: Annotated[str, typer.Argument(help="the contract (urn:uuid:…)")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the file to write")] = Path("contract.asice"),
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Write the evidence pack of a contract."""

    async def act(node: Participant) -> Path:
        return await node.evidence(contract).export(output)

    written = on_node(folder, act)
    if json:
        print_json({"contract": contract, "file": str(written), "bytes": written.stat().st_size})
    else:
        sys.stdout.write(f"{written}\n")


@app.command()
def verify(
    files: Annotated[list[Path], typer.Argument(help="evidence packs")],
    trust: Annotated[Path | None, typer.Option(help="root certificates, PEM")] = None,
    json: AsJson = False,
) -> None:
    """Verify evidence packs against root certificates; no node is needed. Without roots: consistent at most, exit 1."""
    from trustspace.cli.evidence_verify import verify_files

    raise typer.Exit(verify_files(files, trust, json, sys.stdout))


@app.command()
def log(
    entries: Annotated[bool, typer.Option("--entries", help="list the entries")] = False,
    subject: Annotated[str, typer.Option(help="only those about a contract or process")] = "",
    check: Annotated[
        bool, typer.Option("--check", help="first compare each peer's log with what was last seen of it")
    ] = False,
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Show the log: size, root, signed checkpoint, and what was seen of the logs of others."""
    if check:
        on_node(folder, lambda node: node.call("check_logs"))
    if entries:
        page = on_node(folder, lambda node: node.call("log_entries", subject=subject, limit="1000"))
        show(page if json else page.results, json, columns=("index", "time", "kind", "subjects"))
        return
    seen = on_node(folder, lambda node: node.call("log"))
    show(seen, json)
    if not all(peer.consistent for peer in seen.peers):
        raise typer.Exit(1)
