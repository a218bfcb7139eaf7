"""The kinds of certificate, and what a key of each may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.x509.oid import ExtendedKeyUsageOID


class Profile(StrEnum):
    """The kinds of certificate."""

    ROOT = "root"
    TLS = "tls"
    SIGNING = "signing"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a profile's key may do: X.509 key usages, extended ones, and whether it issues certificates."""

    keys: frozenset[str]
    extended: tuple[str, ...] = ()
    issues: bool = False


USAGES: Final = {
    Profile.ROOT: Usage(frozenset({"key_cert_sign", "crl_sign"}), issues=True),
    Profile.TLS: Usage(
        frozenset({"digital_signature"}),
        (ExtendedKeyUsageOID.SERVER_AUTH.dotted_string, ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string),
    ),
    # documentSigning (RFC 9336) keeps the signing key from being accepted on a connection
    Profile.SIGNING: Usage(frozenset({"digital_signature", "non_repudiation"}), ("1.3.6.1.5.5.7.3.36",)),
}
"""What each profile is issued with; when checking, the same is the least that must be there."""
