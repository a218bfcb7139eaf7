from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.core.evidence.world import NOW, ROOTS, material, members_of, seal, story, zipped
from trustspace.cli.evidence_verify import read_roots, verify_files
from trustspace.core.errors import MisusedError
from trustspace.core.evidence.layout import to_pem

PACK = seal(material(story()))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    altered = zipped(members_of(PACK) | {"agreement.json": b"{}"})
    contents = {"good": PACK, "altered": altered, "roots": to_pem(ROOTS[0]) * 2, "text": b"hello"}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in (*contents, "missing")}


def run(files: list[Path], trust: Path | None, as_json: bool = False) -> tuple[int, str]:
    out = io.StringIO()
    return verify_files(files, trust, as_json, out, now=NOW), out.getvalue()


def test_good_packs_are_done(files: dict[str, Path]) -> None:
    code, text = run([files["good"], files["good"]], files["roots"])
    assert code == 0
    assert text.count("verified 已核验") == 2


def test_one_refused_pack_is_enough(files: dict[str, Path]) -> None:
    code, text = run([files["good"], files["altered"]], files["roots"])
    assert code == 1
    assert f"{files['altered']}: refused: agreement.json: altered since the pack was sealed" in text
    assert "verified" in text


def test_without_roots_the_signers_are_unknown(files: dict[str, Path]) -> None:
    code, text = run([files["good"]], None)
    assert code == 1
    assert "consistent, signers unknown" in text


@pytest.mark.parametrize("name", ["missing", "text"])
def test_roots_that_cannot_be_read_are_a_mistake(files: dict[str, Path], name: str) -> None:
    code, text = run([files["good"]], files[name])
    assert code == 2
    assert text.count("\n") == 1
    assert name in text
    with pytest.raises(MisusedError):
        read_roots(files[name])


def test_a_missing_or_endless_file_is_a_mistake(files: dict[str, Path], tmp_path: Path) -> None:
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(100 << 20)
    code, text = run([files["altered"], files["missing"], tmp_path / "endless", tmp_path], files["roots"])
    assert code == 2
    assert f"{files['missing']}: cannot be read: No such file" in text
    assert "no evidence pack" in text
    assert "refused: agreement.json" in text


def test_no_file_is_a_mistake(files: dict[str, Path]) -> None:
    assert run([], files["roots"])[0] == 2


def test_machines_get_json(files: dict[str, Path]) -> None:
    code, text = run([files["good"], files["altered"], files["missing"]], files["roots"], as_json=True)
    good, altered, missing = json.loads(text)
    assert code == 2
    assert (good["verified"], good["signatures"], good["denials"]) == (True, 2, 2)
    assert (altered["verified"], altered["member"]) == (False, "agreement.json")
    assert "cannot be read" in missing["reason"]
    assert json.loads(run([files["good"]], files["missing"], as_json=True)[1])[0]["verified"] is False
