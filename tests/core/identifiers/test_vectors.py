from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trustspace.core.identifiers import (
    Algorithm,
    InvalidIdentifier,
    Profile,
    check_character,
    check_credit_code,
    check_organisation_code,
    check_resident_number,
    credit_code_check,
    explain,
    organisation_check,
    parse,
    parse_contract,
    resident_check,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "specs/vectors/identifiers.json").read_text())
SUBJECT_CHECKS: dict[str, Callable[[str], None]] = {
    "credit_codes": check_credit_code,
    "organisation_codes": check_organisation_code,
    "resident_numbers": check_resident_number,
}
OTHER_SYSTEMS = {"GB 32100": credit_code_check, "GB 11714": organisation_check, "GB 11643": resident_check}


def named(section: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", VECTORS[section], ids=lambda case: case["name"])


def refusal(check: Callable[[], object]) -> InvalidIdentifier:
    with pytest.raises(InvalidIdentifier) as caught:
        check()
    return caught.value


@named("check_characters")
def test_the_check_character_is_the_worked_one(case: dict[str, Any]) -> None:
    other = OTHER_SYSTEMS.get(case["system"])
    found = other(case["body"]) if other else check_character(case["body"], Algorithm(case["system"]))
    assert found == case["check"]


@named("identifiers")
def test_an_identifier_is_read_or_refused_with_its_reason(case: dict[str, Any]) -> None:
    profile = Profile(check=Algorithm(case["algorithm"]))
    answer = explain(case["input"], profile=profile)
    if case["valid"]:
        found = parse(case["input"], profile=profile)
        fields = ("subject", "place", "serial", "check", "extension")
        assert {"kind": found.kind.word} | {field: getattr(found, field) for field in fields} == case["expected"]
        assert found.text == str(found) == case["input"]
        assert (answer.valid, answer.form, answer.reason) == (True, found.kind.word, "")
    else:
        error = refusal(lambda: parse(case["input"], profile=profile))
        assert (error.reason, error.position) == (case["reason"], case["position"])
        assert not answer.valid
        assert answer.reason_code in (error.reason, "unknown")


@named("contract_identifiers")
def test_a_contract_identifier_is_read_or_refused_with_its_reason(case: dict[str, Any]) -> None:
    profile = Profile(check=Algorithm(case["algorithm"]))
    answer = explain(case["input"], profile=profile)
    assert answer.valid is case["valid"]
    if case["valid"]:
        found = parse_contract(case["input"], profile=profile)
        assert {field: getattr(found, field) for field in case["expected"]} == case["expected"]
        assert found.text == str(found) == case["input"]
        assert answer.form == "contract"
    else:
        error = refusal(lambda: parse_contract(case["input"], profile=profile))
        assert (error.reason, error.position) == (case["reason"], case["position"])


@pytest.mark.parametrize(
    ("section", "case"),
    [pytest.param(section, case, id=case["name"]) for section in SUBJECT_CHECKS for case in VECTORS[section]],
)
def test_a_subject_code_passes_or_is_refused_with_its_reason(section: str, case: dict[str, Any]) -> None:
    check = SUBJECT_CHECKS[section]
    if case["valid"]:
        check(case["input"])
        assert explain(case["input"]).valid
    else:
        error = refusal(lambda: check(case["input"]))
        assert (error.reason, error.position) == (case["reason"], case["position"])
        assert not explain(case["input"]).valid


@named("alternates")
def test_an_alternate_is_recognised_by_its_form(case: dict[str, Any]) -> None:
    answer = explain(case["input"])
    known = case["form"] != "unknown"
    assert (answer.form, answer.valid, answer.alternates) == (case["form"], known, (case["form"],) if known else ())
