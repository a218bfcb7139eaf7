"""`negotiations`: what is being agreed, what waits for a person here, and deciding it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.output import HERE, AsJson, Folder, Reason, on_node, show, table

if TYPE_CHECKING:
    from trustspace.core.policy import Policy
    from trustspace.node.client import Participant
    from trustspace.node.views import NegotiationView

app = typer.Typer(help="see and decide negotiations 协商", no_args_is_help=True, add_completion=False)
Negotiation = Annotated[str, typer.Argument(help="the negotiation, as `negotiations list` names it")]
PolicyFile = Annotated[Path | None, typer.Argument(help="other terms: an ODRL file; or give them by the options")]
Terms = Annotated[str, typer.Option(help="digest of the terms that you looked at: only if they are still on the table")]
Texts = Annotated[list[str] | None, typer.Option()]
Count = Annotated[int | None, typer.Option(help="how often the contract may be used")]
Until = Annotated[str, typer.Option(help="the first instant that is too late")]
DeleteAfter = Annotated[str, typer.Option(help="how long after delivery the data is to be deleted, e.g. P30D")]
COLUMNS = ("negotiation", "role", "peer_name", "title", "state", "waits_for", "since", "contract", "signed", "reason")


@app.command("list")
def list_negotiations(
    state: str = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="only those that wait for a person here")] = False,
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """List negotiations and what each waits for."""
    show(on_node(folder, lambda node: node.negotiations(state=state, waiting=waiting)), json, columns=COLUMNS)


@app.command("show")
def show_negotiation(negotiation: Negotiation, folder: Folder = HERE, json: AsJson = False) -> None:
    """Show one: who, what, since when it waits, and what changed against the last round, clause by clause."""
    _shown(on_node(folder, lambda node: node.call("negotiation", negotiation)), json)


@app.command()
def approve(negotiation: Negotiation, terms: Terms = "", folder: Folder = HERE, json: AsJson = False) -> None:
    """Agree to, or accept, what lies on the table."""
    _shown(on_node(folder, lambda node: node.call("approve", negotiation, terms=terms)), json)


@app.command()
def counter(
    negotiation: Negotiation,
    policy: PolicyFile = None,
    purpose: Texts = None,
    count: Count = None,
    until: Until = "",
    participant: Texts = None,
    delete_after: DeleteAfter = "",
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Send other terms, of a file or of the options, in answer to those that lie on the table now."""
    terms = _terms(policy, purpose, count, until, participant, delete_after)

    async def act(node: Participant) -> NegotiationView:
        return await node.counter(negotiation, terms)

    _shown(on_node(folder, act), json)


@app.command()
def refuse(negotiation: Negotiation, reason: Reason, folder: Folder = HERE, json: AsJson = False) -> None:
    """End it, with a reason that the other side reads."""
    _shown(on_node(folder, lambda node: node.refuse(negotiation, reason)), json)


@app.command()
def offer(
    product: Annotated[str, typer.Argument(help="your product (urn:uuid:… or its code)")],
    to: Annotated[str, typer.Option(help="the participant to offer it to (did:web:…)")],
    policy: Annotated[Path | None, typer.Option(help="other terms than published: an ODRL file")] = None,
    key: Annotated[str, typer.Option(help="a name for this offer: the same again gives the same")] = "",
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Offer a product to somebody who has not asked."""
    from trustspace.cli.policy import read_policy

    terms = read_policy(policy) if policy else None
    _shown(on_node(folder, lambda node: node.propose(product, to, policy=terms, key=key)), json)


def _terms(
    file: Path | None,
    purpose: list[str] | None,
    count: int | None,
    until: str,
    participants: list[str] | None,
    delete_after: str,
) -> Policy:
    from trustspace.cli.products import policy_of
    from trustspace.core.errors import MisusedError

    options = (purpose, count, until, participants, delete_after)
    if (file is None) is not any(option not in (None, "") for option in options):
        raise MisusedError("other terms are needed: a file, or the options", where="counter", hint="not both")
    return policy_of(file, purpose, count, until, participants, delete_after)


def _shown(view: NegotiationView, as_json: bool) -> None:
    """What lies on the table, with its changes as a table."""
    show(view if as_json else view.model_copy(update={"changes": [], "policy": None}), as_json)
    if view.changes and not as_json:
        sys.stdout.write("changed against the last round:\n")
        table(("clause", "was", "is"), [(one.path, one.was or "–", one.now or "–") for one in view.changes])
