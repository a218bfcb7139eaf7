"""The certificate authority of a functional node (可信身份提供商): its root, and what it issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from trustspace.core.identity.certificates import CertificateFacts, Profile, check_root, issue, verify_chain
from trustspace.ports import Ids, Signer

ROOT_LIFE: Final = timedelta(days=20 * 365)
SIGNING_LIFE: Final = timedelta(days=2 * 365)
TLS_LIFE: Final = timedelta(days=180)
_SKEW: Final = timedelta(minutes=5)
_MAX_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Lives:
    """How long certificates hold; none outlives the root."""

    root: timedelta = ROOT_LIFE
    signing: timedelta = SIGNING_LIFE
    tls: timedelta = TLS_LIFE


def make_root(
    key: Signer, *, name: str, identifier: str, ids: Ids, now: datetime, life: timedelta = ROOT_LIFE
) -> bytes:
    """The self-signed root (DER) of a functional node of that name (CN) and identifier (OU)."""
    return issue(
        key,
        None,
        key.public_der,
        profile=Profile.ROOT,
        common_name=name[:_MAX_NAME],
        unit=identifier,
        serial=serial(ids),
        not_before=now - _SKEW,
        not_after=now + life,
    )


def serial(ids: Ids) -> int:
    """A serial number of 124 random bits, at least 1."""
    return int(ids.code(24), 36) + 1


@dataclass(frozen=True, slots=True)
class Authority:
    """Issues certificates with the root's key, which may sit in an HSM. `root` is the root's certificate, DER."""

    key: Signer
    root: bytes
    ids: Ids
    lives: Lives = field(default_factory=Lives)

    @property
    def facts(self) -> CertificateFacts:
        """What the root says about itself; its `identifier` is the functional node's."""
        return check_root(self.root)

    def tls(self, public_der: bytes, *, identifier: str, hosts: Sequence[str], now: datetime) -> bytes:
        """A TLS certificate (DER) for these names and addresses; CN is the first of them, OU the identifier."""
        return self._issue(Profile.TLS, public_der, identifier, hosts[0], now, self.lives.tls, tuple(hosts))

    def signing(self, public_der: bytes, *, identifier: str, name: str, now: datetime) -> bytes:
        """A signing certificate (DER); CN is `name` (a domain or address), OU the identifier."""
        return self._issue(Profile.SIGNING, public_der, identifier, name, now, self.lives.signing)

    def check(self, certificate: bytes, *, now: datetime) -> CertificateFacts:
        """The facts of a signing certificate under this root, valid now; `NotVerified` else."""
        return verify_chain(certificate, (self.root,), at=now)

    def _issue(
        self,
        profile: Profile,
        public_der: bytes,
        identifier: str,
        name: str,
        now: datetime,
        life: timedelta,
        hosts: tuple[str, ...] = (),
    ) -> bytes:
        return issue(
            self.key,
            self.root,
            public_der,
            profile=profile,
            common_name=name if len(name) <= _MAX_NAME else identifier,
            unit=identifier,
            hosts=hosts,
            serial=serial(self.ids),
            not_before=max(now - _SKEW, self.facts.not_before),
            not_after=min(now + life, self.facts.not_after),
        )
