"""A private key in a file: PKCS#8 in PEM, readable by its owner alone, under a passphrase where one is given.

With a passphrase the file is PBES2 with scrypt (RFC 8018, RFC 7914) and AES-256, which openssl reads too; taking it off
costs about 0.1 s and 16 MiB, once at the start.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.errors import Conflict, InvalidInput, MisusedError, NotFound, StorageFull, Unavailable
from trustspace.core.identity.der import OCTETS, SEQUENCE, integer, oid, tlv

MAX_FILE: Final = 64 << 10
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 14, 8, 2  # openssl reads up to 32 MiB
_PBES2: Final = oid("2a864886f70d01050d")
_SCRYPT: Final = oid("2b06010401da47040b")
_AES256_CBC: Final = oid("60864801650304012a")
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


class FileKey(PrivateKey):
    """A P-256 or Ed25519 key from a file; implements `trustspace.ports.Signer`."""

    @classmethod
    def create(cls, path: Path, passphrase: bytes | None = None) -> Self:
        """Make a new P-256 key and its file, durably, with mode 0600; `Conflict` where there is one already."""
        key = ec.generate_private_key(ec.SECP256R1())
        _write(path, _pem(key, passphrase))
        return cls(key)

    @classmethod
    def load(cls, path: Path, passphrase: bytes | None = None) -> Self:
        """Read the file; `NotFound`, `Unavailable`, or `MisusedError` with what to do (mode, passphrase, kind)."""
        pem = _read(path)
        if passphrase is None and _ENCRYPTED in pem:
            raise MisusedError(
                "this key is under a passphrase", where=str(path), hint="give it in TRUSTSPACE_KEY_PASSPHRASE_FILE"
            )
        try:
            key = load_pem_private_key(pem, passphrase if _ENCRYPTED in pem else None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            reason = "the passphrase is wrong, or this is" if passphrase else "this is"
            raise MisusedError(f"{reason} not a private key in PEM", where=str(path)) from error
        good = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        if not good and not isinstance(key, ed25519.Ed25519PrivateKey):
            raise MisusedError("keys of this kind are not accepted", where=str(path), hint="use P-256 or Ed25519")
        assert isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)  # noqa: S101 -- tells the type
        return cls(key)


def find_passphrase(environment: Mapping[str, str]) -> bytes | None:
    """The passphrase for a node's keys, or None: from a file that is named, or the service manager's, or directly.

    In this order: the file in `TRUSTSPACE_KEY_PASSPHRASE_FILE`; `trustspace-key` in `CREDENTIALS_DIRECTORY` (systemd
    `LoadCredential=`), if it is there; the text in `TRUSTSPACE_KEY_PASSPHRASE`. A file's last newline does not count.
    """
    if named := environment.get("TRUSTSPACE_KEY_PASSPHRASE_FILE"):
        return _passphrase_in(Path(named))
    if directory := environment.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory) / "trustspace-key"
        if credential.exists():
            return _passphrase_in(credential)
    direct = environment.get("TRUSTSPACE_KEY_PASSPHRASE")
    return None if direct is None else _passphrase(direct.encode(), "TRUSTSPACE_KEY_PASSPHRASE")


def _passphrase_in(path: Path) -> bytes:
    return _passphrase(_read_file(path)[0].rstrip(b"\r\n"), str(path))


def _passphrase(value: bytes, where: str) -> bytes:
    if not value:
        raise MisusedError("the passphrase is empty", where=where, hint="write one, or leave the setting out")
    return value


def _read(path: Path) -> bytes:
    data, mode = _read_file(path)
    if mode & 0o077:
        raise MisusedError(
            f"others may read or change this key (mode {mode:04o})", where=str(path), hint=f"chmod 600 {path}"
        )
    return data


def _read_file(path: Path) -> tuple[bytes, int]:
    """The content and the mode of one and the same file."""
    try:
        with path.open("rb") as file:
            data, mode = file.read(MAX_FILE + 1), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError as error:
        raise NotFound("there is no such file", where=str(path), hint="was the node made with `init`?") from error
    except OSError as error:
        raise Unavailable(f"it cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > MAX_FILE:
        raise InvalidInput("this file is too large for a key", where=str(path))
    return data, mode


def _write(path: Path, data: bytes) -> None:
    """Put the whole file in its place at once, or nothing; a file that is there stays as it is."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
        _sync(path.parent)
    except FileExistsError as error:
        raise Conflict("there is a key already, and it stays", where=str(path)) from error
    except OSError as error:
        kind = StorageFull if error.errno in _FULL else Unavailable
        raise kind(f"it cannot be written: {error.strerror}", where=str(path)) from error
    finally:
        with suppress(OSError):
            draft.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    if passphrase is None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    text = base64.encodebytes(_encrypted(key, _passphrase(passphrase, "passphrase"))).replace(b"\n", b"")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join((_ENCRYPTED, *lines, b"-----END ENCRYPTED PRIVATE KEY-----", b""))


def _encrypted(key: ec.EllipticCurvePrivateKey, passphrase: bytes) -> bytes:
    """EncryptedPrivateKeyInfo: cryptography's own has 2048 rounds of PBKDF2, which is too few for a file."""
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    secret = hashlib.scrypt(passphrase, salt=salt, dklen=32, maxmem=64 << 20, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
    padder, encryptor = PKCS7(128).padder(), Cipher(AES256(secret), CBC(iv)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    cost = b"".join(map(integer, (_SCRYPT_N, _SCRYPT_R, _SCRYPT_P)))
    derivation = tlv(SEQUENCE, _SCRYPT, tlv(SEQUENCE, tlv(OCTETS, salt), cost))
    scheme = tlv(SEQUENCE, _AES256_CBC, tlv(OCTETS, iv))
    return tlv(SEQUENCE, tlv(SEQUENCE, _PBES2, tlv(SEQUENCE, derivation, scheme)), tlv(OCTETS, data))
