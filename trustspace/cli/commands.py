"""Which commands there are, as a table: `--help` is written from it; a module is loaded when its command is run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

COMMANDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "demo": (
        "demo",
        "demo",
        "Show the main job: register, publish, negotiate, sign, exchange, refuse, prove. Nothing needs to be prepared.",
    ),
    "init": (
        "nodes",
        "init",
        "Make a node: its folder with settings, keys and database. First trust is by the fingerprint.",
    ),
    "serve": ("nodes", "serve", "Run the node of a folder until it is told to stop."),
    "status": (
        "nodes",
        "status",
        "Show what runs, who waits for what, what expires, how deep the outbox is.",
    ),
    "register": (
        "nodes",
        "register",
        "Apply to the functional node; ask again how it stands; fetch the certificates once approved.",
    ),
    "renew": ("nodes", "renew", "Renew the certificates now; running connections go on."),
    "publish": (
        "products",
        "publish",
        "Publish a file as a data product under a usage policy; with --update its new version, or who may see it.",
    ),
    "withdraw": ("products", "withdraw", "Take a product off the market; running contracts go on."),
    "search": ("products", "search", "Search the functional node's catalogue."),
    "show": (
        "products",
        "show_offer",
        "Read an offer clause by clause: what each means here and who enforces it.",
    ),
    "offers": ("products", "offers", "List what a participant offers this node, read from its own catalogue."),
    "negotiate": (
        "products",
        "negotiate",
        "Negotiate an offer to a contract that both sides sign, or to an explained refusal.",
    ),
    "get": ("products", "get", "Use a contract once: fetch the data, verified, counted and receipted."),
    "uses": ("contracts", "uses", "List who used what, under which contract, how often, and what was refused."),
    "negotiations": ("negotiations", "app", "see and decide negotiations 协商"),
    "contracts": ("contracts", "contracts", "see and end contracts 数字合约"),
    "transfers": ("transfers", "app", "see and lead transfers 数据传输"),
    "evidence": ("evidence", "app", "export, verify, and read the log 存证"),
    "registry": ("registry", "app", "review identities at a functional node 身份登记审核"),
    "catalogue": ("catalogue", "app", "review product entries at a functional node 目录审核"),
    "policy": ("policy", "app", "check and explain usage policies 使用策略"),
    "id": ("id", "app", "Check and explain identifiers (标识码), and make some for tests."),
    "conformance": ("conformance", "app", "run public conformance kits 一致性测试"),
    "bench": ("bench", "app", "figures of this machine, with its raw limits beside them"),
}
"""Name: the module below `trustspace.cli`, the function or sub-app in it, and its help as `--help` shows it."""


class Commands(TyperGroup):
    """The group of the table's commands; each is a name and a text until it is run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- the signature of click
        """All, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 -- the signature of click
        """Enough of a command to be listed."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][2]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run, loaded."""
        if args[0] in COMMANDS:
            return args[0], load(args[0]), args[1:]
        return super().resolve_command(ctx, args)


def load(name: str) -> Any:
    """The command of that name, with its options."""
    module, attribute, _ = COMMANDS[name]
    found = getattr(import_module(f"trustspace.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        found = alone
    command = get_command(found)
    command.name = name
    return command
