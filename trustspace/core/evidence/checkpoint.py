"""Signed heads of the log: a checkpoint in the C2SP signed-note form, and what may follow what.

    origin ⏎ size in decimal ⏎ base64(root) ⏎ ⏎ — name SP base64(key hash ‖ signature) ⏎

The origin and the signer's name are the participant's id. Key hash and signature follow the kind of key: for P-256
(signature type 0x02) the first four bytes of SHA-256(SubjectPublicKeyInfo), and the ECDSA signature in DER; for
Ed25519 (type 0x01) the first four bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ key), and the 64 bytes. What is signed are the
three lines of text with their ends. A counterparty cosigns by adding its own line over the same text: from then on
neither side can show another log of that size.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.evidence.merkle import verify_consistency
from trustspace.core.identity.keys import Algorithm, SigningKey, algorithm_of, from_der, to_der, verify

MAX_TEXT: Final = 16_384
"""The longest note read, in characters."""
_NAME: Final = re.compile(r"[^\s+\x00-\x20\x7f]+")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_MARK: Final = "— "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: whose, how many leaves, and the 32-byte root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{_name(self.origin)}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """The note: the checkpoint with the signature of its owner."""
    return checkpoint.text + "\n" + _line(checkpoint.origin, key, checkpoint.text)


def cosign(note: str, key: SigningKey, name: str) -> str:
    """The note with one more line, by the counterparty `name`. Check the note and its growth before."""
    text, _ = _parts(note)
    return note + _line(name, key, text)


def read_checkpoint(note: str, public_der: bytes, origin: str) -> Checkpoint:
    """The checkpoint in a note that `origin` signed with this key; else `NotVerified`."""
    text, _ = _parts(note)
    checkpoint = _read(text)
    if checkpoint.origin != origin:
        raise NotVerified(f"this is the log of {checkpoint.origin}, not of {origin}", where="checkpoint")
    _verify_line(note, public_der, origin)
    return checkpoint


def verify_cosignature(note: str, public_der: bytes, name: str) -> Checkpoint:
    """The checkpoint in a note that `name` has cosigned with this key; else `NotVerified`. The owner is not checked."""
    _verify_line(note, public_der, name)
    return _read(_parts(note)[0])


def unverified(note: str) -> Checkpoint:
    """What a note says, before anybody's signature was checked; `InvalidInput` where it is no note."""
    return _read(_parts(note)[0])


def check_growth(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Check that `new` continues `old`; `NotVerified` on a rollback, a fork, or a proof that does not hold."""
    if old.origin != new.origin:
        raise NotVerified(f"{new.origin} is not {old.origin}", where="checkpoint")
    verify_consistency(old.size, new.size, proof, old.root, new.root)


def _read(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or not _NAME.fullmatch(lines[0]) or not _SIZE.fullmatch(lines[1]):
        raise InvalidInput("a checkpoint has three lines: origin, size, root", where="checkpoint")
    checkpoint = Checkpoint(lines[0], int(lines[1]), _base64(lines[2]))
    if len(checkpoint.root) != 32:
        raise InvalidInput("a root is 32 bytes", where="checkpoint")
    return checkpoint


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text, and who signed it with what: `(name, key hash ‖ signature)`."""
    text, gap, rest = note.partition("\n\n")
    if not gap or not rest.endswith("\n") or len(note) > MAX_TEXT:
        raise InvalidInput("a signed note is text, an empty line and signature lines", where="checkpoint")
    return text + "\n", [_signature(line) for line in rest[:-1].split("\n")]


def _signature(line: str) -> tuple[str, bytes]:
    mark, name, value = line[:2], *line[2:].rpartition(" ")[::2]
    if mark != _MARK or not _NAME.fullmatch(name):
        raise InvalidInput("a signature line is a dash, a name and base64", where="checkpoint")
    return name, _base64(value)


def _line(name: str, key: SigningKey, text: str) -> str:
    signature = key.sign(text.encode())
    if key.algorithm == Algorithm.ES256:
        signature = to_der(signature)
    return f"{_MARK}{_name(name)} {base64.b64encode(_key_hash(name, key.public_der) + signature).decode()}\n"


def _verify_line(note: str, public_der: bytes, name: str) -> None:
    text, signatures = _parts(note)
    algorithm, mine = algorithm_of(public_der), _key_hash(name, public_der)
    found = [value[4:] for who, value in signatures if who == name and value[:4] == mine]
    if len(found) != 1:
        raise NotVerified(f"there is no one signature of {name} with this key", where="checkpoint")
    signature = from_der(found[0]) if algorithm is Algorithm.ES256 else found[0]
    verify(public_der, algorithm, signature, text.encode())


def _key_hash(name: str, public_der: bytes) -> bytes:
    if algorithm_of(public_der) is Algorithm.ES256:
        return hashlib.sha256(public_der).digest()[:4]
    return hashlib.sha256(name.encode() + b"\n\x01" + public_der[-32:]).digest()[:4]


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput("a name in a signed note has no spaces and no plus sign", where="checkpoint")
    return name


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("this is not base64", where="checkpoint") from error
    if base64.b64encode(data).decode() != text:
        raise InvalidInput("this base64 has a second spelling", where="checkpoint")
    return data
