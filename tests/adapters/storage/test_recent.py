"""The records that were used last: never older than the last commit, never younger, and not too many."""

from __future__ import annotations

from trustspace.adapters.storage.recent import Recent

PLACE = ("note", "n")


def test_a_reader_sees_what_is_committed_and_a_body_what_the_batch_has() -> None:
    recent = Recent()
    recent.begin()
    recent.merge({PLACE: "new"})
    assert (recent.current(PLACE), recent.committed(PLACE)) == ("new", None)
    recent.sealed()
    recent.commit()
    assert (recent.current(PLACE), recent.committed(PLACE)) == ("new", "new")


def test_while_a_commit_is_under_way_readers_ask_the_database() -> None:
    recent = Recent()
    recent.begin()
    recent.merge({PLACE: "new"})
    before = recent.view
    recent.sealed()
    during = recent.view
    recent.commit()
    recent.learn(PLACE, "older", before)
    recent.learn(PLACE, "perhaps older", during)
    assert (during, recent.committed(PLACE)) == (None, "new")
    recent.learn(("note", "m"), "as it is", recent.view)
    assert recent.committed(("note", "m")) == "as it is"


def test_a_batch_that_was_lost_leaves_nothing() -> None:
    recent = Recent()
    recent.learn(PLACE, "old", recent.view)
    recent.begin()
    recent.merge({PLACE: "new"})
    recent.begin()
    assert recent.committed(PLACE) == "old"
    recent.clear()
    assert recent.current(PLACE) is None


def test_the_oldest_are_forgotten() -> None:
    recent = Recent(2)
    for number in (1, 2, 1, 3):
        recent.learn(("note", str(number)), number, recent.view)
    assert [recent.committed(("note", str(number))) for number in (1, 2, 3)] == [1, None, 3]
