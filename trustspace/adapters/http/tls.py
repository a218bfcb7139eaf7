"""TLS contexts: 1.2 with forward secrecy or 1.3, and certificates that are renewed without closing the door."""

from __future__ import annotations

import ssl
from pathlib import Path

from trustspace.core.errors import MisusedError, NotVerified

Password = str | bytes | None


def server_context(chain: Path, key: Path, password: Password = None) -> ssl.SSLContext:
    """What a listener presents: the PEM chain and key in these files.

    Raises `MisusedError` where a file cannot be read, `NotVerified` where key and certificate do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")  # of TLS 1.2; 1.3 has no others
    context.set_alpn_protocols(["http/1.1"])
    _load(context, chain, key, password)
    return context


def client_context(roots_pem: bytes, *, system: bool = False) -> ssl.SSLContext:
    """Whom we trust: these roots, and with `system` the system's too; host names are always checked.

    Raises `NotVerified` where the roots are not PEM certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if system:
        context.load_default_certs()
    if roots_pem:
        trust(context, roots_pem)
    return context


def trust(context: ssl.SSLContext, roots_pem: bytes) -> None:
    """Add roots to a live context; new handshakes accept them. Raises `NotVerified`."""
    try:
        context.load_verify_locations(cadata=roots_pem.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise NotVerified(f"these are not PEM certificates: {error}", where="roots") from error


def reload(context: ssl.SSLContext, chain: Path, key: Path, password: Password = None) -> None:
    """Present a renewed certificate from the next handshake on; running connections keep theirs.

    Tried on a context of its own first, so that a bad pair leaves the live one as it was. Raises as `server_context`.
    """
    server_context(chain, key, password)
    _load(context, chain, key, password)


def _load(context: ssl.SSLContext, chain: Path, key: Path, password: Password) -> None:
    try:
        # an empty password where none is given: openssl would otherwise ask for one on the terminal
        context.load_cert_chain(chain, key, password if password is not None else "")
    except ssl.SSLError as error:
        reason = error.reason or "the key cannot be read; is its passphrase right?"
        raise NotVerified(f"certificate and key cannot be used: {reason}", where=f"{chain}, {key}") from error
    except OSError as error:
        raise MisusedError(f"cannot be read: {error.strerror}", where=f"{chain}, {key}") from error
