"""Walking the indexes of the records in SQLite: values of a field, pages across several of them, search by terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import Any, Final

from trustspace.core.errors import NotFound

Rows = Callable[[str, Sequence[Any]], list[Any]]
"""Runs a statement."""
FIRST: Final = 8
"""How many places of a value are looked at first, and four times as many each time after."""


def equal(column: int, value: str) -> str:
    """SQL for the records whose column has the value, in the form in which its partial index serves it, and only those.

    The index is taken because `i > ''` is asked for; said plainly, that is also what SQLite walks it by, past every
    other value, and the equality is looked at row by row.
    """
    return f" AND i{column} = ?" + (_filled(column) if value else "")


def _filled(column: int) -> str:
    return f" AND likely(i{column} > '')"


def values_of(rows: Rows, kind: str, column: int) -> list[str]:
    """The values in a column, each once, sorted: from one to the next, however many records have it."""
    empty = rows(f"SELECT 1 FROM records WHERE kind = ? AND i{column} = '' LIMIT 1", (kind,))  # noqa: S608  # a number
    least = f"SELECT min(i{column}) FROM records WHERE kind = ? AND i{column} > ?{_filled(column)}"  # noqa: S608  # too
    found, value = [""] if empty else list[str](), rows(least, (kind, ""))[0][0]
    while value is not None:
        found.append(value)
        value = rows(least, (kind, value))[0][0]
    return found


def page_of(
    rows: Rows, kind: str, column: int, values: Sequence[str], *, after: str, before: str, limit: int
) -> list[bytes]:
    """The bodies of `Tx.page`: one walk for each value, merged, each no further than the page needs."""
    back = bool(before)
    mark = _place(rows, kind, before or after) if before or after else 0
    walks = (_walk(rows, kind, column, value, mark, back=back) for value in values)
    places = list(islice(merge(*walks, reverse=back), limit))
    places.sort()
    return [rows("SELECT body FROM records WHERE seq = ?", (place,))[0][0] for place in places]


def _place(rows: Rows, kind: str, key: str) -> int:
    found = rows("SELECT seq FROM records WHERE kind = ? AND key = ?", (kind, key))
    if not found:
        raise NotFound(f"there is no {kind} {key}")
    return int(found[0][0])


def _walk(rows: Rows, kind: str, column: int, value: str, mark: int, *, back: bool) -> Iterator[int]:
    """The places of the records with that value from the mark on, or back from it."""
    order, count = "< ? ORDER BY seq DESC" if back else "> ? ORDER BY seq", FIRST
    sql = f"SELECT seq FROM records WHERE kind = ?{equal(column, value)} AND seq {order} LIMIT ?"  # noqa: S608  # constants
    while found := rows(sql, (kind, value, mark, count)):
        for (mark,) in found:
            yield mark
        count *= 4


def matching(rows: Rows, kind: str, wanted: Sequence[str], *, after: int, limit: int) -> tuple[list[bytes], int]:
    """The bodies of `Tx.search`, and how many there are; at least one term is wanted."""
    matches, values = _matches(len(wanted)), [kind, *wanted]
    total = int(rows(f"SELECT count(*) {matches}", values)[0][0])
    newest = f"{matches} ORDER BY t.seq DESC LIMIT ? OFFSET ?"
    sql = f"SELECT (SELECT body FROM records WHERE seq = t.seq) {newest}"  # noqa: S608  # constant text
    return [body for (body,) in rows(sql, [*values, limit, after])], total


@lru_cache
def _matches(number: int) -> str:
    """SQL for the records of a kind that have this many terms."""
    more = " AND EXISTS (SELECT 1 FROM terms WHERE kind = t.kind AND term = ? AND seq = t.seq)"
    return "FROM terms t WHERE t.kind = ? AND t.term = ?" + more * (number - 1)
