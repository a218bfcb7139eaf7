"""Registering, renewing, and the status of a connector."""

from __future__ import annotations

import os
from datetime import datetime
from importlib.metadata import version
from typing import Final, Literal

import anyio

from trustspace.adapters.http.tls import reload
from trustspace.adapters.keys.file import find_passphrase
from trustspace.core.canon import decode64
from trustspace.core.contract import Contract
from trustspace.core.errors import Forbidden, NotFound, TrustspaceError
from trustspace.core.identity.certificates import CertificateFacts
from trustspace.core.identity.registration import Connector, Enterprise, Standing, State
from trustspace.node import views as v
from trustspace.node.doing.base import Doing
from trustspace.node.doing.waits import STUCK_SECONDS, who_waits
from trustspace.node.folder import host_of
from trustspace.node.logview import log_state
from trustspace.node.settings import OPEN_WARNING
from trustspace.services.delivery import queue_age
from trustspace.services.registry_client import CertificateRequests, make_requests
from trustspace.services.signatures import Unsigned

WARN_DAYS: Final = 30
ASKING_SECONDS: Final = 3.0
RegistrationState = Literal["new", "applied", "returned", "approved", "active", "revoked"]
NodeState = Literal[RegistrationState, "open"]
STATES: Final[dict[str, RegistrationState]] = {
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
    _revoked = ""

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
        """New keys and certificates without downtime: running connections go on, new ones meet the new certificate.

        Cut short at any point, the node goes on with what it has, and asks again with the same new keys.
        """
        self.check_registered()
        tls, signing = (self.engine.folder.next_key(purpose) for purpose in ("tls", "signing"))
        host = host_of(self.engine.settings.public_url)
        requests = make_requests(tls, signing, host=host, identifier=self.engine.identifier)
        await self._taken(await self.engine.registry.renew(requests))
        return await self.status()

    async def renew_if_due(self) -> bool:
        """Renew where a certificate has few days left; says whether it did."""
        now = self.engine.clock.now()
        held = [self.engine.folder.facts(purpose, now) for purpose in ("tls", "signing")]
        if not self.engine.identifier or not any(one is not None and is_due(one, now) for one in held):
            return False
        await self.renew()
        return True

    async def _taken(self, standing: Standing) -> v.RegistrationView:
        """Keep how it stands; certificates take force at once."""
        self.standing = standing
        if standing.tls_certificate and standing.state is State.ACTIVE:
            folder = self.engine.folder
            folder.put_certificates(decode64(standing.tls_certificate), decode64(standing.signing_certificate))
            self.engine.adopt()
            await self.engine.remember_own()
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
        engine, unheard = self.engine, await self._heard()
        queued = await self.read(lambda tx: tx.queued(limit=100_000))
        certificates = self._certificates()
        size, root = await log_state(engine.store)
        waits = await who_waits(engine)
        contracts, unsigned = await self.read(lambda tx: (tx.count(Contract), tx.count(Unsigned)))
        return v.StatusView(
            kind="connector",
            name=engine.settings.name,
            state=self._state(),
            identifier=engine.identifier,
            did=engine.me,
            credit_code=engine.negotiations.house.party.credit_code,
            public_url=engine.settings.public_url,
            reason=self._revoked or (self.standing.reason if self.standing else ""),
            certificates=certificates,
            outbox=len(queued),
            waiting=waits.number,
            stuck=waits.longest,
            log_size=size,
            log_root=root,
            contracts=contracts,
            unsigned=unsigned,
            warnings=[
                *unheard,
                *_not_signed(unsigned, contracts),
                *await engine.steady.warnings(),
                *engine.clocks.warnings(),
                *self._warnings(certificates),
                *_slow(queue_age(queued, engine.clock.now())),
            ],
            version=version("trustspace"),
        )

    async def _heard(self) -> list[str]:
        """Ask the functional node how we stand; the warning where it does not say."""
        if self.engine.settings.open:
            return [OPEN_WARNING]
        try:
            with anyio.fail_after(ASKING_SECONDS):
                self.standing = await self.engine.registry.status()
        except Forbidden as error:
            self._revoked = error.what
        except NotFound:  # nothing was applied for yet
            return []
        except TimeoutError:
            return ["the functional node does not answer"]
        except TrustspaceError as error:
            return [f"the functional node cannot be asked: {error}"]
        return []

    def _state(self) -> NodeState:
        if self._revoked:
            return "revoked"
        if self.engine.settings.open:
            return "open"
        if self.engine.identifier:
            return "active"
        return STATES[self.standing.state if self.standing else ""]

    def _certificates(self) -> list[v.CertificateView]:
        now, folder = self.engine.clock.now(), self.engine.folder
        tls, signing = folder.facts("tls", now), folder.facts("signing", now)
        held = [certificate_view("tls", tls, now)] if tls else []
        return [*held, certificate_view("signing", signing, now)] if signing else held

    def _warnings(self, certificates: list[v.CertificateView]) -> list[str]:
        told = [expiring(one, "trustspace renew") for one in certificates if one.days_left <= WARN_DAYS]
        if self.engine.settings.plain:
            told.append("plain HTTP: nothing between the nodes is encrypted")
        if not self.engine.ready:
            told.append("not registered: trustspace register")
        return told


def _not_signed(unsigned: int, contracts: int) -> list[str]:
    return [f"{unsigned} of {contracts} contracts are not signed by both 未签名: contracts list"] if unsigned else []


def is_due(facts: CertificateFacts, now: datetime) -> bool:
    """Whether a certificate is to be renewed: 30 days before its end, or in the last third of a shorter life."""
    left, life = facts.not_after - now, facts.not_after - facts.not_before
    return left.days <= WARN_DAYS and left <= life / 3


def expiring(certificate: v.CertificateView, remedy: str) -> str:
    """The warning about a certificate."""
    if certificate.days_left < 0:
        return f"the {certificate.purpose} certificate has expired: {remedy}"
    return f"the {certificate.purpose} certificate ends in {certificate.days_left} days: {remedy}"


def certificate_view(
    purpose: Literal["tls", "signing", "root"], facts: CertificateFacts, now: datetime
) -> v.CertificateView:
    """A certificate for people."""
    left = (facts.not_after - now).days
    return v.CertificateView(purpose=purpose, thumbprint=facts.thumbprint, not_after=facts.not_after, days_left=left)


def _slow(seconds: float) -> list[str]:
    return [f"the oldest message waits for {int(seconds)} s: see stuck"] if seconds > STUCK_SECONDS else []
