"""A root and a TLS certificate for 127.0.0.1, for the length of a bench."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from trustspace.adapters.keys import FileKey
from trustspace.core.identity.certificates import Profile, issue

HOST = "127.0.0.1"


def make(folder: Path) -> None:
    """Write `root.pem`, `tls.pem` and `key.pem`."""
    root, key, now = FileKey.create(folder / "root-key.pem"), FileKey.create(folder / "key.pem"), datetime.now(UTC)
    start = now.replace(microsecond=0) - timedelta(minutes=5)

    def certificate(issuer: bytes | None, profile: Profile, public: bytes, serial: int) -> bytes:
        return issue(
            root,
            issuer,
            public,
            profile=profile,
            common_name=f"bench {profile}",
            unit="",
            hosts=[HOST] if profile is Profile.TLS else [],
            serial=serial,
            not_before=start,
            not_after=start + timedelta(days=1),
        )

    anchor = certificate(None, Profile.ROOT, root.public_der, 1)
    _write(folder / "root.pem", anchor)
    _write(folder / "tls.pem", certificate(anchor, Profile.TLS, key.public_der, 2))


def _write(path: Path, der: bytes) -> None:
    path.write_bytes(load_der_x509_certificate(der).public_bytes(Encoding.PEM))
