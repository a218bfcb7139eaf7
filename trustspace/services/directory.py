"""Who the others are (参与方名录): the functional node's signed list, their DID documents, their tokens.

The list is the truth about who takes part: at most `FRESH` old for anything new, `GRACE` for what is running when the
functional node cannot be reached; then everybody is refused. Keys come from the DID document, and must be in the list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final, Protocol

import anyio

from trustspace.core.errors import (
    ClockOff,
    ClockWrong,
    InvalidInput,
    NotFound,
    NotVerified,
    TrustspaceError,
    Unauthenticated,
    Unavailable,
)
from trustspace.core.identity import tokens
from trustspace.core.identity.certificates import Profile, public_key_of, verify_chain
from trustspace.core.identity.did import SIGNING, Document, read_document
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.participants import Participant, ParticipantList
from trustspace.core.identity.tokens import TokenKind
from trustspace.core.origins import parse_origin
from trustspace.core.record import Record
from trustspace.ports import Clock, Resolver, Tx
from trustspace.services.exchange import Caller, Incoming

FRESH: Final = timedelta(seconds=60)
"""How old the list may be for a new relation."""
GRACE: Final = timedelta(hours=4)
"""How old it may be for what is running, while the functional node cannot be reached."""


AHEAD: Final = timedelta(seconds=60)
"""How far the functional node's clock may be ahead of ours: a list from further on never gets old here."""
LIST: Final = "participants"
RETRY: Final = timedelta(seconds=0.2)
"""How long between two fetches, whoever asks for somebody who is not in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenList(Record):
    """The newest version of the list that was ever seen here: an older one is refused, after a restart too."""

    KIND: ClassVar[str] = "seen-list"

    newest: int


def newest_seen(tx: Tx) -> int:
    """The newest version ever seen; 0 before the first."""
    seen = tx.get(SeenList, LIST)
    return seen.newest if seen else 0


def saw_list(tx: Tx, version: int) -> None:
    """Remember a version, if it is newer."""
    seen = tx.get(SeenList, LIST) or SeenList(key=LIST, newest=0)
    if version > seen.newest:
        tx.save(replace(seen, newest=version), expect=seen.version)


class Signing(Protocol):
    """What is known of who signs."""

    def __call__(self, participant: str, identifier: str, *, said: bool) -> Awaitable[bool]:
        """Whether a participant signs, that does or does not say so in its document now."""


class Directory:
    """The participants of one functional node, as one connector sees them."""

    def __init__(
        self,
        fetch: Callable[[int], Awaitable[ParticipantList]],
        resolver: Resolver,
        roots: Sequence[bytes],
        clock: Clock,
        me: str,
        met: Callable[[str, Sequence[bytes]], Awaitable[None]] | None = None,
        signing: Signing | None = None,
    ) -> None:
        self._fetch, self._resolver, self._roots = fetch, resolver, roots
        self._clock, self._me, self._met, self._signing = clock, me, met, signing
        self._list: ParticipantList | None = None
        self._callers: dict[str, Caller] = {}
        self._lock = anyio.Lock()
        self._fetched = clock.now() - RETRY

    @property
    def version(self) -> int:
        """The version of the list in use; 0 before the first."""
        return self._list.version if self._list else 0

    async def known(self, participant: str, *, fresh: bool = True) -> Caller:
        """The participant by its DID or identifier; `fresh` for new relations; raises `Unauthenticated`."""
        await self._current(FRESH if fresh else GRACE)
        if self._listed().find(participant) is None:
            await self.renew()  # it may have registered since
        try:
            listed = self._listed().active(participant)
        except (NotFound, NotVerified) as error:
            raise Unauthenticated(error.what, where=error.where) from error
        caller = self._callers.get(listed.did)
        return caller if caller is not None else await self._meet(listed)

    async def authenticate(self, token: str, method: str, target: str, body: bytes) -> Incoming:
        """Who sent this request; raises `Unauthenticated` with the reason."""
        said = tokens.claimed(token)
        caller = await self._by_key(said.issuer, said.thumbprint)
        digest = tokens.request_digest(method, target, body)
        try:
            claims = tokens.verify(
                token,
                public_der=caller.keys[said.thumbprint],
                typ=TokenKind.REQUEST,
                issuer=said.issuer,
                audience=self._me,
                now=self._clock.now(),
                digest=digest,
            )
        except ClockOff as error:
            raise ClockOff(error.what, seconds=error.seconds, where=caller.participant, hint=error.hint) from error
        return Incoming(caller, body, token, claims.jti, digest, claims.usable_until, target)

    async def check_callback(self, caller: Caller, callback: str) -> None:
        """The address has the origin of the caller's own endpoint; raises `InvalidInput`."""
        origin = parse_origin(callback, where="callbackAddress")
        if "?" in callback or not caller.endpoint or origin != parse_origin(caller.endpoint):
            raise InvalidInput(
                f"{origin} is not the sender's own endpoint",
                where="callbackAddress",
                hint="answers go to the address that the sender is registered with",
            )

    async def refresh(self) -> int:
        """Fetch the list now; returns its version."""
        async with self._lock:
            await self._load()
        return self.version

    async def renew(self) -> None:
        """Fetch a list that is newer than this call, at most one in `RETRY` however often it is asked for."""
        asked = self._clock.now()
        async with self._lock:
            if self._fetched >= asked:
                return
            await anyio.sleep(max(0.0, (RETRY - (asked - self._fetched)).total_seconds()))
            await self._load()

    def age(self) -> timedelta:
        """How old the list in use is."""
        return self._list.age(self._clock.now()) if self._list else timedelta.max

    async def _by_key(self, participant: str, thumbprint: str) -> Caller:
        """The caller, with that certificate among those that stand: a renewed one is looked up once more."""
        caller = await self.known(participant)
        if thumbprint not in caller.keys:
            await self.renew()
            caller = await self._meet(self._listed().active(participant), fresh=True)
        if thumbprint not in caller.keys:
            raise Unauthenticated(f"{participant} does not sign with this certificate", where="token")
        return caller

    async def _meet(self, listed: Participant, *, fresh: bool = False) -> Caller:
        """The participant with the keys of its DID document that the list confirms."""
        if listed.did == self._me:
            raise Unauthenticated("this is ourselves", where="participant")
        document = await self._document(listed.did, fresh=fresh)
        certificates = self._standing(document, listed)
        if self._met is not None:
            await self._met(listed.did, certificates)
        caller = Caller(
            participant=listed.did,
            identifier=listed.identifier,
            credit_code=listed.credit_code,
            name=listed.name,
            signs=await self._signs(listed, document),
            receipts=_announces(document),
            keys={thumbprint(one): public_key_of(one) for one in certificates},
            endpoint=listed.endpoints.get("url", ""),
        )
        self._callers[listed.did] = caller
        return caller

    async def _signs(self, listed: Participant, document: Document) -> bool:
        said = _announces(document)
        return await self._signing(listed.did, listed.identifier, said=said) if self._signing else said

    async def _document(self, did: str, *, fresh: bool) -> Document:
        """Its DID document; one that came spoilt is asked for once more, and never held against whoever calls."""
        try:
            return read_document(await self._resolver.resolve(did, fresh=fresh), did)
        except (InvalidInput, NotFound) as error:
            if not fresh:
                return await self._document(did, fresh=True)
            raise Unavailable(f"its DID document does not hold: {error.what}", where=did) from error

    def _standing(self, document: Document, listed: Participant) -> list[bytes]:
        """The certificates of a document that are this participant's now, as the list confirms."""
        standing: list[bytes] = []
        for certificate in [one for key in document.keys.values() for one in key.certificates]:
            try:
                facts = verify_chain(certificate, self._roots, at=self._clock.now(), purpose=Profile.SIGNING)
                self._listed().check_certificate(listed.did, facts.thumbprint)
            except TrustspaceError:  # an old or foreign certificate in a document is no key of this participant
                continue
            if facts.identifier == listed.identifier:
                standing.append(certificate)
        return standing

    def _listed(self) -> ParticipantList:
        if self._list is None:
            raise Unavailable("the list of participants is not known yet", hint="is the functional node reachable?")
        return self._list

    async def _current(self, limit: timedelta) -> None:
        if -AHEAD <= self.age() <= FRESH:
            return
        async with self._lock:
            if -AHEAD <= self.age() <= FRESH:
                return
            try:
                await self._load()
            except ClockWrong:
                if not -AHEAD <= self.age() <= limit:
                    raise
            except (Unavailable, NotVerified, InvalidInput) as error:  # a list that does not hold is none
                if self.age() > limit:
                    raise Unavailable(
                        f"the list of participants is {_age(self.age())} old: {error.what}",
                        where="functional node",
                        hint="new relations wait until it is reachable again",
                    ) from error

    async def _load(self) -> None:
        self._fetched = self._clock.now()
        new = await self._fetch(self.version)
        if self._list is None or new.version != self._list.version:
            self._callers.clear()
        self._list = new


def _announces(document: Document) -> bool:
    return document.service(SIGNING) is not None


def _age(age: timedelta) -> str:
    return "unknown how" if age == timedelta.max else f"{int(age.total_seconds())} s"
