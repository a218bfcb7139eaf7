"""A node's folder: settings, keys, certificates, database, files; made whole or not at all.

settings.toml  management.token  running.json (while it runs)  lock
keys/{signing,tls,root}.pem      certificates/{root,signing,tls}.pem
node.sqlite                      files/<sha256>
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from trustspace.adapters.http.addresses import AddressPolicy, PlainHttp
from trustspace.adapters.http.anchor import fetch_anchor
from trustspace.adapters.keys.file import FileKey, find_passphrase
from trustspace.adapters.storage.folder import holder
from trustspace.adapters.system import SystemClock, SystemIds
from trustspace.core.errors import Conflict, MisusedError, NotFound
from trustspace.core.identifiers import Kind, check_credit_code, make
from trustspace.core.identity.certificates import CertificateFacts, Profile, public_key_of, verify_chain
from trustspace.core.identity.keys import thumbprint
from trustspace.node.settings import FILE, Settings, split_bind, write
from trustspace.ports import Signer
from trustspace.services.authority import Authority, make_root

DATABASE: Final = "node.sqlite"
RUNNING: Final = "running.json"
TOKEN: Final = "management.token"  # noqa: S105 -- a file's name
PURPOSES: Final = ("tls", "signing")


@dataclass(frozen=True, slots=True)
class Folder:
    """The places in a node's folder."""

    path: Path

    def key(self, purpose: str) -> Path:
        """The private key for `signing`, `tls` or `root`."""
        return self.path / "keys" / f"{purpose}.pem"

    def certificate(self, purpose: str) -> Path:
        """The certificate (PEM) for `signing`, `tls` or `root`."""
        return self.path / "certificates" / f"{purpose}.pem"

    @property
    def files(self) -> Path:
        """Published and received content, by its SHA-256."""
        return self.path / "files"

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.path / DATABASE

    def load_key(self, purpose: str) -> Signer:
        """The key, with the passphrase that the environment names."""
        return FileKey.load(self.key(purpose), find_passphrase(os.environ))

    def read_certificate(self, purpose: str) -> bytes | None:
        """The certificate in DER, None where it was not issued yet."""
        try:
            return to_der(self.certificate(purpose).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise _no_certificate(self.certificate(purpose)) from error

    def facts(self, purpose: str, now: datetime) -> CertificateFacts | None:
        """What our own certificate says, even where it has expired by now: its owner must be able to renew it.

        Nor does a clock that is behind keep a node from starting: it is the node that says so.
        """
        der = self.read_certificate(purpose)
        if der is None:
            return None
        profile = Profile.TLS if purpose == "tls" else Profile.SIGNING
        certificate = x509.load_der_x509_certificate(der)
        at = max(certificate.not_valid_before_utc, min(now, certificate.not_valid_after_utc))
        return verify_chain(der, self.roots(), at=at, purpose=profile)

    def next_key(self, purpose: str) -> Signer:
        """The key that a renewal asks for: made once, and kept until its certificate is here, whatever happens."""
        name = f"{purpose}.next"
        if not self.key(name).exists():
            return FileKey.create(self.key(name), find_passphrase(os.environ))
        return self.load_key(name)

    def put_certificates(self, tls: bytes, signing: bytes) -> None:
        """Put both certificates (DER) in force, each with its key; the signing certificate before it is kept."""
        former = self.read_certificate("signing")
        if former not in (None, signing):
            self.write_certificate("signing.former", former)
        self.write_certificate("tls", tls)
        self.write_certificate("signing", signing)
        self.settle()

    def settle(self) -> None:
        """Put the key of each certificate in its place, where a renewal was cut short between the two."""
        for purpose in PURPOSES:
            certificate, following = self.read_certificate(purpose), self.key(f"{purpose}.next")
            if certificate is None or not following.exists():
                continue
            if self.load_key(f"{purpose}.next").public_der == public_key_of(certificate):
                following.replace(self.key(purpose))

    def roots(self) -> tuple[bytes, ...]:
        """The root certificates (DER) that this node trusts."""
        place = self.certificate("root")
        try:
            found = x509.load_pem_x509_certificates(place.read_bytes())
        except (OSError, ValueError) as error:
            raise _no_certificate(place) from error
        return tuple(one.public_bytes(Encoding.DER) for one in found)

    def write_certificate(self, purpose: str, der: bytes) -> None:
        """Put a certificate in place, whole or not at all."""
        write_whole(self.certificate(purpose), to_pem(der))

    def token(self) -> str:
        """The management token."""
        try:
            return (self.path / TOKEN).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise MisusedError(
                f"the management token cannot be read: {error.strerror}",
                where=str(self.path / TOKEN),
                hint="it is one line of random text, mode 0600",
            ) from error

    def announce(self, management: str, public: str) -> None:
        """Say where the running node is heard."""
        told = {"management": management, "public": public, "pid": os.getpid()}
        write_whole(self.path / RUNNING, json.dumps(told).encode())

    def holder(self) -> int | None:
        """The process that runs on this folder now, or None."""
        return holder(self.path)

    def retract(self) -> None:
        """Say that it runs no more."""
        (self.path / RUNNING).unlink(missing_ok=True)


async def initialise(folder: Path, settings: Settings) -> list[str]:
    """Make a node; returns lines for the operator. A folder that has one already is left as it is (`Conflict`).

    A connector anchors its functional node's root by the fingerprint: that node has to be reachable.
    """
    told_as, folder = folder, _named(folder)
    if (folder / FILE).exists():
        raise Conflict("there is a node in this folder already", where=str(told_as), hint="choose another folder")
    anchor = await _anchor(settings)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        told = _fill(Folder(draft), settings, anchor)
        _put_in_place(draft, folder)
    except OSError as error:
        raise MisusedError(f"the folder cannot be made: {error.strerror}", where=str(told_as)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [f"made {settings.kind} node {told_as}", *told]


def _named(folder: Path) -> Path:
    """The folder by its own name, which `.` does not have."""
    return folder.absolute()


def _put_in_place(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise Conflict("this folder is not empty", where=str(folder), hint="choose another folder")
    for part in sorted(draft.iterdir(), key=lambda part: part.name == FILE):  # the settings make it a node: last
        part.rename(folder / part.name)


async def _anchor(settings: Settings) -> bytes | None:
    if settings.kind == "functional":
        check_credit_code(settings.credit_code, where="credit code")
        return None
    if settings.open:
        return None
    node = settings.functional_node
    if not node.url or not node.fingerprint:
        raise MisusedError(
            "a connector needs its functional node",
            where="init",
            hint="--node URL --fingerprint SHA256; only for tests, --open-test-network",
        )
    policy = AddressPolicy.of(settings.network.networks, bound=split_bind(settings.public_bind)[0])
    plain = PlainHttp.of(settings.network.plain_http)
    return await fetch_anchor(node.url, node.fingerprint, policy=policy, plain=plain)


def _fill(place: Folder, settings: Settings, anchor: bytes | None) -> list[str]:
    place.path.mkdir(parents=True, mode=0o700)
    for name in ("keys", "certificates", "files"):
        (place.path / name).mkdir(mode=0o700)
    write(place.path, settings)
    write_whole(place.path / TOKEN, secrets.token_urlsafe(32).encode(), mode=0o600)
    passphrase = find_passphrase(os.environ)
    keys = {purpose: FileKey.create(place.key(purpose), passphrase) for purpose in PURPOSES}
    if anchor is not None:
        write_whole(place.certificate("root"), anchor)
    if settings.kind == "connector":
        return []
    return _certify_itself(place, settings, keys, FileKey.create(place.key("root"), passphrase))


def _certify_itself(place: Folder, settings: Settings, keys: dict[str, FileKey], root_key: FileKey) -> list[str]:
    """A functional node's own identity: its root, and the two certificates under it."""
    ids, now = SystemIds(), SystemClock().now()
    kind = Kind.INDUSTRY_NODE if settings.place.startswith("00") else Kind.REGIONAL_NODE
    identifier = make(kind, subject=settings.credit_code, place=settings.place, serial=ids.code(8)).text
    root = make_root(root_key, name=settings.name or identifier, identifier=identifier, ids=ids, now=now)
    authority, host = Authority(root_key, root, ids), host_of(settings.public_url)
    place.write_certificate("root", root)
    place.write_certificate("tls", authority.tls(keys["tls"].public_der, identifier=identifier, hosts=[host], now=now))
    signing = authority.signing(keys["signing"].public_der, identifier=identifier, name=host, now=now)
    place.write_certificate("signing", signing)
    return [f"identifier {identifier}", f"fingerprint {thumbprint(root)}"]


def fingerprint(folder: Path) -> str:
    """The SHA-256 of a functional node's root certificate, by which others come to trust it."""
    der = Folder(folder).read_certificate("root")
    if der is None:
        raise NotFound("there is no root certificate", where=str(folder))
    return thumbprint(der)


def _no_certificate(place: Path) -> MisusedError:
    return MisusedError("there is no certificate in PEM here", where=str(place), hint="put the right file back")


def host_of(url: str) -> str:
    """The host name or address in a URL."""
    return urlsplit(url).hostname or ""


def to_pem(der: bytes) -> bytes:
    """A certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def to_der(pem: bytes) -> bytes:
    """The first certificate of a PEM file as DER."""
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file durably under its name, whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
