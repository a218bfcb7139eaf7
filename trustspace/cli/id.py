"""`trustspace id check|make`: what a code is, part by part, and new codes for trying things out."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trustspace.core.identifiers import Explanation, Kind, Profile

app = typer.Typer(
    help="Check and explain identifiers (标识码), and make some for tests.", no_args_is_help=True, add_completion=False
)

_ALGORITHMS = {"37,36": "MOD 37,36", "37-2": "MOD 37-2"}
_KINDS = "national-node|regional-node|industry-node|business-node|connector|product|resource"

AlgorithmOption = Annotated[str, typer.Option(help="The check in force: '37,36' (deployed codes) or '37-2' (draft).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    code: Annotated[str, typer.Argument(help="An identifier, contract identifier, credit code or alternate.")],
    as_json: JsonOption = False,
    algorithm: AlgorithmOption = "37,36",
    loose: Annotated[bool, typer.Option(help="Accept · and . in place of •.")] = False,
) -> None:
    """Say what a code is, part by part. Exit 0 where it is valid, 1 with the reason where not."""
    from trustspace.core.identifiers import explain

    answer = explain(code, profile=_profile(algorithm, loose=loose))
    if as_json:
        typer.echo(json.dumps(answer.as_json(), ensure_ascii=False))
    else:
        _print(answer)
    raise typer.Exit(0 if answer.valid else 1)


@app.command()
def make(
    kind: Annotated[str, typer.Argument(help=f"{_KINDS}, or its digit 1 to 7.")],
    subject: Annotated[str, typer.Option(help="The owner's 18-character credit code (统一社会信用代码).")],
    place: Annotated[str, typer.Option(help="Region, as 3501, or industry, as 0054, of the assigning node.")],
    serial: Annotated[str, typer.Option(help="Eight digits or upper-case letters; random where left out.")] = "",
    extension: Annotated[str, typer.Option(help="What follows •, for products and resources.")] = "",
    as_json: JsonOption = False,
    algorithm: AlgorithmOption = "37,36",
) -> None:
    """Make an identifier for tests. Exit 1 with the reason where a part is wrong."""
    from trustspace.core.identifiers import InvalidIdentifier, explain
    from trustspace.core.identifiers import make as assign

    profile, chosen = _profile(algorithm), _kind(kind)
    try:
        made = assign(
            chosen,
            subject=subject,
            place=place,
            serial=serial or _random_serial(chosen, subject, place, profile),
            extension=extension,
            profile=profile,
        )
    except InvalidIdentifier as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    answer = explain(made.text, profile=profile).as_json()
    typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else made.text)
    typer.echo("note: identifiers for production are assigned by a functional node (区域/行业功能节点).", err=True)


def _profile(algorithm: str, *, loose: bool = False) -> Profile:
    """The profile in force; a name that is none is a misuse (exit 2)."""
    from trustspace.core.identifiers import Algorithm, Profile

    name = _ALGORITHMS.get(algorithm.upper().removeprefix("MOD").strip())
    if name is None:
        raise typer.BadParameter(f"{algorithm!r} is not '37,36' or '37-2'", param_hint="--algorithm")
    return Profile(check=Algorithm(name), separators="•·." if loose else "•")


def _kind(word: str) -> Kind:
    from trustspace.core.identifiers import Kind

    for kind in Kind:
        if word in (kind, kind.word, kind.chinese):
            return kind
    raise typer.BadParameter(f"{word!r} is none of {_KINDS}", param_hint="KIND")


def _random_serial(kind: Kind, subject: str, place: str, profile: Profile) -> str:
    """Eight random characters; drawn again where the check would be the `*` that is never assigned."""
    from trustspace.core.identifiers import ALPHANUMERIC, STAR, check_character

    while True:
        serial = "".join(secrets.choice(ALPHANUMERIC) for _ in range(8))
        if set(subject + place) - set(ALPHANUMERIC):
            return serial  # the parts are wrong: `make` will say where
        if check_character(f"{kind}{subject}{place}{serial}", profile.check) != STAR:
            return serial


def _print(answer: Explanation) -> None:
    text = answer.text if answer.text.isprintable() else repr(answer.text)
    typer.echo(f"{text}\n  {answer.what}  {answer.chinese}")
    for part in answer.parts:
        meaning = "  ".join(filter(None, (part.meaning, part.meaning_chinese)))
        value = part.value if part.value.isprintable() else repr(part.value)
        typer.echo(f"  {part.first:>2}–{part.last:<2}  {value:<18}  {part.name} {part.chinese}: {meaning}".rstrip(": "))
    for note in answer.diagnostics:
        typer.echo(f"  note: {note}")
    verdict = "well-formed 格式符合" if answer.form in answer.alternates else "valid 有效"
    typer.echo(verdict if answer.valid else f"not valid 无效: {answer.reason}")
