"""`trustspace policy check` and `policy explain`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trustspace.cli.policy import app
from trustspace.core.errors import InvalidInput, MisusedError
from trustspace.core.policy import offer, to_odrl, use

GOOD = {"@type": "Offer", "@id": "urn:o", **to_odrl(offer(use(purpose="trip-planning", count=10)))}
BAD = {
    "permission": [{"action": "use", "constraint": [{"leftOperand": "count", "operator": "lteq", "rightOperand": "1"}]}]
}


def run(tmp_path: Path, policy: Any, *arguments: str) -> tuple[int, str]:
    file = tmp_path / "offer.json"
    file.write_text(json.dumps(policy), "utf-8")
    result = CliRunner().invoke(app, [arguments[0], str(file), *arguments[1:]])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_policy_that_can_be_kept_passes(tmp_path: Path) -> None:
    code, output = run(tmp_path, GOOD, "check")
    assert (code, "every clause is enforced" in output) == (0, True)
    assert run(tmp_path, {"@type": "ContractRequestMessage", "offer": GOOD}, "check")[0] == 0


def test_a_policy_that_cannot_is_refused_by_clause_with_the_next_step(tmp_path: Path) -> None:
    code, output = run(tmp_path, BAD, "check")
    assert code == 1
    assert output == (
        "permission[0].constraint[0].leftOperand: nobody here enforces the operand 'count' "
        "(did you mean http://www.w3.org/ns/odrl/2/count)\n"
    )
    code, output = run(tmp_path, BAD, "check", "--json")
    told = json.loads(output)
    assert (code, told["enforceable"], told["problems"][0]["path"]) == (
        1,
        False,
        "permission[0].constraint[0].leftOperand",
    )


def test_a_policy_is_explained_in_both_languages(tmp_path: Path) -> None:
    _, english = run(tmp_path, GOOD, "explain")
    assert "at most 10 uses under the contract" in english
    _, chinese = run(tmp_path, GOOD, "explain", "--language", "zh")
    assert "最多使用10次" in chinese
    _, told = run(tmp_path, GOOD, "explain", "--json")
    assert [one["enforced"] for one in json.loads(told)] == ["provider"] * 3


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"offer\.json: offer\.permission\[0\]\.action"):
        run(tmp_path, {"offer": {"permission": [{}]}}, "check")
    with pytest.raises(MisusedError, match="not a language"):
        run(tmp_path, GOOD, "explain", "--language", "fr")
    missing = CliRunner().invoke(app, ["check", str(tmp_path / "none.json")])
    assert isinstance(missing.exception, MisusedError)
