"""Group commit: every waiting body runs in one transaction, and the disk is synced once for all of them.

Bodies run on the event loop, one after the other; the commit, which waits for the disk, goes to a thread unless the
disk is quicker than the way there and back. A thread for the bodies too would have to win the interpreter back after
every statement: beside a busy loop that takes seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeVar

from trustspace.adapters.storage.transaction import Entangled, StorageFailure
from trustspace.core.errors import MisusedError, Unavailable
from trustspace.ports import Tx

T = TypeVar("T")

MOST: Final = 512
"""How many bodies share one transaction at most."""
BUDGET: Final = 0.005
"""After how many seconds of bodies the batch is closed, so that the loop can turn to others."""
PATIENCE: Final = 0.001
"""How many seconds a commit may take before the loop makes way for it."""
NAP: Final = 0.00005
"""For how long it makes way, in seconds."""

QUICK: Final = 0.002
"""A disk that usually syncs within so many seconds is waited for: to change threads, and to get the interpreter back
from whoever has it then, costs as much."""
LEARNING: Final = 0.1
"""How much the last commit counts in what is usual; one of 20 ms sends the next ones to the thread."""


class Session(Protocol):
    """What the writer needs of a database; each step raises `StorageFailure` where the whole transaction is lost."""

    def begin(self, *, guarded: bool) -> None:
        """Open the transaction, with a savepoint for each body if `guarded`; what an earlier one left is cleared."""

    def attempt(self, body: Callable[[Tx], T]) -> T:
        """Run one body; what it raises undoes it alone, and is raised, or `Entangled` where that takes a savepoint."""

    def seal(self) -> None:
        """Write what belongs to the batch as a whole, after its last body."""

    def commit(self) -> None:
        """Make everything durable; called in another thread, while nothing else is called."""

    def close(self) -> None:
        """Let go of the database."""


class Job:
    """A body that waits, and then its outcome."""

    __slots__ = ("body", "error", "future", "value")

    def __init__(self, body: Callable[[Tx], Any], future: asyncio.Future[Any]) -> None:
        self.body, self.future = body, future
        self.value: Any = None
        self.error: BaseException | None = None

    def attempt(self, session: Session) -> None:
        """Run the body; its own errors are an outcome, the loss of the transaction is raised."""
        self.value, self.error = None, None
        try:
            self.value = session.attempt(self.body)
        except (StorageFailure, Entangled):
            raise
        except StopIteration as error:
            self.error = RuntimeError(f"the body raised {error!r}")
        except BaseException as error:  # an outcome too: the writer outlives whatever a body raises
            self.error = error

    def settle(self) -> None:
        """Hand over the outcome; who has stopped waiting gets none."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Whatever waits when the last commit ends goes into the next; one event loop at a time may use it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="trustspace-commit")
        self._waiting: deque[Job] = deque()
        self._patient: deque[Job] = deque()
        self._driver: asyncio.Task[None] | None = None
        self._committing: Future[None] | None = None
        self._open = True
        self._usual = 0.0

    async def run(self, body: Callable[[Tx], T], patience: float = 0.0) -> T:
        """The body's result, durable; see `Store.run`. Who is cancelled while waiting does not learn whether it ran."""
        if not self._open:
            raise Unavailable("the store is closed")
        loop = asyncio.get_running_loop()
        job = Job(body, loop.create_future())
        if patience:
            self._patient.append(job)
            loop.call_later(patience, self._hurry)
        else:
            self._drive_on(loop)
            self._waiting.append(job)
        result: T = await job.future
        return result

    def _hurry(self) -> None:
        """Nobody came along with the patient ones: they go alone."""
        if self._patient:
            self._drive_on(asyncio.get_running_loop())
            self._gather()

    def _gather(self) -> None:
        """The patient ones go with those that wait now, behind them."""
        self._waiting.extend(self._patient)
        self._patient.clear()

    async def close(self) -> None:
        """Run what waits, then stop."""
        self._open = False
        self._hurry()
        driver = self._driver
        if driver is not None and not driver.done() and driver.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([driver])
        await asyncio.to_thread(self._disk.shutdown)
        self._session.close()

    def _drive_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let a task of this loop work off what waits; an earlier loop may have ended within a batch."""
        driver = self._driver
        if driver is not None and not driver.done():
            if driver.get_loop() is loop:
                return
            if not driver.get_loop().is_closed():
                raise MisusedError("a store is used by one event loop at a time")
            self._waiting.clear()  # nobody waits any more on a loop that is closed
            self._patient.clear()
        self._driver = loop.create_task(self._drive())

    async def _drive(self) -> None:
        if self._committing is not None and not self._committing.done():  # the loop before ended while this commit ran
            await asyncio.wait([asyncio.wrap_future(self._committing)])
        while self._waiting:
            await self._let_come()
            self._gather()
            jobs = [job for job in self._waiting if not job.future.done()]
            self._waiting.clear()
            await self._batch(jobs)
            await asyncio.sleep(0)  # who was answered may have its next body ready: let it come along

    async def _let_come(self) -> None:
        """As long as each turn of the loop brings more bodies, let them come along: a commit costs the same for all."""
        before = 0
        while before < len(self._waiting) < MOST:
            before = len(self._waiting)
            await asyncio.sleep(0)

    async def _batch(self, jobs: Sequence[Job]) -> None:
        """All in one transaction; where that is lost, each alone, so that only the guilty one fails."""
        ran: Sequence[Job] = jobs
        try:
            try:
                ran = await self._together(jobs, guarded=False)
            except Entangled:
                ran = await self._together(jobs, guarded=True)
        except StorageFailure:
            for job in jobs:
                await self._alone(job)
        except Exception as error:  # a mistake in the store itself: tell everyone, and live on
            for job in jobs:
                job.error = error
        self._waiting.extendleft(reversed(jobs[len(ran) :]))
        for job in ran:
            job.settle()

    async def _together(self, jobs: Sequence[Job], *, guarded: bool) -> Sequence[Job]:
        """Run and commit as many of the jobs as the budget allows; returns those."""
        self._session.begin(guarded=guarded)
        ran, limit = 0, time.perf_counter() + BUDGET
        for job in jobs[:MOST]:
            job.attempt(self._session)
            ran += 1
            if time.perf_counter() > limit:
                break
        self._session.seal()
        if self._usual < QUICK:
            self._commit()
        else:
            await self._commit_aside()
        return jobs[:ran]

    def _commit(self) -> None:
        """Commit, and learn how long that takes here."""
        began = time.perf_counter()
        try:
            self._session.commit()
        finally:
            self._usual += (time.perf_counter() - began - self._usual) * LEARNING

    async def _commit_aside(self) -> None:
        """Commit in the other thread, while the loop does something else."""
        self._committing = self._disk.submit(self._commit)
        nudge = asyncio.get_running_loop().call_later(PATIENCE, self._nudge)
        try:
            await asyncio.wrap_future(self._committing)
        finally:
            nudge.cancel()

    def _nudge(self) -> None:
        """Leave the interpreter to the commit for a moment.

        A busy loop gives it up so briefly at each poll that a thread which waits for it may starve for seconds.
        """
        if self._committing is not None and not self._committing.done():
            time.sleep(NAP)
            asyncio.get_running_loop().call_later(PATIENCE, self._nudge)

    async def _alone(self, job: Job) -> None:
        try:
            await self._together([job], guarded=True)
        except StorageFailure as failure:
            job.error = failure.cause
