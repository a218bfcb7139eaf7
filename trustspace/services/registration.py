"""统一身份登记 at a functional node: applicants enter, apply and ask; reviewers return, approve and revoke.

What an applicant's message does is a transaction body (`enter`, `apply`, …) so that the message's number, its effect
and its answer are stored together; what a reviewer does is a method of its own. Certificates are signed before the
transaction, from what was read, since the key may sit in an HSM; the transaction checks that the same still holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from trustspace.core.canon import decode64, encode64
from trustspace.core.errors import Conflict, Forbidden, InvalidInput, NotFound, NotVerified, Unauthenticated
from trustspace.core.evidence.leaves import leaf
from trustspace.core.identifiers import DEFAULT, InvalidIdentifier, Kind, Profile, Reason, make
from trustspace.core.identity import registration as core
from trustspace.core.identity.certificates import RequestFacts, check_request
from trustspace.core.identity.registration import Application, Connector, Enterprise, Standing, State
from trustspace.core.record import Record
from trustspace.ports import Clock, Ids, Leaf, Store, Tx
from trustspace.services.authority import Authority

_TRIES: Final = 20

Body = Callable[[Tx], Standing]
"""What a message of an applicant does in a transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition(Record):
    """Which edition of the participant list (参与方名录) is in force: its `version` rises with each change of it."""

    KIND: ClassVar[str] = "edition"


EDITION: Final = "participants"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder(Record):
    """Whose a DID is: `key` is the DID, `application` that of the connector that has it."""

    KIND: ClassVar[str] = "did"

    application: str


@dataclass(frozen=True, slots=True)
class Requests:
    """The two certificate requests of a connector, proved: TLS and signing."""

    tls: RequestFacts
    signing: RequestFacts

    @property
    def keys(self) -> tuple[str, str]:
        """The public keys, TLS and signing, as base64url of DER."""
        return encode64(self.tls.public_der), encode64(self.signing.public_der)


def check_requests(tls: bytes, signing: bytes) -> Requests:
    """Read both requests (DER) and check their proofs of possession; the two keys must differ."""
    requests = Requests(check_request(tls), check_request(signing))
    if requests.tls.public_der == requests.signing.public_der:
        raise InvalidInput("TLS and signing need a key each", where="certificate requests")
    return requests


def _check_version(stored: Application, read: Application) -> None:
    if stored.version != read.version:
        raise Conflict("the registration has changed meanwhile", where="registration", hint="ask again")


class RegistrationDesk:
    """登记 of a functional node. `place` is its region or industry code, `by` in reviews the reviewer's name."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        authority: Authority,
        *,
        place: str,
        profile: Profile = DEFAULT,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._clock, self._ids, self._authority = store, clock, ids, authority
        self._place, self._profile, self._on_change = place, profile, on_change
        self._at_revocation: list[Callable[[Tx, str, str, str, datetime], None]] = []

    def at_revocation(self, act: Callable[[Tx, str, str, str, datetime], None]) -> None:
        """Let this happen in the transaction of each revocation: identifier, reason, by whom, when."""
        self._at_revocation.append(act)

    # what applicants and connectors ask for: bodies, run by whoever keeps the message's number

    def enter(self, key: str, enterprise: Enterprise) -> Body:
        """主体身份注册: the organisation of the applicant of this key (`application_key`)."""
        now = self._clock.now()

        def body(tx: Tx) -> Standing:
            before = tx.get(Application, key)
            after = core.enter(before, enterprise, key=key, now=now)
            return core.standing(tx.save(after, expect=before.version if before else 0))

        return body

    def apply(self, key: str, connector: Connector, requests: Requests) -> Body:
        """接入连接器注册: the connector, and the keys that its certificates will be for."""
        now, (tls, signing) = self._clock.now(), requests.keys

        def body(tx: Tx) -> Standing:
            before = self.get(tx, key)
            self._check_did(tx, key, connector.did)
            after = core.apply(before, connector, tls=tls, signing=signing, now=now)
            return core.standing(tx.save(after, expect=before.version))

        return body

    def ask(self, key: str) -> Body:
        """注册结果查询: how the application stands."""
        return lambda tx: core.standing(self.get(tx, key))

    async def certify(self, key: str, requests: Requests) -> Body:
        """凭证申请: certificates for the keys that were approved; asked again, the same certificates again."""
        now, application = self._clock.now(), await self._store.read(lambda tx: self.get(tx, key))
        core.check_keys(application, tls=requests.keys[0], signing=requests.keys[1])
        tls, signing = self._issue(application, requests, now) if application.state is State.APPROVED else ("", "")

        def body(tx: Tx) -> Standing:
            before = self.get(tx, key)
            if before.state is State.ACTIVE and requests.keys == (before.tls_key, before.signing_key):
                return core.standing(before)
            _check_version(before, application)
            after = core.certify(before, tls=tls, signing=signing, now=now)
            return self._put_in_force(tx, after, now)

        return body

    async def renew(self, key: str, requests: Requests) -> Body:
        """凭证更新: certificates for new keys (or the same), asked for with the present signing key."""
        now, application = self._clock.now(), await self._store.read(lambda tx: self.get(tx, key))
        tls, signing = self._issue(application, requests, now)

        def body(tx: Tx) -> Standing:
            before = self.get(tx, key)
            _check_version(before, application)
            after = core.renew(before, tls=tls, signing=signing, keys=requests.keys, now=now)
            return self._put_in_force(tx, after, now)

        return body

    def move(self, key: str, *, did: str, public_url: str, hosts: tuple[str, ...]) -> Body:
        """接入连接器地址上报: a new DID and address under the same identifier."""
        now = self._clock.now()

        def body(tx: Tx) -> Standing:
            after = core.move(self.get(tx, key), did=did, public_url=public_url, hosts=hosts, now=now)
            return self._put_in_force(tx, after, now)

        return body

    # who is calling

    def caller(self, tx: Tx, identifier: str) -> Application:
        """The application of the connector that calls; `Forbidden` with the reason once it was revoked."""
        found = tx.find(Application, identifier=identifier, limit=1)
        if not found:
            raise Unauthenticated(f"no connector {identifier!r} is registered here", where="connectorId")
        [application] = found
        if application.state is State.REVOKED:
            raise Forbidden(f"the registration was revoked: {application.reason}", where="connectorId")
        return application

    def keys(self, application: Application) -> tuple[bytes, ...]:
        """The public keys (DER) that may sign for a connector now: those of its certificates that have not expired."""
        now, held = self._clock.now(), (application.signing_certificate, *application.former)
        keys = []
        for certificate in filter(None, held):
            try:
                keys.append(self._authority.check(decode64(certificate), now=now).public_der)
            except NotVerified:
                continue
        return tuple(keys)

    def get(self, tx: Tx, key: str) -> Application:
        """The application of that key; `NotFound`."""
        application = tx.get(Application, key)
        if application is None:
            raise NotFound("there is no application here", where="registration", hint="apply first")
        return application

    # what reviewers do

    async def find(self, name: str) -> Application:
        """The application of that key, or of the connector with that identifier; `NotFound`."""

        def body(tx: Tx) -> Application:
            found = tx.get(Application, name) or next(iter(tx.find(Application, identifier=name, limit=1)), None)
            if found is None:
                raise NotFound(f"there is no application {name!r}", where="registry", hint="list them first")
            return found

        return await self._store.read(body)

    async def list(self, *, state: str = "", offset: int = 0, limit: int = 100) -> tuple[list[Application], int]:
        """Applications, oldest first, of one state or all, and how many there are; drafts are the applicants' own."""
        where = {"state": state} if state else {}

        def body(tx: Tx) -> tuple[list[Application], int]:
            return tx.find(Application, after=offset, limit=limit, **where), tx.count(Application, **where)

        return await self._store.read(body)

    async def return_(self, name: str, reason: str, *, by: str) -> Application:
        """退回 with a reason that the applicant will read."""
        now = self._clock.now()
        return await self._change(name, lambda _, before: core.return_(before, reason, by=by, now=now))

    async def approve(self, name: str, *, by: str) -> Application:
        """Approve and assign the 32-character identifier; of two approvals at once one wins, the other is refused."""
        now, application = self._clock.now(), await self.find(name)
        identifier = self.assign(Kind.CONNECTOR, application.credit_code)

        def decide(tx: Tx, before: Application) -> Application:
            if before.credit_code != application.credit_code or tx.count(Application, identifier=identifier):
                raise Conflict("the application has changed meanwhile", where="registry", hint="look and decide again")
            return core.approve(before, identifier, by=by, now=now)

        return await self._change(application.key, decide)

    async def revoke(self, name: str, reason: str, *, by: str) -> Application:
        """注销: the list changes with this very act, and the next message is refused."""
        now = self._clock.now()

        def decide(tx: Tx, before: Application) -> Application:
            after = core.revoke(before, reason, by=by, now=now)
            made = leaf(
                "revoked",
                time=now,
                subjects=(after.identifier,),
                data={"identifier": after.identifier, "reason": reason, "by": by},
            )
            tx.evidence(Leaf(made.body, made.subjects))
            self._next_edition(tx)
            for act in self._at_revocation:
                act(tx, after.identifier, reason, by, now)
            return after

        application = await self._change(name, decide)
        self._on_change()
        return application

    def assign(self, kind: Kind, subject: str) -> str:
        """A new identifier under this node's place; draws again where the check would be the one never assigned."""
        for _ in range(_TRIES):
            try:
                return make(
                    kind, subject=subject, place=self._place, serial=self._ids.code(8), profile=self._profile
                ).text
            except InvalidIdentifier as error:
                if error.reason is not Reason.CHECK_STAR:
                    raise
        raise Conflict("no serial could be drawn", where="identifier")

    async def _change(self, name: str, decide: Callable[[Tx, Application], Application]) -> Application:
        key = (await self.find(name)).key

        def body(tx: Tx) -> Application:
            before = self.get(tx, key)
            return tx.save(decide(tx, before), expect=before.version)

        return await self._store.run(body)

    def _issue(self, application: Application, requests: Requests, now: datetime) -> tuple[str, str]:
        """The two certificates, base64url of DER; the requests' own names must not claim another identifier."""
        for request in (requests.tls, requests.signing):
            if request.unit not in ("", application.identifier):
                raise NotVerified("the request names another identifier (OU)", where="certificate requests")
        identifier, hosts = application.identifier, application.requested.hosts
        return (
            encode64(self._authority.tls(requests.tls.public_der, identifier=identifier, hosts=hosts, now=now)),
            encode64(
                self._authority.signing(requests.signing.public_der, identifier=identifier, name=hosts[0], now=now)
            ),
        )

    def _put_in_force(self, tx: Tx, after: Application, now: datetime) -> Standing:
        """Save what the participant list shows, write it to the log, and begin the next edition."""
        self._take_did(tx, after.key, after.requested.did)
        data = {
            "identifier": after.identifier,
            "credit_code": after.credit_code,
            "name": after.enterprise.enterprise_name,
            "did": after.requested.did,
            "certificate": after.signing_certificate,
        }
        made = leaf("registered", time=now, subjects=(after.identifier,), data=data)
        tx.evidence(Leaf(made.body, made.subjects))
        self._next_edition(tx)
        return core.standing(tx.save(after, expect=after.version))

    def _take_did(self, tx: Tx, key: str, did: str) -> None:
        """Bind the DID to the application of this key."""
        self._check_did(tx, key, did)
        version = holder.version if (holder := tx.get(Holder, did)) else 0
        tx.save(Holder(key=did, version=version, application=key), expect=version)

    @staticmethod
    def _check_did(tx: Tx, key: str, did: str) -> None:
        """Raise `Conflict` where another connector in force has the DID."""
        holder = tx.get(Holder, did)
        other = tx.get(Application, holder.application) if holder and holder.application != key else None
        if other and other.state is State.ACTIVE and other.requested.did == did:
            raise Conflict(f"{did} is another connector's", where="did", hint="each connector has a DID of its own")

    @staticmethod
    def _next_edition(tx: Tx) -> None:
        edition = tx.get(Edition, EDITION) or Edition(key=EDITION)
        tx.save(edition, expect=edition.version)
