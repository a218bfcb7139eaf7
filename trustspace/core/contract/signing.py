"""What exactly is signed under a contract, and by whom: lists in `sha256sum` format under detached CMS signatures.

The provider signs the list that names the agreement; the consumer signs the list that names the agreement *and* the
provider's signature, so that the order of signing is proven. `sha256sum -c` and `openssl cms -verify` check both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from trustspace.core.canon import digest
from trustspace.core.contract.offer import Party
from trustspace.core.errors import NotVerified
from trustspace.core.identity.cms import SignerFacts, verify_detached
from trustspace.core.identity.sums import sums

AGREEMENT_FILE: Final = "agreement.json"
PROVIDER_FILE: Final = "provider.p7s"


def provider_list(agreement: bytes) -> bytes:
    """What the provider signs."""
    return sums([(digest(agreement), AGREEMENT_FILE)])


def consumer_list(agreement: bytes, provider_signature: bytes) -> bytes:
    """What the consumer signs."""
    return sums([(digest(agreement), AGREEMENT_FILE), (digest(provider_signature), PROVIDER_FILE)])


def check_signature(
    signed: bytes, signature: bytes, roots: Sequence[bytes], party: Party, *, at: datetime
) -> SignerFacts:
    """The CMS over `signed` is good at that time and its certificate names the party; raises `NotVerified`."""
    facts = verify_detached(signature, signed, roots, at=at)
    if facts.certificate.identifier != party.identifier:
        raise NotVerified(
            f"signed by {facts.certificate.identifier or 'nobody known'}, not by {party.identifier}", where="signature"
        )
    return facts
