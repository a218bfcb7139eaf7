"""Rules where people write them: in settings.toml, beside it, and in Python."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.node.spaces import make_node
from trustspace.core.errors import InvalidInput, TrustspaceError
from trustspace.core.policy import offer, to_odrl, use
from trustspace.node.connector import Connector
from trustspace.node.settings import FILE, read, settings_from, with_rules, write

BASE = 'kind = "connector"\npublic_url = "https://bus.example"\n'
COUNTER: dict[str, Any] = {"on": ["requested"], "then": "counter", "policy": to_odrl(offer(use(count=3)))}


def written(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(BASE + text, encoding="utf-8")
    return folder


def test_rules_are_tables_and_their_terms_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "terms.json").write_text('{"permission": [{"action": "use"}]}')
    text = '[[rules]]\non = "requested"\nthen = "counter"\npolicy = "terms.json"\nafter = "PT1M"\n'
    [rule] = read(written(tmp_path, text)).rulebook
    assert rule.policy == offer(use())
    assert rule.after.total_seconds() == 60


def test_rules_are_written_as_they_are_read(tmp_path: Path) -> None:
    hold = {"on": "agreed", "then": "hold", "signed": False, "round": 1, "after": 0.5, "reason": '"who" is it?'}
    settings = settings_from(kind="connector", public_url="https://bus.example", rules=(COUNTER, hold))
    write(tmp_path, settings)
    assert read(tmp_path) == settings


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[[rules]]\non = "requested"\nthen = "obey"\n', "rules[0].then"),
        ('[[rules]]\non = "offered"\nthen = "accept"\n[[rules]]\non = "offered"\n', "rules[1].then"),
        ('[[rules]]\non = "requested"\nthen = "offer"\npolicy = "none.json"\n', "rules[0].policy"),
        ('[[rules]]\non = "requested"\nthen = "terminate"\nafter = "P7D"\n', "rules[0].after"),
        ("rules = [5]\n", "rules"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_rule(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(written(tmp_path, text))
    assert f"{tmp_path / FILE}" in str(caught.value)
    assert where in str(caught.value)


def test_rules_of_a_program_come_before_those_of_the_file() -> None:
    settings = settings_from(kind="connector", public_url="https://bus.example", rules=(COUNTER,))
    mine = {"on": "requested", "then": "hold"}
    assert [rule.then for rule in with_rules(settings, [mine]).rulebook] == ["hold", "counter"]
    assert with_rules(settings, ()) is settings
    with pytest.raises(InvalidInput, match="missing"):
        with_rules(settings, [{"on": "requested"}])


def test_a_program_brings_no_rules_to_a_folder_that_another_runs(tmp_path: Path) -> None:
    async def go() -> None:
        await make_node(tmp_path / "node", "http://127.0.0.1:1")
        async with Connector.open(tmp_path / "node", public=False):
            with pytest.raises(TrustspaceError, match="by its own rules"):
                async with Connector.open(tmp_path / "node", rules=[{"on": "requested", "then": "hold"}]):
                    raise AssertionError

    asyncio.run(go())
