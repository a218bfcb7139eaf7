"""First trust: a functional node's root certificate, fetched once without trust and believed by its fingerprint.

The fingerprint comes from a person: a letter, a phone call, a web page of the operator (区域功能节点 的根证书指纹).
"""

from __future__ import annotations

import hashlib
import re
import ssl
from typing import Final

from trustspace.adapters.http.addresses import AddressPolicy, Lookup, PlainHttp, system_lookup
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.core.errors import InvalidInput, NotVerified, Unavailable

PATH: Final = "/.well-known/trustspace-root.pem"
_LIMIT: Final = 1 << 16
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def parse_fingerprint(text: str) -> str:
    """64 lower-case hex digits from any spelling in use (colons, spaces, upper case, `SHA256:`); `InvalidInput`."""
    digits = re.sub(r"^sha-?256(\s+fingerprint)?\s*[:=]|[:\s]", "", text.strip().lower())
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise InvalidInput("a SHA-256 fingerprint is 64 hexadecimal digits", where="fingerprint", hint="copy it whole")
    return digits


def fingerprint(pem: bytes) -> str:
    """The SHA-256 of the certificate's DER in lower-case hex; `NotVerified` where it is no certificate."""
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))).hexdigest()
    except ValueError as error:
        raise NotVerified("this is not a PEM certificate") from error


def matching(bundle: bytes, expected: str, *, where: str) -> bytes:
    """The one certificate of a PEM bundle that has the fingerprint, alone; `NotVerified` naming both otherwise."""
    found: dict[str, bytes] = {fingerprint(pem): pem for pem in _PEM.findall(bundle)}
    if expected not in found:
        raise NotVerified(
            f"its root has the fingerprint {', '.join(found) or '(no certificate)'}, expected was {expected}",
            where=where,
            hint="ask the operator of the functional node for its fingerprint again; do not go on before they agree",
        )
    return found[expected] + b"\n"


async def fetch_anchor(
    url: str,
    expected: str,
    *,
    policy: AddressPolicy | None = None,
    plain: PlainHttp | None = None,
    lookup: Lookup = system_lookup,
    timeout: float = 10.0,
) -> bytes:
    """The root certificate (PEM) of the functional node at `url`, if it has the fingerprint `expected`.

    The only request that goes over unverified TLS; nothing else of the answer is used or kept.
    Raises `InvalidInput`, `Forbidden`, `Unavailable`, and `NotVerified` where the fingerprints differ.
    """
    wanted = parse_fingerprint(expected)
    peer = AiohttpPeer(_unverified(), policy=policy, plain=plain, lookup=lookup)
    try:
        answer = await peer.request("GET", url.rstrip("/") + PATH, timeout=timeout, limit=_LIMIT)
    finally:
        await peer.close()
    if answer.status != 200:
        raise Unavailable(f"answered {answer.status} to {PATH}", where=url, hint="is this a functional node's address?")
    return matching(answer.body, wanted, where=url)


def _unverified() -> ssl.SSLContext:
    """TLS that takes any certificate: what comes over it is checked by the fingerprint instead."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
