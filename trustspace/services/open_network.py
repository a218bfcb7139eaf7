"""An open test network: whoever comes is who they say they are, and nothing that they say is proven.

For tests with connectors that no functional node knows. A caller's name is its bearer token, whatever that is (of a JWT
its `iss`; its signature could not be checked here); a caller that brings the pid of a process is its counterparty.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from trustspace.core.contract import Negotiation
from trustspace.core.identity import tokens
from trustspace.core.origins import parse_origin
from trustspace.core.transfer import Transfer
from trustspace.ports import Clock, Ids, Store, Tx
from trustspace.services.exchange import Caller, Incoming

ANYONE: Final = "anyone"
"""What a caller is called that says nothing of itself."""
LONGEST: Final = 256
LIFETIME: Final = timedelta(seconds=60)


class OpenNetwork:
    """What `directory.Directory` is beside a functional node; here everybody is known, and no one is proven."""

    version = 0

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids

    async def known(self, participant: str, *, fresh: bool = True) -> Caller:  # noqa: ARG002 -- as in Directory
        """Anybody, by the name it has given."""
        return Caller(participant, name=participant)

    async def visitor(self, token: str, pid: str, body: bytes, method: str, target: str) -> Incoming:
        """Who sent this: the counterparty of the process that it names, else whoever the token says."""
        peer = await self._store.read(lambda tx: _counterparty(tx, pid)) if pid else ""
        caller = Caller(peer or named(token))
        expires = self._clock.now() + LIFETIME
        digest = tokens.request_digest(method, target, body)
        return Incoming(caller, body, "", self._ids.token(), digest, expires, target)

    async def check_callback(self, caller: Caller, callback: str) -> None:  # noqa: ARG002 -- as in Directory
        """Any address that could be called; which networks may be, the transport decides. Raises `InvalidInput`."""
        parse_origin(callback, where="callbackAddress")

    async def refresh(self) -> int:
        """There is no list of participants."""
        return self.version

    async def renew(self) -> None:
        """There is no list of participants."""

    def age(self) -> timedelta:
        """There is no list that could be old."""
        return timedelta()


def named(token: str) -> str:
    """The name in a bearer token: the `iss` of a JWT, or the token itself where it is a printable word."""
    name = tokens.issuer_unverified(token) or token
    return name if name.isprintable() and 0 < len(name) <= LONGEST else ANYONE


def _counterparty(tx: Tx, pid: str) -> str:
    process = tx.get(Negotiation, pid) or tx.get(Transfer, pid)
    return process.peer if process else ""
