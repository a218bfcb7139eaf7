"""参与方名录: the list of participants that a functional node signs, versioned, and never more than seconds old."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trustspace.core.canon import decode64
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.participants import Participant, ParticipantList, ParticipantStatus, sign_list
from trustspace.core.identity.registration import Application, State
from trustspace.ports import Clock, Signer, Store, Tx
from trustspace.services.registration import EDITION, Edition

FRESH: Final = timedelta(seconds=30)
"""A list older than this is signed anew, so that readers always have one under the 60 s that new relations ask for."""
GRACE: Final = timedelta(hours=4)
"""How long running relations may go on with a list while the node is out of reach; then it has expired."""
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Issued:
    """A list as it was signed."""

    edition: int
    list: ParticipantList
    signed: bytes


class ListDesk:
    """Signs the list under the node's identifier; `renew` takes a new key and certificate (DER)."""

    def __init__(
        self, store: Store, clock: Clock, signer: Signer, certificate: bytes, *, node: str, grace: timedelta = GRACE
    ) -> None:
        self._store, self._clock, self._node, self._grace = store, clock, node, grace
        self._signer, self._certificate = signer, certificate
        self._issued: Issued | None = None

    def renew(self, signer: Signer, certificate: bytes) -> None:
        """Sign with another key from now on."""
        self._signer, self._certificate, self._issued = signer, certificate, None

    async def current(self) -> Issued:
        """The list of the edition in force: the one signed last while it is fresh, else signed now."""
        now, last = self._clock.now(), self._issued
        edition = await self._store.read(_edition)
        if last and last.edition == edition and last.list.issued <= now < last.list.issued + FRESH:
            return last
        if last and last.edition == edition:
            self._issued = self._sign(edition, last.list, now)
        else:
            edition, applications = await self._store.read(_everyone)
            self._issued = self._sign(edition, self._list(edition, applications, now), now)
        return self._issued

    def _list(self, edition: int, applications: list[Application], now: datetime) -> ParticipantList:
        active = [one for one in applications if one.state is State.ACTIVE]
        revoked = [one for one in applications if one.state is State.REVOKED]
        return ParticipantList(
            node=self._node,
            version=edition + 1,
            issued=now,
            expires=now + self._grace,
            participants=tuple(_participants(active, revoked)),
            revoked_certificates={
                thumbprint(decode64(text)): one.changed
                for one in revoked
                for text in (one.tls_certificate, one.signing_certificate, *one.former)
                if text
            },
        )

    def _sign(self, edition: int, members: ParticipantList, now: datetime) -> Issued:
        """Sign these members as of now."""
        made = ParticipantList(
            node=members.node,
            version=members.version,
            issued=now,
            expires=now + self._grace,
            participants=members.participants,
            revoked_certificates=members.revoked_certificates,
        )
        return Issued(edition, made, sign_list(self._signer, self._certificate, made))


def _edition(tx: Tx) -> int:
    edition = tx.get(Edition, EDITION)
    return edition.version if edition else 0


def _everyone(tx: Tx) -> tuple[int, list[Application]]:
    """The edition, and whoever is or was in force, in one reading."""
    found: list[Application] = []
    for state in (State.ACTIVE, State.REVOKED):
        after = 0
        while page := tx.find(Application, state=state, after=after, limit=_PAGE):
            found += page
            after += len(page)
    return _edition(tx), found


def _participants(active: Iterable[Application], revoked: Iterable[Application]) -> Iterable[Participant]:
    """Those in force, and those revoked whose DID nobody has taken over (their certificates are listed in any case)."""
    taken: set[str] = set()
    for application in (*active, *sorted(revoked, key=lambda one: one.changed, reverse=True)):
        if application.requested.did not in taken:
            taken.add(application.requested.did)
            yield _participant(application)


def _participant(application: Application) -> Participant:
    revoked = application.state is State.REVOKED
    certificates = filter(None, (application.signing_certificate, *application.former))
    return Participant(
        identifier=application.identifier,
        credit_code=application.credit_code,
        name=application.enterprise.enterprise_name,
        did=application.requested.did,
        status=ParticipantStatus.REVOKED if revoked else ParticipantStatus.ACTIVE,
        signing_thumbprints=tuple(thumbprint(decode64(text)) for text in certificates),
        endpoints={"url": application.requested.public_url},
        revoked_at=application.changed if revoked else None,
    )
