"""A pack that is being checked: its members, its certificates, and who signed a member."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509

from trustspace.core.canon import Json, decode64
from trustspace.core.errors import NotVerified, TrustspaceError
from trustspace.core.evidence import layout
from trustspace.core.evidence.layout import Party
from trustspace.core.identity.certificates import Profile, check_root, verify_chain
from trustspace.core.identity.cms import SignerFacts, verify_detached
from trustspace.core.identity.keys import thumbprint

MAX_CERTIFICATES: Final = 16
T = TypeVar("T")


def need(holds: bool, reason: str, where: str) -> None:
    """Refuse the member `where` unless it holds."""
    if not holds:
        raise NotVerified(reason, where=where)


@contextmanager
def naming(member: str) -> Iterator[None]:
    """Whatever is refused inside is refused for the sake of this member."""
    try:
        yield
    except TrustspaceError as error:
        raise NotVerified(error.what, where=member, hint=error.hint) from error


class Opened:
    """The members of a pack by name, and the roots that its signers are looked for under.

    Without `roots` those that the pack brings itself. Every certificate inside has to be a root or stand under one.
    """

    def __init__(self, members: Mapping[str, bytes], roots: Sequence[bytes] | None) -> None:
        self.members = members
        certificates = [_certificate(name, members[name]) for name in self.folder("certificates")]
        need(len(certificates) <= MAX_CERTIFICATES, f"more than {MAX_CERTIFICATES} certificates", "certificates")
        own = tuple(one for one in certificates if _is_root(one))
        self.roots = own if roots is None else tuple(roots)
        self._signers = [(one, _since(one)) for one in certificates if one not in own]

    def check_certificates(self) -> None:
        """Every certificate is one of the roots, or a signing certificate under one of them."""
        signers = {one for one, _ in self._signers}
        for name in self.folder("certificates"):
            certificate = _certificate(name, self.members[name])
            if certificate in signers:
                with naming(name):
                    verify_chain(certificate, self.roots, at=_since(certificate), purpose=Profile.SIGNING)
            else:
                need(certificate in self.roots, "is a root that is not among those given", name)

    def folder(self, folder: str) -> list[str]:
        """The names of a folder's members, sorted."""
        return sorted(name for name in self.members if name.startswith(folder + "/"))

    def text(self, name: str) -> str:
        """A member as text; `NotVerified` where it is not ASCII or, for a note, UTF-8."""
        try:
            return self.members[name].decode()
        except UnicodeDecodeError as error:
            raise NotVerified("this is not text", where=name) from error

    def cms(self, name: str, data: bytes) -> SignerFacts:
        """Who made the detached signature in that member over `data`."""
        with naming(name):
            return verify_detached(self.members[name], data, self.roots)

    def signed_by(self, party: Party, name: str, check: Callable[[bytes], T], at: datetime | None = None) -> T:
        """What `check` gives for the key of a certificate of the party, valid at that time if one is given."""
        refusal = NotVerified(f"there is no certificate of {party.identifier} for it", where=name)
        for certificate, since in self._signers:
            try:
                facts = verify_chain(certificate, self.roots, at=at or since, purpose=Profile.SIGNING)
                if facts.identifier == party.identifier:
                    return check(facts.public_der)
            except TrustspaceError as error:
                refusal = NotVerified(error.what, where=name, hint=error.hint)
        raise refusal


def path_of(steps: Json, where: str) -> list[bytes]:
    """The hashes of a proof, written as a list of base64url."""
    need(isinstance(steps, list) and all(isinstance(step, str) for step in steps), "this is not a proof", where)
    return [decode64(step, where=where) for step in steps]


def _certificate(name: str, pem: bytes) -> bytes:
    try:
        certificate = base64.b64decode(b"".join(pem.split(b"\n")[1:-2]), validate=True)
    except binascii.Error as error:
        raise NotVerified("this is not a certificate", where=name) from error
    expected = f"certificates/{thumbprint(certificate)}.pem"
    need(layout.to_pem(certificate) == pem, "this is not a certificate", name)
    need(name == expected, "a certificate's member is named by its SHA-256", name)
    return certificate


def _is_root(certificate: bytes) -> bool:
    try:
        check_root(certificate)
    except TrustspaceError:
        return False
    return True


def _since(certificate: bytes) -> datetime:
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_before_utc
    except ValueError as error:
        raise NotVerified("this is not a certificate", where=f"certificates/{thumbprint(certificate)}.pem") from error
