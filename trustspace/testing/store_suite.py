"""What every store has to do: subclass `StoreSuite`, say how yours is opened, and let pytest collect it.

class TestMine(StoreSuite):
    def open_store(self, folder: Path) -> Store:
        return MyStore(folder / "data")
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

from trustspace.core.errors import Conflict, MisusedError, NotFound, Refused, Unavailable
from trustspace.ports import Entry, Leaf, Store, Tx
from trustspace.testing.store_rereading import RereadingSuite
from trustspace.testing.store_samples import (
    NOON,
    NOTHING,
    TRACES,
    Mood,
    Note,
    Other,
    Part,
    everything,
    increment,
    merkle,
    message,
    refused,
    run_refused,
    same,
    traces,
)


class StoreSuite(RereadingSuite):
    """The promises of `trustspace.ports.Store` as tests; each takes a fresh folder, pytest's `tmp_path`."""

    def test_record_comes_back_as_it_was(self, tmp_path: Path) -> None:
        """Every sort of field, in any script, with times in their own zone."""
        east = datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=8)))
        note = Note(
            key="urn:甲/乙 \0'\"%", mood=Mood.BUSY, owner="公交•🚌", topic=None, count=-(2**40), at=east,
            parts=(Part("a", b"\0\xff", NOON), Part("", b"")), free={"a": [1, 2.5, None, True, "✓"]},
        )  # fmt: skip

        async def scenario(store: Store) -> None:
            same(await store.run(lambda tx: tx.save(note, expect=0)), replace(note, version=1))
            found = await store.read(lambda tx: tx.get(Note, note.key))
            same(found, replace(note, version=1))
            same((type(found and found.mood), str(found and found.at)), (Mood, str(east)))
            same(await store.read(lambda tx: (tx.get(Note, "none"), tx.get(Other, note.key))), (None, None))

        self.play(tmp_path, scenario)

    def test_version_guards_against_lost_updates(self, tmp_path: Path) -> None:
        """A save that expects another version changes nothing."""

        def body(tx: Tx) -> None:
            refused(Conflict, lambda: tx.save(Note(key="k"), expect=1))
            first = tx.save(Note(key="k", version=7), expect=0)
            refused(Conflict, lambda: tx.save(replace(first, count=5), expect=0))
            second = tx.save(replace(first, count=1), expect=1)
            refused(Conflict, lambda: tx.save(replace(first, count=9), expect=1))
            refused(Conflict, lambda: tx.save(replace(first, count=9), expect=3))
            same((first.version, second.version, tx.get(Note, "k")), (1, 2, second))

        self.within(tmp_path, body)

    def test_find_is_by_fields_oldest_first_in_pages(self, tmp_path: Path) -> None:
        """The order is that of first saves, whatever was saved again."""

        def body(tx: Tx) -> None:
            for n in (3, 1, 2, 5, 4):
                tx.save(Note(key=f"k{n}", owner="甲" if n != 5 else "乙", topic="t" if n % 2 else None), expect=0)
            tx.save(Other(key="k1"), expect=0)
            tx.save(Note(key="k3", owner="甲", mood=Mood.BUSY), expect=1)

            def keys(after: int = 0, limit: int = 100, **where: str) -> list[str]:
                return [note.key for note in tx.find(Note, after=after, limit=limit, **where)]

            same(keys(), ["k3", "k1", "k2", "k5", "k4"])
            same(keys(owner="甲"), ["k3", "k1", "k2", "k4"])
            same(keys(owner="甲", mood="calm", topic="t"), ["k1"])
            same([note.key for note in tx.find(Note, owner="甲", after=1, limit=2)], ["k1", "k2"])
            same((tx.count(Note), tx.count(Note, topic="t"), tx.count(Note, owner="丙"), tx.count(Other)), (5, 2, 0, 1))
            refused(MisusedError, lambda: tx.find(Note, count="1"))
            refused(MisusedError, lambda: tx.count(Other, text=""))

        self.within(tmp_path, body)

    def test_pages_begin_after_a_record_and_end_before_one(self, tmp_path: Path) -> None:
        """In the order of `find`, over several values at once, wherever that record is found now."""

        def body(tx: Tx) -> None:
            for n in range(40):
                tx.save(Note(key=f"k{n}", owner="甲乙丙"[n % 3], topic=None if n else ""), expect=0)
            tx.save(Note(key="k9", owner="丁"), expect=1)
            same((tx.values(Note, "owner"), tx.values(Note, "topic")), (sorted("甲乙丙丁"), [""]))

            def keys(*values: str, after: str = "", before: str = "", limit: int = 100) -> list[int]:
                found = tx.page(Note, "owner", values, after=after, before=before, limit=limit)
                return [int(note.key[1:]) for note in found]

            both = [n for n in range(40) if n % 3 != 2 and n != 9]
            same((keys("甲", "乙"), keys("乙", "甲", after="k9"), keys()), (both, [n for n in both if n > 9], []))
            same((keys("甲", "乙", limit=3), keys("乙", after="k8", limit=2)), ([0, 1, 3], [10, 13]))
            same((keys("乙", before="k9", limit=2), keys("甲", "乙", before="k39")), ([4, 7], both[:-1]))
            same((keys("甲", before="k0"), keys("甲", after="k39"), keys("丁", limit=1)), ([], [], [9]))
            refused(NotFound, lambda: tx.page(Note, "owner", ["甲"], after="none"))
            refused(MisusedError, lambda: tx.page(Note, "count", ["1"]))

        self.within(tmp_path, body)

    def test_search_wants_every_term_newest_first(self, tmp_path: Path) -> None:
        """With the number of all, and in pages."""

        def body(tx: Tx) -> None:
            for n in range(5):
                tx.save(Note(key=f"k{n}"), expect=0)
                tx.index(Note, f"k{n}", ["公交", f"n{n % 2}", "公交", ""])
            tx.save(Note(key="plain"), expect=0)

            def found(*terms: str, after: int = 0, limit: int = 20) -> list[str]:
                return [note.key for note in tx.search(Note, terms, after=after, limit=limit)[0]]

            same(found("公交"), ["k4", "k3", "k2", "k1", "k0"])
            same((found("公交", "n0"), found("n0", "公交", "n0"), found("n0", "n1")), (["k4", "k2", "k0"],) * 2 + ([],))
            same((tx.search(Note, ["公交", "n1"])[1], tx.search(Note, [])[1], tx.search(Other, [])), (2, 5, ([], 0)))
            same(found("公交", after=1, limit=2), ["k3", "k2"])
            same(tx.search(Note, ["公交"], after=1, limit=2)[1], 5)

        self.within(tmp_path, body)

    def test_index_replaces_the_terms_given_before(self, tmp_path: Path) -> None:
        """No terms take the record out of every search."""

        def body(tx: Tx) -> None:
            tx.save(Note(key="k"), expect=0)
            tx.index(Note, "k", ["old", "both"])
            tx.index(Note, "k", ["both", "new"])
            same([tx.search(Note, [term])[1] for term in ("old", "both", "new")], [0, 1, 1])
            tx.index(Note, "k", [])
            same([tx.search(Note, terms)[1] for terms in (["both"], [])], [0, 0])
            refused(NotFound, lambda: tx.index(Note, "none", ["x"]))

        self.within(tmp_path, body)

    def test_answer_is_remembered(self, tmp_path: Path) -> None:
        """The first answer stays the answer."""

        def body(tx: Tx) -> None:
            same(tx.seen("k"), None)
            tx.reply("k", b"\xffa")
            tx.reply("k", b"\xffa")
            refused(Conflict, lambda: tx.reply("k", b"b"))
            same((tx.seen("k"), tx.seen("K")), (b"\xffa", None))

        self.within(tmp_path, body)

    def test_token_is_bound_to_the_first_request(self, tmp_path: Path) -> None:
        """By issuer and name, until it is purged."""

        def body(tx: Tx) -> None:
            same(tx.once("a", "j", "d1", NOON), "d1")
            same((tx.once("a", "j", "d2", NOON), tx.once("a", "j", "d1", NOON)), ("d1", "d1"))
            same((tx.once("b", "j", "d2", NOON), tx.once("a", "k", "d3", NOON + timedelta(seconds=9))), ("d2", "d3"))
            same(tx.purge(NOON), 0)
            same(tx.purge(NOON + timedelta(microseconds=1)), 2)
            same((tx.once("a", "j", "d4", NOON), tx.once("a", "k", "d4", NOON)), ("d4", "d3"))

        self.within(tmp_path, body)

    def test_bytes_are_kept_by_digest(self, tmp_path: Path) -> None:
        """Twice the same bytes are kept once."""

        def body(tx: Tx) -> None:
            data = bytes(range(256)) * 1000
            name = tx.keep(data)
            same((name, tx.keep(data), tx.blob(name)), (sha256(data).hexdigest(), name, data))
            same((tx.blob("0" * 64), tx.blob("no digest"), tx.blob(tx.keep(b""))), (None, None, b""))

        self.within(tmp_path, body)

    def test_outbox_keeps_order(self, tmp_path: Path) -> None:
        """Whatever is postponed or taken out."""

        def body(tx: Tx) -> None:
            for name, process in (("b", "p2"), ("a", "p1"), ("c", "p2"), ("d", "p2")):
                tx.outbox(message(name, process))
            refused(Conflict, lambda: tx.outbox(message("a")))
            tx.postpone("b", attempts=1, due=NOON, error="refused")
            tx.sent("c")
            tx.sent("c")
            tx.postpone("c", attempts=1, due=NOON, error="gone")
            first = replace(message("b", "p2"), attempts=1, due=NOON, error="refused")
            same(tx.queued(), [first, message("a"), message("d", "p2")])
            same((tx.queued(process="p2"), tx.queued(limit=1)), ([first, message("d", "p2")], [first]))
            same(tx.queued(process="p3"), [])

        self.within(tmp_path, body)

    def test_what_raises_is_undone_whole(self, tmp_path: Path) -> None:
        """With the log, the outbox, and the writes of nobody else."""

        def failing(tx: Tx) -> None:
            everything(tx)
            raise Refused("no")

        def undoing(tx: Tx) -> None:
            tx.sent("m1")
            tx.purge(NOON + timedelta(days=1))
            tx.save(Note(key="all", count=5), expect=1)
            tx.index(Note, "all", [])
            raise Refused("no")

        async def scenario(store: Store) -> None:
            await run_refused(Refused, store.run(failing))
            same(await store.read(traces), NOTHING)
            await store.run(everything)
            await run_refused(Refused, store.run(undoing))
            same(await store.read(traces), TRACES)
            same(await store.run(lambda tx: tx.once("did:web:a", "jti", "d2", NOON)), "d1")

        self.play(tmp_path, scenario)

    def test_guilty_body_hurts_nobody_else(self, tmp_path: Path) -> None:
        """One of 64 that run together fails after it wrote."""

        def failing(tx: Tx) -> None:
            increment(tx)
            raise ValueError("mine")

        async def scenario(store: Store) -> None:
            bodies: list[Callable[[Tx], Any]] = [increment] * 64
            bodies[31] = failing
            outcomes = await asyncio.gather(*map(store.run, bodies), return_exceptions=True)
            same(sorted(n for n in outcomes if isinstance(n, int)), list(range(1, 64)))
            same(type(outcomes[31]), ValueError)
            same(await store.read(lambda tx: tx.log_size()), 63)

        self.play(tmp_path, scenario)

    def test_concurrent_increments_lose_none(self, tmp_path: Path) -> None:
        """And the log tells them in the order of their commits."""

        async def scenario(store: Store) -> None:
            counts = await asyncio.gather(*[store.run(increment) for _ in range(64)])
            same(sorted(counts), list(range(1, 65)))
            told = await store.read(lambda tx: [int(entry.body) for entry in tx.entries("n")])
            same(told, list(range(1, 65)))

        self.play(tmp_path, scenario)

    def test_reader_sees_whole_commits_only(self, tmp_path: Path) -> None:
        """Two records that always change together are never seen apart."""

        def both(tx: Tx) -> None:
            for key in ("left", "right"):
                note = tx.get(Note, key) or Note(key=key)
                tx.save(replace(note, count=note.count + 1), expect=note.version)

        def look(tx: Tx) -> set[int]:
            return {note.count for note in tx.find(Note)}

        async def scenario(store: Store) -> None:
            writing = [asyncio.ensure_future(store.run(both)) for _ in range(50)]
            while not all(task.done() for task in writing):
                same(len(await store.read(look)) <= 1, True)
                await asyncio.sleep(0)
            same(await store.read(look), {50})

        self.play(tmp_path, scenario)

    def test_reader_may_not_write(self, tmp_path: Path) -> None:
        """Each writing call raises, and nothing is left."""
        writes: list[Callable[[Tx], object]] = [
            lambda tx: tx.save(Note(key="k"), expect=0),
            lambda tx: tx.reply("k", b""),
            lambda tx: tx.once("a", "b", "c", NOON),
            lambda tx: tx.keep(b""),
            lambda tx: tx.outbox(message("m")),
            lambda tx: tx.sent("m"),
            lambda tx: tx.link("c"),
            lambda tx: tx.evidence(Leaf(b"", ())),
            lambda tx: tx.purge(NOON),
        ]

        async def scenario(store: Store) -> None:
            for write in writes:
                await run_refused(MisusedError, store.read(write))
            same(await store.read(traces), NOTHING)

        self.play(tmp_path, scenario)

    def test_transaction_ends_with_its_body(self, tmp_path: Path) -> None:
        """Who keeps it and uses it later is told so."""
        kept: list[Tx] = []

        async def scenario(store: Store) -> None:
            await store.run(kept.append)
            await store.read(kept.append)
            for tx in kept:
                refused(MisusedError, lambda tx=tx: tx.get(Note, "k"))  # type: ignore[misc]  # bound early
                refused(MisusedError, lambda tx=tx: tx.evidence(Leaf(b"", ())))  # type: ignore[misc]  # bound early

        self.play(tmp_path, scenario)

    def test_log_is_that_of_rfc_6962(self, tmp_path: Path) -> None:
        """Every complete subtree has the hash that the RFC defines, and no other is there."""
        leaves = [b"leaf %d" % n for n in range(21)]

        def append(part: Sequence[bytes]) -> Callable[[Tx], int]:
            def body(tx: Tx) -> int:
                for leaf in part:
                    tx.evidence(Leaf(leaf, ("a", "b", "a")))
                return tx.log_size()

            return body

        def look(tx: Tx) -> None:
            self.check_nodes(tx, leaves)
            same([entry.body for entry in tx.entries("")], leaves)
            same(tx.entries("b", after=3, limit=2), [Entry(4, leaves[4]), Entry(5, leaves[5])])
            same((tx.entry(20), tx.entry(21), tx.entry(-1)), (Entry(20, leaves[20]), None, None))

        async def scenario(store: Store) -> None:
            same(await store.run(append(leaves[:1])), 0)
            same([await store.run(append(part)) for part in (leaves[1:8], leaves[8:9], leaves[9:])], [1, 8, 9])
            await store.read(look)

        self.play(tmp_path, scenario)

    def check_nodes(self, tx: Tx, leaves: Sequence[bytes]) -> None:
        """Compare all nodes with the definition."""
        for level in range(7):
            for index in range(len(leaves) + 1):
                part = leaves[index << level : (index + 1) << level]
                same(tx.node(level, index), merkle(part) if len(part) == 1 << level else None)

    def test_everything_is_there_after_reopening(self, tmp_path: Path) -> None:
        """And the log goes on where it stopped."""

        async def first(store: Store) -> None:
            await store.run(everything)
            await asyncio.gather(*[store.run(increment) for _ in range(10)])

        async def again(store: Store) -> None:
            same((await store.read(traces))[:-1], TRACES[:-1])
            same(await store.run(lambda tx: tx.once("did:web:a", "jti", "d2", NOON)), "d1")
            same(await store.run(increment), 11)
            await store.read(lambda tx: self.check_nodes(tx, [b"{}", *[b"%d" % n for n in range(1, 12)]]))

        self.play(tmp_path, first)
        self.play(tmp_path, again)

    def test_closed_store_refuses(self, tmp_path: Path) -> None:
        """What waits is finished; what comes later is told to go elsewhere; closing twice is nothing."""

        async def scenario(store: Store) -> None:
            waiting = [asyncio.ensure_future(store.run(increment)) for _ in range(5)]
            await asyncio.sleep(0)
            await store.close()
            await store.close()
            same(sorted(await asyncio.gather(*waiting)), [1, 2, 3, 4, 5])
            await run_refused(Unavailable, store.run(increment))
            await run_refused(Unavailable, store.read(increment))

        self.play(tmp_path, scenario)
