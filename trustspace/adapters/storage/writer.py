"""The one writer: a thread that runs every waiting body in one transaction, and syncs the disk once for all of them."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, Final, Protocol, TypeVar

from trustspace.adapters.storage.transaction import StorageFailure
from trustspace.core.errors import Unavailable
from trustspace.ports import Tx

T = TypeVar("T")

MOST: Final = 512
"""How many bodies share one transaction at most, which bounds how long the first of them waits."""


class Session(Protocol):
    """What the writer needs of a database; each step raises `StorageFailure` where the whole transaction is lost."""

    def begin(self) -> None:
        """Open the transaction; what an earlier one left is cleared away."""

    def attempt(self, body: Callable[[Tx], T]) -> T:
        """Run one body; what it raises undoes it alone, and is raised."""

    def commit(self) -> None:
        """Make everything durable."""

    def close(self) -> None:
        """Let go of the database."""


class Job:
    """A body that waits, the loop it came from, and then its outcome."""

    __slots__ = ("body", "error", "future", "loop", "value")

    def __init__(self, body: Callable[[Tx], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.body, self.loop = body, loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.value: Any = None
        self.error: BaseException | None = None

    def attempt(self, session: Session) -> None:
        """Run the body; its own errors are an outcome, the loss of the transaction is raised."""
        self.value, self.error = None, None
        try:
            self.value = session.attempt(self.body)
        except StorageFailure:
            raise
        except StopIteration as error:
            self.error = RuntimeError(f"the body raised {error!r}")
        except BaseException as error:  # an outcome too: the writer outlives whatever a body raises
            self.error = error

    def settle(self) -> None:
        """Hand over the outcome, on the loop; who has stopped waiting gets none."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Group commit: what waits when the last commit ends goes into the next."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._open = True
        self._thread = threading.Thread(target=self._work, name="trustspace-writer", daemon=True)
        self._thread.start()

    async def run(self, body: Callable[[Tx], T]) -> T:
        """The body's result, durable; see `Store.run`. Who is cancelled while waiting does not learn whether it ran."""
        job = Job(body, asyncio.get_running_loop())
        with self._guard:
            if not self._open:
                raise Unavailable("the store is closed")
            self._queue.put(job)
        result: T = await job.future
        return result

    async def close(self) -> None:
        """Run what waits, then stop."""
        with self._guard:
            if self._open:
                self._open = False
                self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            jobs, last = self._waiting(first)
            self._batch(jobs)
            _deliver(jobs)
            if last:
                break
        self._session.close()

    def _waiting(self, first: Job) -> tuple[list[Job], bool]:
        """The first job and all that wait behind it; whether the end was among them."""
        jobs = [first]
        while len(jobs) < MOST:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _batch(self, jobs: list[Job]) -> None:
        """All in one transaction; where that is lost, each alone, so that only the guilty one fails."""
        try:
            self._together(jobs)
        except StorageFailure:
            for job in jobs:
                self._alone(job)
        except BaseException as error:  # a mistake in the store itself: tell everyone, and live on
            for job in jobs:
                job.error = error

    def _together(self, jobs: list[Job]) -> None:
        self._session.begin()
        for job in jobs:
            job.attempt(self._session)
        self._session.commit()

    def _alone(self, job: Job) -> None:
        try:
            self._together([job])
        except StorageFailure as failure:
            job.error = failure.cause


def _deliver(jobs: Iterable[Job]) -> None:
    """One call into each loop, for all outcomes of the batch."""
    for loop, group in groupby(jobs, key=lambda job: job.loop):
        try:
            loop.call_soon_threadsafe(_settle, list(group))
        except RuntimeError:  # that loop is closed: nobody waits there any more
            continue


def _settle(jobs: Iterable[Job]) -> None:
    for job in jobs:
        job.settle()
