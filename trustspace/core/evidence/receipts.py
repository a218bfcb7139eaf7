"""Receipts (回执): the answerer's signature over what it received and what it answered, one for a group of answers.

The signature is over the Merkle root of the group's receipt leaves (RFC 6962 hashing); each receipt carries its own
leaf and the path to that root. On the wire a receipt is base64url of the canonical JSON
`{"alg", "index", "leaf", "path", "signature", "size", "x5t#S256"}`, byte strings in base64url. What is signed:

    trustspace-receipts-v1 ⏎ x5t#S256 ⏎ size ⏎ base64url(root) ⏎
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical, decode64, digest, encode64, loads_object
from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.evidence.leaves import instant, moment
from trustspace.core.evidence.merkle import Tree, implied_root, inclusion_proof, leaf_hash
from trustspace.core.identity.keys import SigningKey, from_x5t, to_x5t, verify

HEADER: Final = "Trustspace-Receipt"
"""The header of an answer that carries its receipt."""
MAX_TEXT: Final = 8_192
"""The longest receipt read, in characters."""
MAX_GROUP: Final = 1 << 16
"""The most answers that one signature serves."""
_MEMBERS: Final = {"alg", "index", "leaf", "path", "signature", "size", "x5t#S256"}
_SAYS: Final = ("received", "answered", "status", "state", "time", "sender", "receiver", "process")
_HEX: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """What a receipt says: SHA-256 digests in hexadecimal, the HTTP status, the state of the process after it.

    `sender` sent what was received, `receiver` received, answered and signs; `thumbprint` is of its certificate.
    """

    received: str
    answered: str
    status: int
    state: str
    time: datetime
    sender: str
    receiver: str
    process: str
    thumbprint: str = ""


def receipt_leaf(
    *,
    received: str,
    answered: str,
    status: int,
    state: str,
    time: datetime,
    sender: str,
    receiver: str,
    process: str,
) -> bytes:
    """The canonical bytes of one answer's leaf; `received` and `answered` are SHA-256 digests in hexadecimal."""
    return canonical(
        {
            "answered": answered,
            "process": process,
            "received": received,
            "receiver": receiver,
            "sender": sender,
            "state": state,
            "status": status,
            "time": instant(time),
        }
    )


def batch(leaves: Sequence[bytes], key: SigningKey, thumbprint: str) -> list[str]:
    """The receipts of a group of answers, in order, for one signature; `thumbprint` (hex) names the certificate."""
    x5t, size = to_x5t(thumbprint), len(leaves)
    if not 0 < size <= MAX_GROUP:
        raise InvalidInput(f"a group has 1 to {MAX_GROUP} receipts", where="receipt")
    tree = Tree([leaf_hash(leaf) for leaf in leaves])
    signature = encode64(key.sign(_signed(x5t, size, tree.root())))
    tail = f'"signature":"{signature}","size":{size},"x5t#S256":"{x5t}"}}'
    receipts = []
    for index, leaf in enumerate(leaves):
        path = ",".join(f'"{encode64(step)}"' for step in inclusion_proof(index, size, tree.node))
        # the canonical form, written at once: every value is a number or base64url
        text = f'{{"alg":"{key.algorithm}","index":{index},"leaf":"{encode64(leaf)}","path":[{path}],{tail}'
        receipts.append(encode64(text.encode()))
    return receipts


def read_receipt(text: str, *, public_der: bytes) -> ReceiptFacts:
    """What the receipt says, once its path and signature hold for this key; `InvalidInput` or `NotVerified` else."""
    value = _parse(text)
    leaf, size = decode64(value["leaf"], where="receipt"), value["size"]
    path = [decode64(step, where="receipt") for step in value["path"]]
    top = implied_root(value["index"], size, leaf_hash(leaf), path)
    signature = decode64(value["signature"], where="receipt")
    _check_root(public_der, value["alg"], signature, _signed(value["x5t#S256"], size, top))
    return _facts(leaf, from_x5t(value["x5t#S256"]))


def verify_receipt(
    text: str, *, public_der: bytes, received: bytes, answered: bytes, sender: str, receiver: str
) -> ReceiptFacts:
    """As `read_receipt`, and it is the receipt of this exchange: these bytes, from `sender`, answered by `receiver`."""
    facts = read_receipt(text, public_der=public_der)
    expected = (digest(received), digest(answered), sender, receiver)
    for name, value in zip(("received", "answered", "sender", "receiver"), expected, strict=True):
        if getattr(facts, name) != value:
            raise NotVerified(f"the receipt is for another exchange: {name} differs", where="receipt")
    return facts


def signer_of(text: str) -> str:
    """The thumbprint, in hexadecimal, of the certificate that the receipt names; nothing is verified yet."""
    return from_x5t(_parse(text)["x5t#S256"])


@lru_cache(maxsize=256)
def _check_root(public_der: bytes, algorithm: str, signature: bytes, signed: bytes) -> None:
    """Check the signature that serves a whole group once; what does not hold is not remembered."""
    verify(public_der, algorithm, signature, signed)


def _signed(x5t: str, size: int, top: bytes) -> bytes:
    return f"trustspace-receipts-v1\n{x5t}\n{size}\n{encode64(top)}\n".encode()


@lru_cache(maxsize=64)
def _parse(text: str) -> JsonObject:
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"a receipt has at most {MAX_TEXT} characters", where="receipt")
    data = decode64(text, where="receipt")
    value = loads_object(data, where="receipt")
    if set(value) != _MEMBERS or canonical(value) != data or not _typed(value):
        raise InvalidInput("this is not a receipt", where="receipt")
    return value


def _typed(value: JsonObject) -> bool:
    texts: list[Json] = [value[name] for name in ("alg", "leaf", "signature", "x5t#S256")]
    path = value["path"] if isinstance(value["path"], list) else [None]
    numbers = type(value["index"]) is int and type(value["size"]) is int
    return numbers and all(isinstance(text, str) for text in [*texts, *path])


def _facts(leaf: bytes, thumbprint: str) -> ReceiptFacts:
    value = loads_object(leaf, where="receipt")
    kinds = [int if name == "status" else str for name in _SAYS]
    if set(value) != set(_SAYS) or canonical(value) != leaf:
        raise InvalidInput("the leaf of this receipt is not one", where="receipt")
    if any(type(value[name]) is not kind for name, kind in zip(_SAYS, kinds, strict=True)):
        raise InvalidInput("the leaf of this receipt has members of other types", where="receipt")
    if not (_HEX.fullmatch(value["received"]) and _HEX.fullmatch(value["answered"])):
        raise InvalidInput("a digest is 64 hexadecimal digits", where="receipt")
    return ReceiptFacts(**(value | {"time": moment(value["time"], where="receipt")}), thumbprint=thumbprint)
