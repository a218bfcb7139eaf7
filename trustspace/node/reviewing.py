"""What the management interface of a functional node does: the operator's review of identities and products."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from trustspace.core.canon import decode64, loads
from trustspace.core.errors import TrustspaceError
from trustspace.core.identity.certificates import Profile, verify_chain
from trustspace.core.identity.registration import Application
from trustspace.node import views as v
from trustspace.node.doing.base import page
from trustspace.node.doing.identity import STATES, WARN_DAYS, certificate_view
from trustspace.node.doing.products import entry_view
from trustspace.node.folder import Folder
from trustspace.node.functional import FunctionalNode
from trustspace.node.logview import checkpoint, log_state
from trustspace.node.settings import Settings
from trustspace.ports import Clock, Signer, Store

OPERATOR: Final = "operator"
"""Who reviews: the holder of the management token."""


class Reviewing:
    """Every verb of a functional node."""

    def __init__(
        self, node: FunctionalNode, folder: Folder, settings: Settings, store: Store, clock: Clock, key: Signer
    ) -> None:
        self._node, self._folder, self._settings = node, folder, settings
        self._store, self._clock, self._key = store, clock, key
        self._roots = folder.roots()

    async def status(self) -> v.StatusView:
        """What runs and what expires."""
        size, root = await log_state(self._store)
        certificates = self._certificates()
        return v.StatusView(
            kind="functional",
            name=self._settings.name,
            state="active",
            identifier=self._identifier(),
            credit_code=self._settings.credit_code,
            public_url=self._settings.public_url,
            certificates=certificates,
            outbox=0,
            log_size=size,
            log_root=root,
            warnings=[
                f"the {one.purpose} certificate ends in {one.days_left} days"
                for one in certificates
                if one.days_left <= WARN_DAYS
            ],
            version=version("trustspace"),
        )

    def _identifier(self) -> str:
        return verify_chain(
            self._folder.read_certificate("signing") or b"", self._roots, at=self._clock.now()
        ).identifier

    def _certificates(self) -> list[v.CertificateView]:
        now, seen = self._clock.now(), []
        for name, profile in (("tls", Profile.TLS), ("signing", Profile.SIGNING)):
            der = self._folder.read_certificate(name) or b""
            facts = verify_chain(der, self._roots, at=now, purpose=profile)
            seen.append(certificate_view("tls" if name == "tls" else "signing", facts, now))
        return seen

    async def log(self) -> v.LogView:
        """Its evidence log."""
        size, root = await log_state(self._store)
        note = await checkpoint(self._store, self._identifier(), self._key)
        return v.LogView(size=size, root=root, checkpoint=note)

    async def log_entries(self, *, subject: str = "", after: str = "0", limit: str = "100") -> v.LogPage:
        """Entries of the log, oldest first."""
        start, most = page(after, limit)
        found = await self._store.read(lambda tx: tx.entries(subject, after=start - 1, limit=most))
        total = await self._store.read(lambda tx: tx.log_size())
        results = [v.LogEntryView.model_validate({"index": one.index, **_told(one.body)}) for one in found]
        return v.LogPage(total=total, results=results)

    async def identities(self, *, state: str = "", offset: str = "0", limit: str = "100") -> list[v.IdentityView]:
        """Applications and identities."""
        start, most = page(offset, limit)
        found, _ = await self._node.registration.list(state=state.upper(), offset=start, limit=most)
        return [self._identity(one) for one in found]

    async def identity(self, name: str) -> v.IdentityView:
        """One."""
        return self._identity(await self._node.registration.find(name))

    async def approve_identity(self, name: str, _: v.DecisionRequest) -> v.IdentityView:
        """Approve: assigns the identifier."""
        return self._identity(await self._node.registration.approve(name, by=OPERATOR))

    async def return_identity(self, name: str, request: v.DecisionRequest) -> v.IdentityView:
        """Send back with a reason."""
        return self._identity(await self._node.registration.return_(name, request.reason, by=OPERATOR))

    async def revoke_identity(self, name: str, request: v.DecisionRequest) -> v.IdentityView:
        """Revoke."""
        return self._identity(await self._node.registration.revoke(name, request.reason, by=OPERATOR))

    async def entries(self, *, state: str = "", q: str = "", offset: str = "0", limit: str = "20") -> v.EntryPage:
        """Product entries."""
        start, most = page(offset, limit)
        found, total = await self._node.catalogue.list(state=state.upper(), text=q, offset=start, limit=most)
        return v.EntryPage(total=total, offset=start, results=[entry_view(one) for one in found])

    async def entry(self, name: str) -> v.EntryView:
        """One."""
        return entry_view(await self._node.catalogue.find(name))

    async def approve_entry(self, name: str, _: v.DecisionRequest) -> v.EntryView:
        """Approve: assigns the code and lists the product."""
        return entry_view(await self._node.catalogue.approve(name, by=OPERATOR, and_list=True))

    async def return_entry(self, name: str, request: v.DecisionRequest) -> v.EntryView:
        """Send back with a reason."""
        return entry_view(await self._node.catalogue.return_(name, request.reason, by=OPERATOR))

    async def delist_entry(self, name: str, request: v.DecisionRequest) -> v.EntryView:
        """Take it off the catalogue."""
        return entry_view(await self._node.catalogue.delist(name, request.reason, by=OPERATOR))

    def _identity(self, application: Application) -> v.IdentityView:
        enterprise, connector = application.enterprise, application.connector
        return v.IdentityView(
            application=application.key,
            state=STATES[application.state],
            name=enterprise.enterprise_name,
            credit_code=application.credit_code,
            identifier=application.identifier,
            did=connector.did if connector else "",
            public_url=connector.public_url if connector else "",
            reason=application.reason,
            contact=enterprise.contact,
            address=enterprise.address,
            submitted=application.created,
            changed=application.changed,
            certificates=self._issued(application),
            history=[
                f"{one.time.isoformat()} {one.state} by {one.who} {one.reason}".rstrip() for one in application.history
            ],
        )

    def _issued(self, application: Application) -> list[v.CertificateView]:
        now, seen = self._clock.now(), []
        pairs = (("tls", application.tls_certificate), ("signing", application.signing_certificate))
        for name, text in pairs:
            try:
                profile = Profile.TLS if name == "tls" else Profile.SIGNING
                facts = verify_chain(decode64(text), self._roots, at=now, purpose=profile)
            except TrustspaceError:  # not issued yet, or no longer good: the state says which
                continue
            seen.append(certificate_view("tls" if name == "tls" else "signing", facts, now))
        return seen


def _told(body: bytes) -> dict[str, object]:
    leaf = loads(body)
    return {name: leaf[name] for name in ("kind", "time", "subjects", "data")}
