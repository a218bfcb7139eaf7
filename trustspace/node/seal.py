"""Our signatures and the checking of others': contracts, statements, tokens; the key stays behind `Signer`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trustspace.core.contract import Party
from trustspace.core.contract.signing import check_signature, consumer_list, provider_list
from trustspace.core.errors import NotVerified
from trustspace.core.identity import cms, tokens
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.tokens import TokenKind
from trustspace.ports import Clock, Ids, Signer
from trustspace.services.exchange import Caller

STATEMENTS: Final = {
    "denial": TokenKind.DENIAL,
    "delivery": TokenKind.DELIVERY,
    "end": TokenKind.STATEMENT,
}


@dataclass(slots=True)
class Seal:
    """Who we are when we sign: key, signing certificate (DER), roots. A renewal replaces `certificate`."""

    key: Signer
    certificate: bytes
    roots: Sequence[bytes]
    clock: Clock
    ids: Ids
    me: str = ""

    @property
    def thumbprint(self) -> str:
        """The SHA-256 of our signing certificate in hexadecimal."""
        return thumbprint(self.certificate)

    def sign(self, agreement: bytes) -> bytes:
        """The provider's signature under an agreement."""
        return self._cms(provider_list(agreement))

    def countersign(self, agreement: bytes, provider_signature: bytes) -> bytes:
        """The consumer's signature under an agreement and the provider's signature."""
        return self._cms(consumer_list(agreement, provider_signature))

    def check(self, agreement: bytes, signature: bytes, peer: Caller) -> None:
        """The provider's signature is good, and the peer's."""
        self._check(provider_list(agreement), signature, peer)

    def check_counter(self, agreement: bytes, provider_signature: bytes, signature: bytes, peer: Caller) -> None:
        """The consumer's signature is good, and the peer's."""
        self._check(consumer_list(agreement, provider_signature), signature, peer)

    def statement(self, kind: str, payload: bytes) -> str:
        """Our compact JWS over a payload."""
        return tokens.sign_statement(self.key, self.thumbprint, STATEMENTS[kind], payload)

    def check_statement(self, kind: str, statement: str, peer: Caller) -> bytes:
        """The payload of the peer's statement; raises `NotVerified`."""
        named = tokens.statement_header(statement).thumbprint
        return tokens.verify_statement(statement, public_der=_key(peer, named), kind=STATEMENTS[kind])

    def token(self, audience: str, method: str, target: str, body: bytes) -> str:
        """A fresh token for one request to that participant."""
        return tokens.issue(
            self.key,
            self.thumbprint,
            typ=TokenKind.REQUEST,
            issuer=self.me,
            audience=audience,
            now=self.clock.now(),
            jti=self.ids.uuid(),
            digest=tokens.request_digest(method, target, body),
        )

    def _cms(self, signed: bytes) -> bytes:
        return cms.sign_detached(self.key, self.certificate, signed, at=self.clock.now())

    def _check(self, signed: bytes, signature: bytes, peer: Caller) -> None:
        party = Party(peer.participant, peer.identifier, peer.credit_code)
        facts = check_signature(signed, signature, self.roots, party, at=self.clock.now())
        _key(peer, facts.thumbprint)


class OpenSeal(Seal):
    """On an open test network: no certificate, so nothing of ours is signed, and nothing of others' can be checked.

    A peer's signature is kept with the contract, which says `unsigned` all the same: it takes both.
    """

    __slots__ = ()

    def sign(self, agreement: bytes) -> bytes:  # noqa: ARG002 -- as in Seal
        """None."""
        return b""

    def countersign(self, agreement: bytes, provider_signature: bytes) -> bytes:  # noqa: ARG002 -- as in Seal
        """None."""
        return b""

    def check(self, agreement: bytes, signature: bytes, peer: Caller) -> None:
        """Whose it is cannot be known here."""

    def check_counter(self, agreement: bytes, provider_signature: bytes, signature: bytes, peer: Caller) -> None:
        """Whose it is cannot be known here."""

    def token(self, audience: str, method: str, target: str, body: bytes) -> str:  # noqa: ARG002 -- as in Seal
        """Our name: nobody could check a token of ours."""
        return self.me


def _key(peer: Caller, named: str) -> bytes:
    """The public key of that certificate, as long as it is one of the peer's that stand."""
    if named not in peer.keys:
        raise NotVerified(
            f"the certificate {named[:16]}… is not one that {peer.participant} signs with now", where="signature"
        )
    return peer.keys[named]
