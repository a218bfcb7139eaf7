"""Clocks that are off (时钟偏差): ours against those of others, and ours against what stands in our own log.

A clock decides whether tokens, lists and certificates hold, and dates what is signed. Where it is off, that is the
reason to name: neither a bare 401, nor an entry of the log that is older than the one before it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from trustspace.core.canon import loads_object
from trustspace.core.errors import ClockOff, ClockWrong, TrustspaceError
from trustspace.core.evidence.leaves import moment
from trustspace.ports import Answer, Clock, Tx

NEAR: Final = timedelta(seconds=30)
"""How far two clocks may be apart before that is worth a word; a token bears up to 60 s (`tokens.MAX_SKEW`)."""
STEP: Final = timedelta(seconds=5)
"""How far our clock may step back without a word: a leap second, a small correction."""
LOOK_SECONDS: Final = 1.0
"""How often a clock that is wrong is looked at again."""
MOST: Final = 100
"""Of how many others it is remembered that their clock and ours differ."""
NODE: Final = "the functional node"


class Clocks:
    """Whose clocks differ from ours, as their answers and tokens say; forgotten where they agree again.

    `reason` reads a peer's reason in the body of its refusal.
    """

    def __init__(self, clock: Clock, reason: Callable[[bytes], str] = lambda _: "") -> None:
        self._clock, self._reason = clock, reason
        self._ahead: OrderedDict[str, timedelta] = OrderedDict()

    def heard(self, who: str, answer: Answer) -> None:
        """Take note of the `Date` of an answer (RFC 9110, 6.6.1)."""
        date = _date(answer.headers.get("date", ""))
        if date is not None:
            self._note(who, self._clock.now() - date)

    def check(self, who: str, answer: Answer) -> None:
        """Raise `ClockWrong` where a peer refuses us (401) and its clock says why; costs nothing for other answers."""
        if answer.status != 401 and who not in self._ahead:
            return
        self.heard(who, answer)
        if answer.status == 401 and who in self._ahead:
            raise self._wrong(who, self._reason(answer.body))

    def blamed(self, who: str, error: TrustspaceError) -> TrustspaceError:
        """The error, or our clock as its reason where that differs from theirs."""
        return self._wrong(who, str(error)) if who in self._ahead else error

    def refused(self, who: str, error: ClockOff) -> None:
        """Take note of a token that we refused because of its time: signed by `who`, dated by its clock."""
        self._note(who, timedelta(seconds=-error.seconds))

    def warnings(self) -> list[str]:
        """Whose clocks differ, for people."""
        return [f"{_apart(ahead)} {who}: set the clocks (NTP)" for who, ahead in self._ahead.items()]

    def _note(self, who: str, ahead: timedelta) -> None:
        if abs(ahead) <= NEAR:
            self._ahead.pop(who, None)
            return
        self._ahead[who] = ahead
        self._ahead.move_to_end(who)
        if len(self._ahead) > MOST:
            self._ahead.popitem(last=False)

    def _wrong(self, who: str, said: str) -> ClockWrong:
        hint = "set this machine's clock (NTP), or tell them if theirs is wrong"
        return ClockWrong(f"{_apart(self._ahead[who])} {who}, which refuses us: {said}", where="clock", hint=hint)


class SteadyClock:
    """The clock for what is signed and logged: it tells no time that lies before the last entry of the log.

    `now` costs one comparison. Where the machine's clock steps back, it raises `ClockWrong` and calls `doubted`, until
    `settle` has looked at the log: a clock that was wrong and is right again goes on at once where nothing was logged
    in between, and otherwise when it has caught up with the log. So the log itself is the high-water mark that is kept.
    """

    def __init__(self, clock: Clock, last: Callable[[], Awaitable[datetime | None]]) -> None:
        self._clock, self._last = clock, last
        self._newest = datetime.min.replace(tzinfo=UTC)
        self.doubted: Callable[[], None] = lambda: None
        self._doubtful = False

    def now(self) -> datetime:
        """The present time; `ClockWrong` where it lies before what was signed or logged already."""
        now = self._clock.now()
        if now > self._newest:
            self._newest = now
        elif self._newest - now > STEP:
            self._doubt()
            raise self._behind(now)
        return now

    def _doubt(self) -> None:
        if not self._doubtful:
            self._doubtful = True
            self.doubted()

    async def start(self) -> None:
        """Take the log's last entry for the mark; where that lies ahead, the clock is in doubt from the start."""
        if not await self.settle():
            self._doubt()

    async def settle(self) -> bool:
        """Compare with the log: whether the clock is not before its last entry."""
        last, now = await self._last(), self._clock.now()
        self._newest = max(now, last or now)
        return self._newest - now <= STEP

    async def catch_up(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Look at clock and log until they agree."""
        while not await self.settle():
            await sleep(LOOK_SECONDS)
        self._doubtful = False

    async def warnings(self) -> list[str]:
        """That nothing is signed, and why, for people."""
        return [] if await self.settle() else [str(self._behind(self._clock.now()))]

    def _behind(self, now: datetime) -> ClockWrong:
        seconds = (self._newest - now).total_seconds()
        return ClockWrong(
            f"this machine's clock says {now.isoformat(timespec='seconds')}, {seconds:.0f} s before the last that was"
            " signed or logged here",
            where="clock",
            hint="set it right (NTP); until then nothing is signed and nothing logged",
        )


def last_logged(tx: Tx) -> datetime | None:
    """The time of the last entry of the log; None for an empty one."""
    entry = tx.entry(tx.log_size() - 1)
    return moment(str(loads_object(entry.body)["time"])) if entry else None


def _date(text: str) -> datetime | None:
    """The moment in a `Date` header, None where it is none."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _apart(ahead: timedelta) -> str:
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return f"your clock is {abs(ahead).total_seconds():.0f} s {way}"
