"""The records that were used last, as they were committed: what is read again is not parsed again.

It holds, since a folder belongs to one process and every write goes through the one writer. Values are frozen, so the
same object may be handed out again. What a batch saves stands aside until the commit, and what a body saves until the
body has ended well.
"""

from __future__ import annotations

from typing import Any, Final

Place = tuple[str, str]
"""Kind and key of a record."""

MOST: Final = 2048
"""How many records are remembered."""


class Recent:
    """Committed records by kind and key, and those of the batch that is being written.

    `view` changes with each commit, and is None while one is under way: a reader that began then sees a state of the
    database that may be older or younger than what is remembered here, so that it neither asks nor adds.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._committed: dict[Place, Any] = {}
        self._batch: dict[Place, Any] = {}
        self._commits = 0
        self.view: int | None = 0

    def committed(self, place: Place) -> Any | None:
        """The record as committed; None where it is not remembered."""
        return self._committed.get(place)

    def current(self, place: Place) -> Any | None:
        """For a body of the batch: the record as an earlier body of it left it, else as committed."""
        return self._batch.get(place) or self._committed.get(place)

    def learn(self, place: Place, record: Any, view: int | None) -> None:
        """What was read from the database in that view is remembered, as long as the view is the present one."""
        if view is not None and view == self.view and place not in self._batch:
            self._put(place, record)

    def begin(self) -> None:
        """A batch begins; what an earlier one left is void."""
        self._batch, self.view = {}, self._commits

    def merge(self, saved: dict[Place, Any]) -> None:
        """A body of the batch ended well."""
        self._batch.update(saved)

    def sealed(self) -> None:
        """The commit begins."""
        self._commits += 1
        self.view = None

    def commit(self) -> None:
        """The batch is durable. Called in the thread of the commit, while no other one writes here."""
        for place, record in self._batch.items():
            self._put(place, record)
        self.begin()

    def clear(self) -> None:
        """Nobody knows what stands in the database: forget everything."""
        self._committed = {}
        self.begin()

    def _put(self, place: Place, record: Any) -> None:
        self._committed.pop(place, None)  # so that it is the youngest again
        if len(self._committed) >= self._most:
            del self._committed[next(iter(self._committed))]
        self._committed[place] = record
