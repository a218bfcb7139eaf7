"""Getting each message to its receiver: the same bytes until an answer comes, in order within a process, no polling."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import anyio
from anyio.abc import TaskGroup, TaskStatus

from trustspace.core.canon import canonical
from trustspace.core.errors import Conflict, Forbidden, TrustspaceError, Unauthenticated, Unavailable
from trustspace.ports import Answer, Clock, Outgoing, Store

Send = Callable[[Outgoing], Awaitable[Answer]]
"""Try once; `Unavailable` where no answer came or its receipt does not hold."""
Settle = Callable[[Outgoing, Answer], Awaitable[None]]
"""Take a final answer into the books: in one transaction, with `tx.sent`."""
Doubt = Callable[[Outgoing], Awaitable[bool]]
"""Ask the peer whether it took the message though its answer never came."""

PATIENCE: Final[Mapping[int, int]] = {401: 3, 403: 0, 404: 3, 409: 4}
"""How often an answer that may pass is tried again: a peer that has not stored its own state yet says 404 or 409."""
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 30.0
EARLY: Final = frozenset({408, 425, 429})
LONGEST_WISH: Final = 60.0
"""For how many seconds a peer may ask us to wait before we come again."""
UNSIGNED: Final = ("retry-after",)
"""The headers of an answer that count without a receipt."""
DOUBTS: Final = 6
"""After every so many attempts without an answer the peer is asked how the process stands there."""


@dataclass(frozen=True, slots=True)
class Courtesy:
    """How long a message is tried: `give_up` after its creation its process ends with that as the reason."""

    give_up: timedelta = timedelta(hours=24)


def pause(attempts: int) -> float:
    """Seconds to wait after so many attempts: 0.1 s doubled each time, 30 s at most."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 10)))


class _Later(NamedTuple):
    """Why a message is not settled, and how many seconds the peer wants to be left alone."""

    reason: str
    wish: float = 0.0


class Delivery:
    """The sending half of a node. `kick` hands over what a commit put into the outbox; the outbox is the truth."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        send: Send,
        settle: Mapping[str, Settle],
        courtesy: Courtesy | None = None,
        *,
        doubt: Doubt | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._store, self._clock, self._send, self._settle, self._doubt = store, clock, send, settle, doubt
        self._courtesy, self._sleep = courtesy or Courtesy(), sleep
        self._lanes: dict[str, deque[Outgoing]] = {}
        self._group: TaskGroup | None = None

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Send what an earlier life left in the outbox, and whatever is kicked, until cancelled."""
        left = await self._store.read(lambda tx: tx.queued(limit=1_000_000))
        try:
            async with anyio.create_task_group() as self._group:
                self.kick(left)
                task_status.started()
                await anyio.sleep_forever()
        finally:
            self._group = None  # what is still being answered while we stop is delivered in the next life

    def kick(self, messages: Iterable[Outgoing]) -> None:
        """Send these, each behind the earlier ones of its process; while `run` is not running they wait."""
        if self._group is None:
            return
        for message in messages:
            lane = self._lanes.get(message.process)
            if lane is None:
                self._lanes[message.process] = deque([message])
                self._group.start_soon(self._drain, message.process)
            elif all(waiting.id != message.id for waiting in lane):
                lane.append(message)

    async def _drain(self, process: str) -> None:
        lane = self._lanes[process]
        while lane:
            await self._deliver(lane[0])
            lane.popleft()
        del self._lanes[process]

    async def _deliver(self, message: Outgoing) -> None:
        if message.due is not None:
            await self._sleep(min(LONGEST_PAUSE, max(0.0, (message.due - self._clock.now()).total_seconds())))
        while (later := await self._attempt(message)) is not None:
            message = replace(message, attempts=message.attempts + 1, error=later.reason)
            await self._pause(message, later.wish)

    async def _attempt(self, message: Outgoing) -> _Later | None:
        """None where the message is settled, else why it is not, and when the peer wants it again."""
        try:
            answer = await self._send(message)
        except (Unauthenticated, Forbidden) as error:  # who we are, or who the peer is: trying for long does not help
            answer = Answer(error.status, canonical({"reason": str(error)}))
        except TrustspaceError as error:
            answer = Answer(503, canonical({"reason": str(error)}))
        if answer.status >= 500 and self._doubt and message.attempts % DOUBTS == DOUBTS - 1:
            with suppress(TrustspaceError):
                answer = Answer(200) if await self._doubt(message) else answer
        late = message.created + self._courtesy.give_up < self._clock.now()
        if late and (answer.status >= 500 or answer.status in EARLY):
            answer = self._given_up(answer)
        if _passing(answer, message.attempts):
            return _Later(f"{answer.status}: {_reason(answer)}", _wish(answer))
        later = await self._book(message, answer)
        if later is not None and late and answer.status >= 300:  # it refuses, and never says where it stands
            return await self._book(message, self._given_up(answer))
        return later

    def _given_up(self, answer: Answer) -> Answer:
        return Answer(410, canonical({"reason": f"no answer within {self._courtesy.give_up}: {_reason(answer)}"}))

    async def _book(self, message: Outgoing, answer: Answer) -> _Later | None:
        try:
            await self._settle[message.kind](message, answer)
        except (Unavailable, Conflict) as error:  # no room to write it down: the peer will give the same answer again
            return _Later(str(error))
        return None

    async def _pause(self, message: Outgoing, wish: float) -> None:
        seconds = max(pause(message.attempts), wish)
        due = self._clock.now() + timedelta(seconds=seconds)
        with suppress(TrustspaceError):  # no room: the row keeps its earlier count, and only `status` knows less
            await self._store.run(
                lambda tx: tx.postpone(message.id, attempts=message.attempts, due=due, error=message.error)
            )
        await self._sleep(seconds)


def _passing(answer: Answer, attempts: int) -> bool:
    """Whether the same bytes may be answered differently a little later."""
    if answer.status >= 500 or answer.status in EARLY:
        return True
    return attempts < PATIENCE.get(answer.status, 0)


def _wish(answer: Answer) -> float:
    """What `Retry-After` asks for, in seconds (RFC 9110, 10.2.3); a date, or what is no number, is not read."""
    text = answer.headers.get("retry-after", "")
    return min(LONGEST_WISH, float(text)) if text.isascii() and text.isdigit() else 0.0


def _reason(answer: Answer) -> str:
    return answer.body[:300].decode(errors="replace")


def queue_age(messages: Iterable[Outgoing], now: datetime) -> float:
    """Seconds since the oldest of them was made; 0 for none."""
    return max(((now - message.created).total_seconds() for message in messages), default=0.0)
