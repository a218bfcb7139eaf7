"""`publish`, `withdraw`, `search`, `show`, `negotiate`, `get`: from a file at one company to a file at another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trustspace.cli.output import HERE, AsJson, Folder, bar, on_node, one_line, show, table

if TYPE_CHECKING:
    from trustspace.core.policy import Policy
    from trustspace.node import views
    from trustspace.node.client import Participant

Code = Annotated[str, typer.Argument(help="the product's 32-character identifier")]
Words = Annotated[list[str] | None, typer.Option("--keyword")]
Texts = Annotated[list[str] | None, typer.Option()]
Visible = Annotated[
    list[str] | None,
    typer.Option(
        help="whom the offer is for, again for each: members, region:35, region:3501, industry:0054, a DID,"
        " an identifier, a 统一社会信用代码, or everyone; for others there is no such product"
    ),
]
Signatures = Annotated[str, typer.Option(help="required or optional: whether both must sign; else as the settings say")]
Key = Annotated[str, typer.Option(help="a name for this wish: the same again gives the same, whatever happened")]


def publish(
    file: Annotated[Path | None, typer.Argument(help="the file to publish")] = None,
    title: Annotated[str, typer.Option(help="数据产品名称")] = "",
    description: str = "",
    keyword: Words = None,
    industry: str = "",
    topic: str = "",
    policy: Annotated[Path | None, typer.Option(help="an ODRL offer in a JSON file")] = None,
    purpose: Texts = None,
    count: Annotated[int | None, typer.Option(help="how often each contract may use it")] = None,
    until: Annotated[str, typer.Option(help="the first instant that is too late")] = "",
    participant: Texts = None,
    delete_after: Annotated[
        str, typer.Option(help="how long after delivery the data is to be deleted, e.g. P30D")
    ] = "",
    manual: Annotated[bool, typer.Option("--manual", help="each negotiation waits for a person")] = False,
    dataset: Annotated[str, typer.Option(help="the id that others know it by already; default: a new one")] = "",
    offer_id: Annotated[str, typer.Option(help="the id of its offer, where it has one already")] = "",
    visible_to: Visible = None,
    signatures: Signatures = "",
    update: Annotated[str, typer.Option(help="a new version of this product of yours (urn:uuid:…)")] = "",
    key: Key = "",
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Publish a file as a data product under a usage policy; with --update its new version, or who may see it."""
    given = {name for name, value in locals().items() if value}
    _check_given(given)
    if update:
        show(on_node(folder, lambda node: node.update(update, file, visible_to=visible_to)), json)
        return
    from trustspace.node.client import DataProduct

    terms, signing = policy_of(policy, purpose, count, until, participant, delete_after), _choice(signatures)
    product = DataProduct(
        title=title,
        files=[file] if file else [],
        description=description,
        keywords=keyword or (),
        industry=industry,
        topic=topic,
        dataset=dataset,
        offer_id=offer_id,
    )
    about: dict[str, Any] = {"key": key, "approval": "manual" if manual else "automatic"}
    about |= {"visible_to": visible_to or (), "signatures": signing}
    show(on_node(folder, lambda node: node.publish(product, terms, **about)), json)


UPDATED: Final = frozenset({"update", "file", "visible_to", "folder", "json"})
"""What may be given with --update: anything else would be passed over in silence."""


def _check_given(given: set[str]) -> None:
    """Hold the options of `publish`, by name, against each other; raises `MisusedError`."""
    from trustspace.core.errors import MisusedError

    if "update" in given and (surplus := sorted(given - UPDATED)):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in surplus)
        hint = "withdraw the product and publish it anew under other terms; what was agreed stands"
        raise MisusedError("an update changes the file and who may see it, nothing else", where=names, hint=hint)
    if not given & {"title", "update"}:
        raise MisusedError("a product needs a title", where="--title")
    if "file" not in given and not {"update", "visible_to"} <= given:
        raise MisusedError("a product needs a file", where="FILE")


def _choice(text: str) -> views.Signatures:
    from trustspace.core.errors import MisusedError

    if text not in ("", "required", "optional"):
        raise MisusedError(f"{text!r} is neither required nor optional", where="--signatures")
    return "required" if text == "required" else "optional" if text else ""


def policy_of(
    file: Path | None,
    purpose: list[str] | None,
    count: int | None,
    until: str,
    participants: list[str] | None,
    delete_after: str,
) -> Policy:
    """The policy of a file, or else of the options."""
    from trustspace.cli.policy import read_policy
    from trustspace.core.policy import offer, use

    if file is not None:
        return read_policy(file)
    rule = use(purpose=purpose or None, count=count, until=until or None, participants=participants or ())
    return offer(rule, delete_after=delete_after or None)


def withdraw(
    product: Annotated[str, typer.Argument(help="your product (urn:uuid:…)")],
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Take a product off the market; running contracts go on."""
    show(on_node(folder, lambda node: node.call("withdraw", product)), json)


def search(
    text: Annotated[list[str] | None, typer.Argument(help="words, all of which must match: 公交 时刻表")] = None,
    offset: int = 0,
    limit: int = 20,
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Search the functional node's catalogue."""
    page = on_node(folder, lambda node: node.search_page(" ".join(text or ()), offset=offset, limit=limit))
    if json:
        show(page, json)
        return
    show(page.results, json, columns=("code", "title", "owner_name", "owner_signs", "state"))
    sys.stderr.write(f"{offset + 1 if page.results else 0}-{offset + len(page.results)} of {page.total}\n")


def show_offer(code: Code, folder: Folder = HERE, json: AsJson = False) -> None:
    """Read an offer clause by clause: what each means here and who enforces it."""
    offer = on_node(folder, lambda node: node.show(code))
    if json:
        show(offer, json)
    else:
        head = (offer.title, f"{offer.provider_name} {offer.provider_identifier}")
        sys.stdout.write("".join(f"{one_line(text)}\n" for text in head))
        sys.stdout.write(f"{_signing(offer)}\n")
        clauses(offer.clauses)
    if not offer.acceptable:
        sys.stderr.write(f"not acceptable: {one_line(offer.reason)}\n")
        raise typer.Exit(1)


def _signing(offer: views.OfferView) -> str:
    """What is known of the signatures under a contract to come."""
    asked = ", and asks for them" if offer.signatures == "required" else ""
    if offer.provider_signs:
        return f"the provider signs contracts{asked} 签署合约"
    return f"the provider is not known to sign contracts{asked}: one with it may stay unsigned 未签名"


def clauses(given: list[views.ClauseView]) -> None:
    """Print the clauses of a policy, English with Chinese beside."""
    table(("clause", "means", "含义", "enforced by"), [[c.path, c.text, c.text_zh, c.enforced_by] for c in given])


def offers(
    participant: Annotated[str, typer.Argument(help="its participant id (did:web:…) or 32-character identifier")],
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """List what a participant offers this node, read from its own catalogue."""
    found = on_node(folder, lambda node: node.offers(participant))
    show(found, json, columns=("code", "title", "dataset", "size", "acceptable"))


def negotiate(
    code: Annotated[str, typer.Argument(help="the product's 32-character identifier")] = "",
    connector: Annotated[str, typer.Option(help="a connector's address instead, on an open test network")] = "",
    dataset: Annotated[str, typer.Option(help="the dataset's id there")] = "",
    policy: Annotated[Path | None, typer.Option(help="other terms than offered: an ODRL file")] = None,
    wait: float = 30.0,
    signatures: Signatures = "",
    key: Key = "",
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Negotiate an offer to a contract that both sides sign, or to an explained refusal."""
    from trustspace.cli.policy import read_policy
    from trustspace.core.errors import MisusedError
    from trustspace.node.client import DatasetAt

    if bool(code) is bool(connector and dataset):
        raise MisusedError("give a product's code, or --connector and --dataset", where="negotiate")
    found = code or DatasetAt(connector, dataset)
    terms = read_policy(policy) if policy else None
    demand = _choice(signatures)
    asked = on_node(folder, lambda node: node.negotiate(found, key=key, wait=wait, policy=terms, signatures=demand))
    show(asked, json)


def get(
    contract: Annotated[str, typer.Argument(help="the contract (urn:uuid:…)")],
    purpose: Annotated[str, typer.Option(help="what for; the provider checks and records it")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="a file, or a folder")] = HERE,
    key: Key = "",
    folder: Folder = HERE,
    json: AsJson = False,
) -> None:
    """Use a contract once: fetch the data, verified, counted and receipted."""
    from trustspace.node.getting import fetch

    with bar(shown=not json and sys.stderr.isatty()) as progress:

        async def act(node: Participant) -> views.UseView:
            return await fetch(node, contract, purpose, output, key=key, progress=progress)

        got = on_node(folder, act)
    show(got, json)


COMMANDS = (publish, withdraw, search, show_offer, offers, negotiate, get)
