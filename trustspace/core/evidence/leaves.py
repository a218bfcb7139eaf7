"""What is written in the log (存证日志): one table of kinds, and the canonical bytes of a leaf.

A leaf is the RFC 8785 form of `{"kind", "time", "subjects", "data"}` and, where it belongs to a chain, `"place"`.
Longer bytes (messages, signatures, receipts) are kept beside the log under their SHA-256: the leaf names the digest.

The *chain* of a leaf is its last subject (the agreement once there is one, else the process). `place` counts the leaves
of a chain from 1 without gaps, so that whoever holds the leaves of a contract can see that none was left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical, loads_object
from trustspace.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of leaf: what it says, the members that its data must have, those that name kept bytes by digest."""

    meaning: str
    members: tuple[str, ...]
    keeps: Mapping[str, str] = field(default_factory=dict)


_MESSAGE: Final = {"digest": "messages", "origin": "origins"}

KINDS: Final[Mapping[str, Kind]] = {
    "message-sent": Kind("a message was queued for the peer (发出)", ("message", "digest"), _MESSAGE),
    "message-received": Kind("a message of the peer took effect (收到)", ("message", "digest"), _MESSAGE),
    "receipt": Kind(
        "the peer answered, with its receipt if it gives any (回执)",
        ("message", "sent", "answer", "status"),
        {"answer": "answers", "receipt": "receipts"},
    ),
    "state-taken": Kind(
        "a process took a state without a message: its time ran out, or the peer showed it (超时或对账)",
        ("state", "reason"),
    ),
    "agreement-signed": Kind(
        "the contract stands, with these signatures (合约签署)",
        ("agreement", "offer", "provider_signature", "consumer_signature"),
    ),
    "agreement-imported": Kind("an agreement made elsewhere was taken in, unsigned (合约导入)", ("agreement", "peer")),
    "contract-ended": Kind("a side ended the contract (合约终止)", ("by", "reason"), {"digest": "endings"}),
    "use-permitted": Kind(
        "a use was decided and counted (使用许可)", ("use", "digest"), {"digest": "uses", "origin": "origins"}
    ),
    "use-denied": Kind(
        "a use was refused, signed (使用拒绝)",
        ("use", "reason", "digest"),
        {"digest": "denials", "origin": "origins"},
    ),
    "delivered": Kind(
        "the consumer has the data, signed (交付确认)",
        ("use", "content", "digest"),
        {"digest": "deliveries", "origin": "origins"},
    ),
    "duty-due": Kind("an obligation falls due (义务到期)", ("duty", "due")),
    "exported": Kind("the evidence of a contract was handed out (存证导出)", ("negotiation", "leaves")),
    "product-published": Kind("a product version was published (产品发布)", ("product", "version")),
    "product-withdrawn": Kind("a product was withdrawn (产品下架)", ("product",)),
    "registered": Kind("an identity was assigned (身份登记)", ("identifier",)),
    "revoked": Kind("an identity was revoked (身份注销)", ("identifier", "reason")),
    "peer-checkpoint": Kind("a peer's log was seen at this size (对方日志)", ("origin", "size", "root")),
}
"""Every kind of leaf. `keeps` maps a data member (where a leaf has it) to the folder of the pack with its bytes."""

SECRET: Final = frozenset({"token", "password", "passphrase", "secret", "authorization", "credential", "private_key"})
"""Member names that never stand in a leaf: the log is handed to others."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry for the evidence log: canonical JSON bytes, and the subjects it is found by."""

    body: bytes
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A leaf as it was read: `place` is 0 outside a chain."""

    kind: str
    time: str
    subjects: tuple[str, ...]
    data: JsonObject
    place: int = 0

    @property
    def chain(self) -> str:
        """The subject that `place` counts for, "" outside a chain."""
        return self.subjects[-1] if self.place else ""


def leaf(kind: str, *, time: datetime, subjects: Sequence[str], data: JsonObject, place: int = 0) -> Leaf:
    """The leaf of that kind; `place` > 0 puts it into the chain of its last subject.

    Raises `InvalidInput` for an unknown kind, a missing member, a member that would give a secret away.
    """
    _check(kind, subjects, data)
    body: JsonObject = {"data": data, "kind": kind, "subjects": list(subjects), "time": instant(time)}
    if place:
        body["place"] = place
    return Leaf(canonical(body), tuple(subjects))


def read_leaf(body: bytes, *, where: str = "leaf") -> Statement:
    """What a leaf says; `InvalidInput` unless the bytes are exactly what `leaf` would write."""
    value = loads_object(body, where=where)
    names = set(value) - {"place"}
    place = value.get("place", 0)
    if names != {"data", "kind", "subjects", "time"} or canonical(value) != body or not _typed(value, place):
        raise InvalidInput("this is not a leaf in canonical form", where=where)
    _check(value["kind"], value["subjects"], value["data"], where)
    return Statement(value["kind"], value["time"], tuple(value["subjects"]), value["data"], place)


def instant(time: datetime) -> str:
    """A moment as it stands in evidence: RFC 3339 in UTC with six decimals and `Z`."""
    if time.tzinfo is None:
        raise InvalidInput("a time with an offset is expected", where="time")
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def moment(text: str, *, where: str = "time") -> datetime:
    """The moment that `instant` wrote; `InvalidInput` for any other spelling."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("a time like 2027-01-31T08:30:00.000000Z is expected", where=where) from error
    if instant(time) != text:
        raise InvalidInput("this time has a second spelling", where=where)
    return time


def _typed(value: JsonObject, place: Json) -> bool:
    subjects = value["subjects"]
    texts = isinstance(subjects, list) and all(isinstance(name, str) for name in subjects)
    fields = isinstance(value["kind"], str) and isinstance(value["time"], str) and isinstance(value["data"], dict)
    counted = type(place) is int and (place > 0 if "place" in value else True)
    return texts and fields and counted and (bool(subjects) or not place)


def _check(kind: str, subjects: Sequence[str], data: JsonObject, where: str = "leaf") -> None:
    """Hold a leaf against the table."""
    if kind not in KINDS:
        raise InvalidInput(f"there is no kind {kind!r} of leaf", where=where, hint=", ".join(KINDS))
    if missing := [name for name in KINDS[kind].members if name not in data]:
        raise InvalidInput(f"a leaf of kind {kind} says {', '.join(missing)}", where=where)
    if told := [name for name in data if name.lower() in SECRET]:
        raise InvalidInput(f"{told[0]!r} does not belong in a log", where=where)
    if not all(subjects):
        raise InvalidInput("a subject is empty", where=where)
