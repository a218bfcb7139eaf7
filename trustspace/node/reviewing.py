"""What the management interface of a functional node does: the operator's review of identities and products."""

from __future__ import annotations

import os
import ssl
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Final

import anyio.lowlevel

from trustspace.adapters.http.tls import reload
from trustspace.adapters.keys.file import find_passphrase
from trustspace.core.canon import decode64, loads
from trustspace.core.errors import TrustspaceError
from trustspace.core.identity.certificates import Profile, verify_chain
from trustspace.core.identity.registration import Application
from trustspace.node import views as v
from trustspace.node.doing.base import page
from trustspace.node.doing.identity import STATES, WARN_DAYS, certificate_view, expiring, is_due
from trustspace.node.doing.products import entry_view
from trustspace.node.folder import Folder, host_of
from trustspace.node.functional import FunctionalNode
from trustspace.node.logview import checkpoint, how_many, log_state
from trustspace.node.logviews import LogEntryView, LogPage, LogView
from trustspace.node.settings import Settings
from trustspace.ports import Clock, Signer, Store
from trustspace.services.authority import Authority

STORED: Final[dict[str, str]] = {shown: stored for stored, shown in STATES.items() if shown != "new"}
"""The registry's names of the states that are shown."""
OPERATOR: Final = "operator"
"""Who reviews: the holder of the management token."""


class Reviewing:
    """Every verb of a functional node."""

    tls: ssl.SSLContext | None = None
    """What the public listener presents, so that a renewed certificate is seen at once."""

    def __init__(
        self,
        node: FunctionalNode,
        authority: Authority,
        folder: Folder,
        settings: Settings,
        store: Store,
        clock: Clock,
        key: Signer,
    ) -> None:
        self._node, self._authority, self._folder, self._settings = node, authority, folder, settings
        self._store, self._clock, self._key = store, clock, key
        self._roots = folder.roots()
        self.announced: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint

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
            warnings=self._warnings(certificates),
            version=version("trustspace"),
        )

    def _warnings(self, certificates: list[v.CertificateView]) -> list[str]:
        told = [
            expiring(one, "it is renewed each day and at the start")
            for one in certificates
            if one.days_left <= WARN_DAYS
        ]
        if self._settings.plain:
            told.append("plain HTTP: nothing between the nodes is encrypted")
        return told

    def _identifier(self) -> str:
        return self._authority.facts.identifier

    def _certificates(self) -> list[v.CertificateView]:
        now, folder = self._clock.now(), self._folder
        tls, signing = folder.facts("tls", now), folder.facts("signing", now)
        held = [certificate_view("tls", tls, now)] if tls else []
        return [*held, certificate_view("signing", signing, now)] if signing else held

    async def renew_if_due(self) -> bool:
        """New certificates for the node's own keys where those it has end soon; says whether it made some."""
        now, folder = self._clock.now(), self._folder
        held = [folder.facts(purpose, now) for purpose in ("tls", "signing")]
        if not any(one is not None and is_due(one, now) for one in held):
            return False
        identifier, host, key = self._identifier(), host_of(self._settings.public_url), folder.load_key("tls")
        tls = self._authority.tls(key.public_der, identifier=identifier, hosts=[host], now=now)
        signing = self._authority.signing(self._key.public_der, identifier=identifier, name=host, now=now)
        folder.put_certificates(tls, signing)
        self._node.renewed(self._key, signing)
        if self.tls is not None:
            reload(self.tls, folder.certificate("tls"), folder.key("tls"), find_passphrase(os.environ))
        return True

    async def log(self) -> LogView:
        """Its evidence log."""
        size, root = await log_state(self._store)
        note = await checkpoint(self._store, self._identifier(), self._key)
        return LogView(size=size, root=root, checkpoint=note)

    async def log_entries(self, *, subject: str = "", after: str = "0", limit: str = "100") -> LogPage:
        """Entries of the log, oldest first."""
        start, most = page(after, limit)
        found = await self._store.read(lambda tx: tx.entries(subject, after=start - 1, limit=most))
        total = await self._store.read(lambda tx: how_many(tx, subject))
        results = [LogEntryView.model_validate({"index": one.index, **_told(one.body)}) for one in found]
        return LogPage(total=total, results=results)

    async def identities(self, *, state: str = "", offset: str = "0", limit: str = "100") -> list[v.IdentityView]:
        """Applications and identities."""
        start, most = page(offset, limit)
        stored = STORED.get(state, state.upper())
        found, _ = await self._node.registration.list(state=stored, offset=start, limit=most)
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
        """Revoke; once this returns, whoever was reached refuses the next message."""
        revoked = await self._node.registration.revoke(name, request.reason, by=OPERATOR)
        await self.announced()
        return self._identity(revoked)

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
