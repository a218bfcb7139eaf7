from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from trustspace.cli.commands import COMMANDS, load


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_of_each_command_what_the_command_says_of_itself(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert inspect.cleandoc(command.help or "").splitlines()[0] == COMMANDS[name][2]


def test_help_lists_every_command() -> None:
    told = subprocess.run([sys.executable, "-m", "trustspace", "--help"], capture_output=True, text=True, check=True)
    assert all(name in told.stdout for name in COMMANDS)


def test_a_misspelt_command_is_one_line_and_exit_2() -> None:
    told = subprocess.run([sys.executable, "-m", "trustspace", "publsh"], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert len(told.stderr.splitlines()) == 1
    assert "publsh" in told.stderr
