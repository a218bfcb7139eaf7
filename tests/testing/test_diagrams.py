"""The diagrams in `specs/` are those of the tables that the code runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustspace.testing import diagrams

SPECS = Path(__file__).parents[2] / "specs"


def test_the_committed_pages_are_what_the_tables_say() -> None:
    stale = [path.name for path, text in diagrams.pages(SPECS).items() if path.read_text() != text]
    assert stale == [], "run: python -m trustspace.testing.diagrams"


@pytest.mark.parametrize("name", sorted(diagrams.MACHINES))
def test_a_diagram_has_a_line_for_every_move_and_end(name: str) -> None:
    machine = diagrams.MACHINES[name]
    text = diagrams.diagram(machine)
    assert text.count("-->") == len(machine.moves) + text.count("--> [*]")
    assert "--> [*]" in text


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    marks = {"dsp.md": diagrams.MARK, "rules.md": diagrams.RULES}
    for page, mark in marks.items():
        (tmp_path / page).write_text(f"before\n{mark}\nold\n{mark}\nafter\n")
    diagrams.main(str(tmp_path))
    first = {page: (tmp_path / page).read_text() for page in marks}
    diagrams.main(str(tmp_path))
    for page, text in first.items():
        assert (tmp_path / page).read_text() == text
        assert text.startswith("before\n")
        assert text.endswith("\nafter\n")
        assert "\nold\n" not in text
