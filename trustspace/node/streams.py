"""Running deliveries, by contract: ending a contract cuts them at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from trustspace.core.errors import Refused


class Streams:
    """Which deliveries run under which contract, and which contracts have been cut since this process began."""

    def __init__(self) -> None:
        self._cut: set[str] = set()
        self._running: dict[str, int] = {}

    def cut(self, agreement: str) -> int:
        """Stop what runs under a contract; returns how many deliveries that were."""
        self._cut.add(agreement)
        return self._running.get(agreement, 0)

    async def guarded(self, agreement: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks, until the contract is cut: then `Refused`, and the connection breaks before the next one."""
        self._running[agreement] = self._running.get(agreement, 0) + 1
        try:
            async with aclosing(chunks) as given:  # type: ignore[type-var]  # sources are async generators
                async for chunk in given:
                    if agreement in self._cut:
                        raise Refused("the contract was ended while its data was being delivered", where=agreement)
                    yield chunk
        finally:
            self._running[agreement] -= 1
            if not self._running[agreement]:
                del self._running[agreement]
