from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from trustspace.cli.id import app
from trustspace.core.identifiers import DRAFT, parse

CONNECTOR = "591350100M000100Y4335017K2M9Q4TS"
SUBJECT = "91350100M000100Y43"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_check_prints_each_part_in_both_languages_and_exits_0() -> None:
    result = run("check", CONNECTOR)
    assert result.exit_code == 0
    for said in ("接入连接器", "connector", SUBJECT, "福建省", "fits MOD 37,36", "valid 有效"):
        assert said in result.stdout


def test_check_exits_1_with_the_reason_on_one_line() -> None:
    result = run("check", CONNECTOR[:-1] + "1")
    assert result.exit_code == 1
    last = result.stdout.splitlines()[-1]
    assert "not valid" in last
    assert "position 32" in last
    assert run("check", CONNECTOR[:-1] + "1", "--algorithm", "MOD 37-2").exit_code == 0


def test_check_prints_json() -> None:
    result = run("check", CONNECTOR + "•1", "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["valid"], answer["reason_code"], answer["form"]) == (
        1,
        False,
        "extension",
        "connector",
    )


def test_check_takes_other_separators_by_option_and_shows_no_control_characters() -> None:
    assert run("check", "791350100M000100Y433501BUS00001X·12", "--loose").exit_code == 0
    assert "\x1b[31m" not in run("check", "\x1b[31m" + CONNECTOR[5:]).stdout
    assert "well-formed" in run("check", "86.1000/feed").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("check",),
        ("check", CONNECTOR, "--algorithm", "97"),
        ("make", "bus", "--subject", SUBJECT, "--place", "3501"),
    ],
)
def test_wrong_use_exits_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_make_draws_a_serial_and_says_who_assigns_in_production() -> None:
    made = run("make", "connector", "--subject", SUBJECT, "--place", "0054")
    assert made.exit_code == 0
    assert parse(made.stdout.strip()).place == "0054"
    assert "functional node" in made.stderr
    again = run("make", "接入连接器", "--subject", SUBJECT, "--place", "0054", "--algorithm", "37-2", "--json")
    assert parse(json.loads(again.stdout)["text"], profile=DRAFT).subject == SUBJECT


def test_make_takes_a_serial_and_refuses_wrong_parts_with_exit_1() -> None:
    given = run("make", "5", "--subject", SUBJECT, "--place", "3501", "--serial", "7K2M9Q4T")
    assert given.stdout.strip() == CONNECTOR
    for arguments in (
        ("--subject", SUBJECT, "--place", "9901"),
        ("--subject", SUBJECT.lower(), "--place", "3501"),
        ("--subject", SUBJECT, "--place", "3501", "--serial", "00000199", "--algorithm", "37-2"),
    ):
        refused = run("make", "connector", *arguments)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith("error: ")
