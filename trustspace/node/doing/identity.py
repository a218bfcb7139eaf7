"""Registering, renewing, and the status of a connector."""

from __future__ import annotations

import os
from datetime import datetime
from importlib.metadata import version
from typing import Final, Literal

from trustspace.adapters.http.tls import reload
from trustspace.adapters.keys.file import FileKey, find_passphrase
from trustspace.core.canon import decode64
from trustspace.core.contract import Contract, Negotiation
from trustspace.core.errors import TrustspaceError
from trustspace.core.identity.certificates import CertificateFacts, Profile, verify_chain
from trustspace.core.identity.registration import Connector, Enterprise, Standing, State
from trustspace.node import views as v
from trustspace.node.doing.base import Doing
from trustspace.node.folder import host_of
from trustspace.node.logview import log_state
from trustspace.services.delivery import queue_age
from trustspace.services.negotiation import waits_for
from trustspace.services.registry_client import CertificateRequests, make_requests

WARN_DAYS: Final = 30
STUCK_SECONDS: Final = 5.0
STATES: Final[dict[str, Literal["new", "applied", "returned", "approved", "active", "revoked"]]] = {
    "": "new",
    State.DRAFT: "new",
    State.SUBMITTED: "applied",
    State.RETURNED: "returned",
    State.APPROVED: "approved",
    State.ACTIVE: "active",
    State.REVOKED: "revoked",
}


class IdentityDoing(Doing):
    """`register`, `registration`, `renew`, `status`."""

    standing: Standing | None = None

    async def register(self, request: v.RegisterRequest) -> v.RegistrationView:
        """Apply, or apply again after a return."""
        settings = self.engine.settings
        enterprise = Enterprise(
            enterprise_name=request.name or settings.name,
            credit_code=request.credit_code or settings.credit_code,
            contact=request.contact,
            address=request.address,
        )
        host = host_of(settings.public_url)
        connector = Connector(
            connector_name=request.name or settings.name,
            did=self.engine.me,
            public_url=settings.public_url,
            hosts=(host,),
            software=f"trustspace {version('trustspace')}",
        )
        return await self._taken(await self.engine.registry.apply(enterprise, connector, self._requests()))

    async def registration(self) -> v.RegistrationView:
        """Ask how it stands; fetch the certificates once approved."""
        standing = await self.engine.registry.status()
        if standing.state is State.APPROVED:
            standing = await self.engine.registry.request_certificates(self._requests(standing.identifier))
        return await self._taken(standing)

    async def renew(self) -> v.StatusView:
        """New keys and certificates without downtime: running connections go on, new ones meet the new certificate."""
        self.check_registered()
        folder, passphrase = self.engine.folder, find_passphrase(os.environ)
        for purpose in ("signing", "tls"):
            folder.key(f"{purpose}.next").unlink(missing_ok=True)
        keys = {name: FileKey.create(folder.key(f"{name}.next"), passphrase) for name in ("signing", "tls")}
        host = host_of(self.engine.settings.public_url)
        requests = make_requests(keys["tls"], keys["signing"], host=host, identifier=self.engine.identifier)
        standing = await self.engine.registry.renew(requests)
        for name in ("signing", "tls"):
            folder.key(f"{name}.next").replace(folder.key(name))
        await self._taken(standing)
        return await self.status()

    async def _taken(self, standing: Standing) -> v.RegistrationView:
        """Keep how it stands; certificates take force at once."""
        self.standing = standing
        if standing.tls_certificate and standing.state is State.ACTIVE:
            folder = self.engine.folder
            folder.write_certificate("tls", decode64(standing.tls_certificate))
            folder.write_certificate("signing", decode64(standing.signing_certificate))
            self.engine.adopt()
            if self.engine.tls is not None:
                reload(self.engine.tls, folder.certificate("tls"), folder.key("tls"), find_passphrase(os.environ))
            await self.engine.open_public()
        return v.RegistrationView(
            state=STATES[standing.state],
            reason=standing.reason,
            identifier=standing.identifier,
            application=standing.application,
        )

    def _requests(self, identifier: str = "") -> CertificateRequests:
        folder, host = self.engine.folder, host_of(self.engine.settings.public_url)
        return make_requests(folder.load_key("tls"), folder.load_key("signing"), host=host, identifier=identifier)

    async def status(self) -> v.StatusView:
        """What runs, what is stuck and why, what expires."""
        engine = self.engine
        queued = await self.read(lambda tx: tx.queued(limit=100_000))
        certificates = self._certificates()
        size, root = await log_state(engine.store)
        return v.StatusView(
            kind="connector",
            name=engine.settings.name,
            state="active" if engine.identifier else STATES[self.standing.state if self.standing else ""],
            identifier=engine.identifier,
            did=engine.me,
            credit_code=engine.negotiations.house.party.credit_code,
            public_url=engine.settings.public_url,
            reason=self.standing.reason if self.standing else "",
            certificates=certificates,
            outbox=len(queued),
            stuck=await self._stuck(),
            log_size=size,
            log_root=root,
            contracts=await self.read(lambda tx: tx.count(Contract)),
            warnings=[*self._warnings(certificates), *_slow(queue_age(queued, engine.clock.now()))],
            version=version("trustspace"),
        )

    async def _stuck(self) -> list[v.StuckView]:
        now = self.engine.clock.now()
        waiting = [
            v.StuckView(
                process=message.process,
                what=f"{message.kind} {message.verb} to {message.to}",
                waits_for="its answer",
                since=message.created,
                attempts=message.attempts,
                error=message.error,
            )
            for message in await self.read(lambda tx: tx.queued(limit=100))
            if message.attempts
        ]
        for negotiation in await self.read(lambda tx: tx.find(Negotiation, limit=100, todo="decide")):
            waiting.append(_undecided(negotiation))  # noqa: PERF401 -- three sources, one list
        waiting += [
            v.StuckView(
                process=pid,
                what=f"our next step in the {held.machine}",
                waits_for="us",
                since=held.since,
                attempts=held.attempts,
                error=held.error,
            )
            for pid, held in self.engine.held.items()
        ]
        return [one for one in waiting if (now - one.since).total_seconds() > STUCK_SECONDS or one.attempts]

    def _certificates(self) -> list[v.CertificateView]:
        engine, seen = self.engine, []
        for name, profile in (("tls", Profile.TLS), ("signing", Profile.SIGNING)):
            der = engine.folder.read_certificate(name)
            if der is None:
                continue
            try:
                facts = verify_chain(der, engine.roots, at=engine.clock.now(), purpose=profile)
            except TrustspaceError:  # it has expired: the warning below is what matters
                continue
            seen.append(certificate_view("tls" if name == "tls" else "signing", facts, engine.clock.now()))
        return seen

    def _warnings(self, certificates: list[v.CertificateView]) -> list[str]:
        engine = self.engine
        told = [
            f"the {one.purpose} certificate ends in {one.days_left} days: trustspace renew"
            for one in certificates
            if one.days_left <= WARN_DAYS
        ]
        if engine.identifier and len(certificates) < 2:
            told.append("a certificate has expired: trustspace renew")
        if engine.settings.plain:
            told.append("plain HTTP: nothing between the nodes is encrypted")
        if not engine.identifier:
            told.append("not registered: trustspace register")
        return told


def _undecided(negotiation: Negotiation) -> v.StuckView:
    return v.StuckView(
        process=negotiation.key,
        what=f"negotiation with {negotiation.peer}",
        waits_for=waits_for(negotiation),
        since=negotiation.changed,
    )


def certificate_view(
    purpose: Literal["tls", "signing", "root"], facts: CertificateFacts, now: datetime
) -> v.CertificateView:
    """A certificate for people."""
    left = (facts.not_after - now).days
    return v.CertificateView(purpose=purpose, thumbprint=facts.thumbprint, not_after=facts.not_after, days_left=left)


def _slow(seconds: float) -> list[str]:
    return [f"the oldest message waits for {int(seconds)} s: see stuck"] if seconds > STUCK_SECONDS else []
