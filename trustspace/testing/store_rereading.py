"""What every store promises of reading again what was just written, and of the chains in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from trustspace.core.errors import Refused
from trustspace.ports import Store, Tx
from trustspace.testing.store_samples import Mood, Note, increment, run_refused, same

Scenario = Callable[[Store], Awaitable[None]]


class StoreStage:
    """A store to play scenarios on."""

    def open_store(self, folder: Path) -> Store:
        """The store that lives in that folder: opened again after a close, it shows what was kept."""
        raise NotImplementedError

    def play(self, folder: Path, scenario: Scenario) -> None:
        """Run a scenario over the store in the folder, and close it."""

        async def whole() -> None:
            store = self.open_store(folder)
            try:
                await scenario(store)
            finally:
                await store.close()

        asyncio.run(whole())

    def within(self, folder: Path, body: Callable[[Tx], None]) -> None:
        """Run one body over the store in the folder."""

        async def scenario(store: Store) -> None:
            await store.run(body)

        self.play(folder, scenario)


class RereadingSuite(StoreStage):
    """A record reads as it was committed, whatever is remembered of it."""

    def test_chains_count_without_gaps(self, tmp_path: Path) -> None:
        """Each for itself; a place that was taken by a body that failed is given again."""

        def failing(tx: Tx) -> None:
            same((tx.link("a"), tx.link("b")), (3, 2))
            raise Refused("no")

        async def scenario(store: Store) -> None:
            same(await store.run(lambda tx: (tx.link("a"), tx.link("a"), tx.link("b"))), (1, 2, 1))
            await run_refused(Refused, store.run(failing))
            same(await store.read(lambda tx: (tx.linked("a"), tx.linked("b"), tx.linked("c"))), (2, 1, 0))
            same(await store.run(lambda tx: (tx.link("a"), tx.linked("a"))), (3, 3))

        self.play(tmp_path, scenario)

    def test_a_record_is_read_as_it_was_committed(self, tmp_path: Path) -> None:
        """Not as a body left it that failed, nor as one has it that is not committed."""

        def failing(tx: Tx) -> None:
            tx.save(Note(key="n", owner="乙"), expect=1)
            same(getattr(tx.get(Note, "n"), "owner", None), "乙")
            raise Refused("no")

        async def scenario(store: Store) -> None:
            first = await store.run(lambda tx: tx.save(Note(key="n", owner="甲", topic="t"), expect=0))
            await run_refused(Refused, store.run(failing))
            same(await store.read(lambda tx: tx.get(Note, "n")), first)
            refused_twice = [store.run(failing), store.run(increment), store.run(failing)]
            same([type(one) for one in await asyncio.gather(*refused_twice, return_exceptions=True)].count(int), 1)
            found = await store.read(lambda tx: (tx.find(Note, owner="甲"), tx.find(Note, owner=""), tx.count(Note)))
            same([[one.key for one in found[0]], found[2]], [["n"], 1])
            same(getattr(await store.read(lambda tx: tx.get(Note, "n")), "count", None), 1)

        self.play(tmp_path, scenario)

    def test_found_by_what_changed_and_by_what_did_not(self, tmp_path: Path) -> None:
        """Whichever of the fields a save changes."""

        def body(tx: Tx) -> None:
            note = tx.save(Note(key="n", owner="甲", topic="t"), expect=0)
            for change in ({"owner": "乙"}, {"topic": None}, {"mood": Mood.BUSY}, {"owner": "", "topic": "s"}, {}):
                note = tx.save(replace(note, **change), expect=note.version)
                wanted = {
                    name: value for name in ("mood", "owner", "topic") if (value := getattr(note, name)) is not None
                }
                same((tx.find(Note, **wanted), tx.count(Note)), ([note], 1))
            same((tx.find(Note, owner="甲"), tx.find(Note, topic="t"), tx.count(Note, owner="")), ([], [], 1))

        self.within(tmp_path, body)

    def test_who_has_patience_is_run_all_the_same(self, tmp_path: Path) -> None:
        """Behind who has none, alone where nobody comes, and before the store is closed."""
        order: list[str] = []

        def body(name: str) -> Callable[[Tx], None]:
            return lambda tx: same(tx.save(Note(key=name), expect=0).version, 1)

        async def told(store: Store, name: str, patience: float = 0.0) -> None:
            await store.run(body(name), patience=patience)
            order.append(name)

        async def scenario(store: Store) -> None:
            await asyncio.gather(told(store, "late", 0.001), told(store, "soon"))
            await told(store, "alone", 0.001)
            last = asyncio.ensure_future(told(store, "last", 60.0))
            await asyncio.sleep(0)
            same(sorted(order[:2]) + order[2:3], ["late", "soon", "alone"])
            await store.close()
            await last

        self.play(tmp_path, scenario)
        same(order[-1], "last")
