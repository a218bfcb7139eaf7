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
    (tmp_path / "dsp.md").write_text(f"before\n{diagrams.MARK}\nold\n{diagrams.MARK}\nafter\n")
    diagrams.main(str(tmp_path))
    first = (tmp_path / "dsp.md").read_text()
    diagrams.main(str(tmp_path))
    assert (tmp_path / "dsp.md").read_text() == first
    assert first.startswith("before\n")
    assert first.endswith("\nafter\n")
