"""Renewing certificates in time: looked at when the node starts and each day, tried again each hour where it failed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from trustspace.core.errors import TrustspaceError

DAY: Final = 86_400.0
HOUR: Final = 3_600.0
LOG: Final = logging.getLogger("trustspace")


async def keep_renewed(
    renew_if_due: Callable[[], Awaitable[bool]], *, sleep: Callable[[float], Awaitable[None]] = anyio.sleep
) -> None:
    """Renew whenever that is due, until cancelled; `status` warns beside it from the same day on."""
    while True:
        pause = DAY
        try:
            if await renew_if_due():
                LOG.info("the certificates were renewed")
        except TrustspaceError as error:
            LOG.warning("the certificates could not be renewed: %s", error)
            pause = HOUR
        await sleep(pause)
