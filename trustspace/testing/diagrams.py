"""The state diagrams and the tables of endpoints and rules of `specs/`, made from what the code runs on.

`python -m trustspace.testing.diagrams [SPECS]` writes them anew; a test holds the committed ones to it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trustspace.core import catalogue, contract, rules, transfer
from trustspace.core.identity import registration
from trustspace.core.machine import Machine
from trustspace.protocols.dsp import ENDPOINTS, SHAPES, WELL_KNOWN, Endpoint

MACHINES: Final[Mapping[str, Machine[Any, Any, Any]]] = {
    "contract-negotiation": contract.MACHINE,
    "transfer-process": transfer.MACHINE,
    "registration": registration.MACHINE,
    "catalogue-entry": catalogue.MACHINE,
}
MARK: Final = "<!-- endpoints: made by python -m trustspace.testing.diagrams -->"
RULES: Final = "<!-- rules: made by python -m trustspace.testing.diagrams -->"
_NAMES: Final = {shape.value: shape.name for shape in SHAPES}


def diagram(machine: Machine[Any, Any, Any]) -> str:
    """The page of one machine: its diagram, and its moves as a table."""
    rows = [f"| {was or '–'} | {who} | {what} | {then} |" for (was, who, what), then in machine.moves.items()]
    table = "\n".join(["| from | who | does | to |", "|---|---|---|---|", *rows])
    title = machine.name[0].upper() + machine.name[1:]
    return f"# {title}\n\n```mermaid\n{machine.mermaid()}```\n\n{table}\n"


def endpoints() -> str:
    """The endpoint table, between its marks."""
    discovery = f"| both | GET | `{WELL_KNOWN}` (below the root) | – | 200 |"
    rows = [discovery, *map(_row, ENDPOINTS)]
    head = ["| served by | method | path | message | status |", "|---|---|---|---|---|"]
    return "\n".join([MARK, "", *head, *rows, "", MARK])


def _row(row: Endpoint) -> str:
    roles = "both" if len(row.roles) > 1 else row.roles[0]
    message = f"`{_NAMES[row.message]}`" if row.message else "–"
    return f"| {roles} | {row.method} | `{row.path}` | {message} | {row.status} |"


def pages(specs: Path) -> dict[Path, str]:
    """Every page that is made from tables, by its path, as it should read."""
    made = {specs / "diagrams" / f"{name}.md": diagram(machine) for name, machine in MACHINES.items()}
    tables = {specs / "dsp.md": (MARK, endpoints()), specs / "rules.md": (RULES, possible())}
    return {**made, **{page: _between(page.read_text(), *table) for page, table in tables.items()}}


def possible() -> str:
    """What a rule can do at each event in each role, between its marks."""
    rows = [f"| {event} | {role} | {can} |" for event, role, can in rules.table()]
    return "\n".join([RULES, "", "| event | role | what can be done then |", "|---|---|---|", *rows, "", RULES])


def _between(page: str, mark: str, table: str) -> str:
    """The page with that table between its marks."""
    before, _, rest = page.partition(mark)
    return before + table + rest.partition(mark)[2]


def main(specs: str = "specs") -> None:
    """Write the pages."""
    for path, text in pages(Path(specs)).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
