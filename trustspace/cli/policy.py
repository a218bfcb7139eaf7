"""`trustspace policy`: read a usage policy (使用策略) before anybody signs it."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustspace.cli.output import AsJson, table

if TYPE_CHECKING:
    from trustspace.core.policy import Language, Policy

app = typer.Typer(help="check and explain usage policies 使用策略", no_args_is_help=True, add_completion=False)
PolicyFile = Annotated[Path, typer.Argument(help="JSON: an ODRL policy, or a message with an `offer` or `agreement`")]
In = Annotated[str, typer.Option(help="en or zh")]


@app.command()
def check(file: PolicyFile, json: AsJson = False) -> None:
    """Say whether every clause can be kept: exit 0, or 1 with the clauses that nobody enforces."""
    from trustspace.core.policy import problems

    policy = read_policy(file)
    found = problems(policy)
    if json:
        listed = [{"path": one.path, "what": one.what, "hint": one.hint} for one in found]
        _print({"enforceable": not found, "policy": f"sha256:{policy.digest}", "problems": listed})
    elif found:
        for one in found:
            sys.stdout.write(f"{one}{f' ({one.hint})' if one.hint else ''}\n")
    else:
        sys.stdout.write(f"every clause is enforced by somebody (sha256:{policy.digest})\n")
    raise typer.Exit(1 if found else 0)


@app.command()
def explain(file: PolicyFile, language: In = "en", json: AsJson = False) -> None:
    """Show clause by clause what the policy means here, and who enforces it."""
    from trustspace.core.policy import clauses

    told = clauses(read_policy(file), language=_language(language))
    if json:
        _print([{"path": one.path, "enforced": one.enforced, "text": one.text, "who": one.who} for one in told])
    else:
        columns = (
            ("条款", "含义", "执行方") if language == "zh" else ("clause", "what it means here", "who enforces it")
        )
        table(columns, [(one.path, one.text, one.who) for one in told])


def _language(word: str) -> Language:
    from trustspace.core.errors import MisusedError

    if word == "en":
        return "en"
    if word == "zh":
        return "zh"
    raise MisusedError(f"{word!r} is not a language spoken here", where="--language", hint="en or zh")


def read_policy(file: Path) -> Policy:
    """The policy of a file; `MisusedError` where it cannot be read, `InvalidInput` where it is none (exit code 2)."""
    from trustspace.core.canon import loads_object
    from trustspace.core.errors import MisusedError
    from trustspace.core.policy import from_odrl

    try:
        data = file.read_bytes()
    except OSError as error:
        raise MisusedError(f"cannot be read: {error.strerror}", where=str(file)) from error
    members = loads_object(data, where=str(file))
    inner = next((name for name in ("offer", "agreement") if name in members), "")
    return from_odrl(members[inner] if inner else members, where=f"{file}: {inner}" if inner else "")


def _print(value: Any) -> None:
    sys.stdout.write(json_.dumps(value, ensure_ascii=False, indent=2) + "\n")
