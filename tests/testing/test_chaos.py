"""The books after kill -9, and that the check of them finds what is wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.services.spaces import Space, space
from trustspace.core.contract import State
from trustspace.testing.chaos.books import Books, Told, check, read_books
from trustspace.testing.world import Node

Wrong = Callable[[Books, Books], tuple[Books, Books]]


async def ask(s: Space, key: str) -> Told:
    mine, _ = await s.both(await s.negotiation(key))
    assert mine.agreed is not None
    return Told(key, mine.key, str(mine.state), mine.agreed.id)


async def shown(node: Node) -> tuple[int, str]:
    view = await node.call("log")
    return view.size, view.root


async def books_of(s: Space) -> tuple[Books, Books]:
    for node in (s.planner, s.bus):
        await node.stop()
    return await read_books(s.planner.folder.path), await read_books(s.bus.folder.path)


@pytest.mark.anyio
async def test_what_was_said_is_in_the_books_and_what_is_wrong_in_them_is_found() -> None:
    async with space(storage="sqlite") as s:
        told = [await ask(s, "a"), await ask(s, "b"), await ask(s, "a")]
        logs = {"consumer": [await shown(s.planner)], "provider": [await shown(s.bus)]}
        consumer, provider = await books_of(s)
    verdict = check(told, logs, consumer, provider)
    assert verdict.good, verdict
    assert verdict.line() == "acknowledged 2, lost 0, duplicated 0, divergent 0"
    for name, wrong in WRONGS.items():
        found = check(told, logs, *wrong(consumer, provider))
        assert getattr(found, name.split()[0]), name
        assert not found.good


def without_negotiation(consumer: Books, provider: Books) -> tuple[Books, Books]:
    return replace(consumer, negotiations=dict([*consumer.negotiations.items()][1:])), provider


def without_contract(consumer: Books, provider: Books) -> tuple[Books, Books]:
    return consumer, replace(provider, contracts=dict([*provider.contracts.items()][1:]))


def cut_log(consumer: Books, provider: Books) -> tuple[Books, Books]:
    return consumer, replace(provider, leaves=provider.leaves[:-1])


def other_log(consumer: Books, provider: Books) -> tuple[Books, Books]:
    return replace(consumer, leaves=[consumer.leaves[-1], *consumer.leaves[1:]]), provider


def again(consumer: Books, provider: Books) -> tuple[Books, Books]:
    first = next(iter(provider.negotiations.values()))
    return consumer, replace(provider, negotiations={**provider.negotiations, "x": replace(first, key="x")})


def two_contracts(consumer: Books, provider: Books) -> tuple[Books, Books]:
    first = next(iter(consumer.contracts.values()))
    return replace(consumer, contracts={**consumer.contracts, "x": replace(first, key="x")}), provider


def states_differ(consumer: Books, provider: Books, *, state: State) -> tuple[Books, Books]:
    key, first = next(iter(provider.negotiations.items()))
    return consumer, replace(provider, negotiations={**provider.negotiations, key: replace(first, state=state)})


WRONGS: dict[str, Wrong] = {
    "lost negotiation": without_negotiation,
    "lost contract": without_contract,
    "lost entry of the log": cut_log,
    "divergent hashes of the log": other_log,
    "duplicated negotiation": again,
    "duplicated contract": two_contracts,
    "divergent end": partial(states_differ, state=State.TERMINATED),
    "divergent for ever": partial(states_differ, state=State.VERIFIED),
}


@pytest.mark.anyio
@pytest.mark.parametrize("early", ["planner", "bus"])
async def test_a_store_that_acknowledges_before_it_commits_is_found_out(early: str, tmp_path: Path) -> None:
    """As after a crash of such a store: its last transactions are not there, though they were acknowledged."""
    async with space(storage="sqlite") as s:
        told, node = [await ask(s, "a")], s.world.nodes[early]
        await node.stop()
        shutil.copy(node.folder.database, tmp_path / "before")
        await node.start()
        told.append(await ask(s, "b"))
        await node.stop()
        for path in node.folder.path.glob("node.sqlite*"):
            path.unlink()
        shutil.copy(tmp_path / "before", node.folder.database)
        await node.start()
        verdict = check(told, {}, *await books_of(s))
        assert verdict.lost
        assert not verdict.good


@pytest.mark.slow
def test_kill_9_of_either_side_under_load_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trustspace.testing.chaos", "kill9", "--pair", "--kills", "20", "--load", "20"]
    done = subprocess.run([*command, "--dir", str(tmp_path)], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    assert "lost 0, duplicated 0, divergent 0" in done.stdout
    assert int(done.stdout.split()[1].rstrip(",")) >= 20
