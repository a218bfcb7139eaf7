"""`init`, `serve`, `status`, `register`, `renew`: a node's life."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.output import HERE, AsJson, Folder, on_node, one_line, print_json, show

if TYPE_CHECKING:
    from trustspace.node.views import StuckView


def init(
    folder: Annotated[Path, typer.Argument(help="the folder to make")],
    public_url: Annotated[str, typer.Option(help="what others call this node, e.g. https://bus.example:8443")],
    functional: Annotated[bool, typer.Option("--functional", help="a functional node 区域/行业功能节点")] = False,
    node: Annotated[str, typer.Option(help="a connector: the address of its functional node")] = "",
    fingerprint: Annotated[str, typer.Option(help="SHA-256 of that node's root certificate, learned another way")] = "",
    name: Annotated[str, typer.Option(help="the organisation's name")] = "",
    credit_code: Annotated[str, typer.Option(help="统一社会信用代码")] = "",
    place: Annotated[str, typer.Option(help="a functional node's region (3501) or industry (0054)")] = "3501",
    bind: Annotated[str, typer.Option(help="address of the public listener; default: that of --public-url")] = "",
    management: Annotated[str, typer.Option(help="address of the management listener")] = "127.0.0.1:0",
    open_test_network: Annotated[
        bool, typer.Option("--open-test-network", help="no functional node: whoever comes is believed; for tests only")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make a node: its folder with settings, keys and database. First trust is by the fingerprint."""
    import asyncio

    from trustspace.node.folder import initialise
    from trustspace.node.settings import OPEN, OPEN_WARNING, FunctionalNodeSettings, Settings, settings_from

    settings: Settings = settings_from(
        kind="functional" if functional else "connector",
        name=name,
        credit_code=credit_code,
        place=place,
        public_url=public_url,
        public_bind=bind,
        management_bind=management,
        functional_node=FunctionalNodeSettings(url=node, fingerprint=fingerprint),
        identity=OPEN if open_test_network else "registered",
    )
    if settings.open:
        sys.stderr.write(f"WARNING: {OPEN_WARNING}\n")
    told = asyncio.run(initialise(folder, settings))
    if json:
        print_json({"folder": str(folder), "kind": settings.kind, **dict(line.split() for line in told[1:])})
        return
    for line in told:
        sys.stdout.write(line + "\n")


def serve(folder: Annotated[Path, typer.Argument(help="the node's folder")] = HERE) -> None:
    """Run the node of a folder until it is told to stop."""
    from trustspace.node.running import serve_forever

    serve_forever(folder)


def status(folder: Folder = HERE, json: AsJson = False) -> None:
    """Show what runs, who waits for what, what expires, how deep the outbox is."""
    seen = on_node(folder, lambda node: node.status())
    show(seen if json else seen.model_copy(update={"stuck": []}), json)
    for one in () if json else seen.stuck:
        sys.stdout.write("waits            " + one_line(_waits(one)) + "\n")


def _waits(one: StuckView) -> str:
    """One that waits, as a sentence."""
    told = f"{one.what} ({one.process}) waits for {one.waits_for}"
    told += f" ({one.decide})" if one.decide else ""
    told += f" since {one.since.isoformat(timespec='seconds')}"
    if one.until is not None:
        told += f"; at {one.until.isoformat(timespec='seconds')} {one.then}"
    return f"{told}; tried {one.attempts} times: {one.error}" if one.attempts else told


def register(
    name: Annotated[
        str, typer.Option(help="the organisation's registered name 企业名称; default: as in the settings")
    ] = "",
    credit_code: Annotated[str, typer.Option(help="统一社会信用代码; default: as in the settings")] = "",
    contact: str = "",
    address: str = "",
    wait: Annotated[float, typer.Option(help="seconds to wait for the review")] = 0.0,
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Apply to the functional node; ask again how it stands; fetch the certificates once approved."""
    from trustspace.node.client import Participant
    from trustspace.node.registering import register_and_wait
    from trustspace.node.views import RegistrationView

    async def act(node: Participant) -> RegistrationView:
        return await register_and_wait(node, name, credit_code, contact=contact, address=address, wait=wait)

    seen = on_node(folder, act)
    show(seen, json)
    if seen.state in {"returned", "revoked"}:
        raise typer.Exit(1)


def renew(folder: Folder = HERE, json: AsJson = False) -> None:
    """Renew the certificates now; running connections go on."""
    show(on_node(folder, lambda node: node.call("renew")), json)
