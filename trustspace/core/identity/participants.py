"""The list of participants (接入主体名录) that a functional node signs: who is who now, and who no longer.

It is versioned and short-lived. A reader never goes back to an older version, and looks at its age before using it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical, loads_object
from trustspace.core.errors import InvalidInput, NotFound, NotVerified
from trustspace.core.identity.certificates import Profile, verify_chain
from trustspace.core.identity.keys import SigningKey, aware, thumbprint
from trustspace.core.identity.tokens import KINDS, TokenKind, sign_statement, statement_header, verify_statement

SKEW: Final = timedelta(seconds=60)
_THUMBPRINT: Final = re.compile("[0-9a-f]{64}")
_TEXTS: Final = ("identifier", "creditCode", "name", "did")
_LIST_MEMBERS: Final = {"node", "version", "issued", "expires", "participants", "revokedCertificates"}
_MEMBERS: Final = {*_TEXTS, "status", "signingThumbprints", "endpoints"}


class ParticipantStatus(StrEnum):
    """Whether a participant takes part: active (正常), suspended (停用) or revoked (已注销)."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class Participant:
    """One connector and its organisation; thumbprints are hexadecimal, endpoints are URLs by their kind."""

    identifier: str
    credit_code: str
    name: str
    did: str
    status: ParticipantStatus = ParticipantStatus.ACTIVE
    signing_thumbprints: tuple[str, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParticipantList:
    """What a functional node says of its participants; `revoked_certificates` are thumbprints and when they ended."""

    node: str
    version: int
    issued: datetime
    expires: datetime
    participants: tuple[Participant, ...]
    revoked_certificates: Mapping[str, datetime] = field(default_factory=dict)
    _index: Mapping[str, Participant] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, Participant] = {}
        for participant in self.participants:
            for name in (participant.did, participant.identifier):
                if name in index:
                    raise InvalidInput(f"{name} stands twice", where="participant list")
                index[name] = participant
        object.__setattr__(self, "_index", MappingProxyType(index))

    def find(self, name: str) -> Participant | None:
        """The participant of that DID or identifier, whatever its status."""
        return self._index.get(name)

    def active(self, name: str) -> Participant:
        """The participant of that DID or identifier; `NotFound` or `NotVerified` where it does not take part."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"{name} is not known to the functional node {self.node}", where="participant list")
        if found.status is not ParticipantStatus.ACTIVE:
            since = f" since {found.revoked_at.isoformat()}" if found.revoked_at else ""
            raise NotVerified(f"{name} is {found.status}{since}", where="participant list")
        return found

    def check_certificate(self, name: str, certificate: str) -> Participant:
        """The active participant of that name, whose signing certificate has that thumbprint and was not revoked."""
        participant = self.active(name)
        if certificate in self.revoked_certificates:
            since = self.revoked_certificates[certificate].isoformat()
            raise NotVerified(f"this certificate of {name} is revoked since {since}", where="participant list")
        if certificate not in participant.signing_thumbprints:
            raise NotVerified(f"this is not a signing certificate of {name}", where="participant list")
        return participant

    def age(self, now: datetime) -> timedelta:
        """How long ago the list was issued."""
        return now - self.issued


def encode(participants: ParticipantList) -> bytes:
    """The canonical JSON of a list; times are in UTC to the second."""
    return canonical(
        {
            "node": participants.node,
            "version": participants.version,
            "issued": _write_time(participants.issued),
            "expires": _write_time(participants.expires),
            "participants": [_write(participant) for participant in participants.participants],
            "revokedCertificates": {
                name: _write_time(moment) for name, moment in participants.revoked_certificates.items()
            },
        }
    )


def sign_list(key: SigningKey, certificate_der: bytes, participants: ParticipantList) -> bytes:
    """The list as a compact JWS by the node's signing certificate, which goes along in `x5c`; `InvalidInput`."""
    payload = encode(participants)
    decode(payload)  # what could not be read back is not signed
    name = thumbprint(certificate_der)
    return sign_statement(key, name, TokenKind.PARTICIPANTS, payload, [certificate_der]).encode()


def verify_list(
    signed: bytes, roots: Sequence[bytes], *, now: datetime, newest_seen_version: int = 0
) -> ParticipantList:
    """Check a list: signed by the node that it names, under our roots, not expired, not older than one seen before.

    Raises `NotVerified` with the reason, `InvalidInput` where what was signed is not a list.
    """
    try:
        token = signed.decode("ascii")
    except UnicodeDecodeError as error:
        raise NotVerified("this is not a signed list", where="participant list") from error
    header = statement_header(token)
    if not header.certificates:
        raise NotVerified("the list comes without its signer's certificate", where="participant list")
    signer = verify_chain(header.certificates[0], roots, at=now, purpose=Profile.SIGNING)
    payload = verify_statement(token, public_der=signer.public_der, kind=TokenKind.PARTICIPANTS)
    participants = decode(payload)
    if participants.node != signer.identifier:
        raise NotVerified(f"the list of {participants.node} is signed by {signer.identifier}", where="participant list")
    if participants.version < newest_seen_version:
        raise NotVerified(
            f"version {participants.version} is older than {newest_seen_version}, which was seen before",
            where="participant list",
            hint="the functional node went back to an older state, or somebody replays an old list",
        )
    _check_times(participants, now)
    return participants


def decode(payload: bytes) -> ParticipantList:
    """Read a list strictly; `InvalidInput` for anything but what `encode` writes."""
    members = loads_object(payload, where="participant list", limit=KINDS[TokenKind.PARTICIPANTS].limit)
    entries, revoked, version = (members.get(name) for name in ("participants", "revokedCertificates", "version"))
    if members.keys() != _LIST_MEMBERS or not isinstance(entries, list) or not isinstance(revoked, dict):
        raise InvalidInput(f"an object of {', '.join(sorted(_LIST_MEMBERS))} is expected", where="participant list")
    if type(version) is not int or version < 1:
        raise InvalidInput("a version is an integer from 1 on", where="participant list")
    return ParticipantList(
        node=_text(members, "node"),
        version=version,
        issued=_time(members.get("issued")),
        expires=_time(members.get("expires")),
        participants=tuple(map(_read, entries)),
        revoked_certificates={_thumbprint(name): _time(moment) for name, moment in revoked.items()},
    )


def _check_times(participants: ParticipantList, now: datetime) -> None:
    if participants.issued > now + SKEW:
        ahead = int((participants.issued - now).total_seconds())
        raise NotVerified(
            f"the list was issued {ahead} s in the future", where="participant list", hint="set the clocks"
        )
    if now >= participants.expires:
        raise NotVerified(
            f"the list of version {participants.version} expired at {participants.expires.isoformat()}",
            where="participant list",
            hint="is the functional node reachable?",
        )


def _write(participant: Participant) -> JsonObject:
    ended = {"revokedAt": _write_time(participant.revoked_at)} if participant.revoked_at else {}
    return {
        "identifier": participant.identifier,
        "creditCode": participant.credit_code,
        "name": participant.name,
        "did": participant.did,
        "status": str(participant.status),
        "signingThumbprints": list(participant.signing_thumbprints),
        "endpoints": dict(participant.endpoints),
        **ended,
    }


def _read(entry: Json) -> Participant:
    if not isinstance(entry, dict) or entry.keys() - {"revokedAt"} != _MEMBERS:
        raise InvalidInput(f"an object of {', '.join(sorted(_MEMBERS))} is expected", where="participant")
    names, endpoints, status = entry["signingThumbprints"], entry["endpoints"], entry["status"]
    if not isinstance(names, list) or not isinstance(endpoints, dict) or status not in list(ParticipantStatus):
        raise InvalidInput("status, thumbprints or endpoints are not what they should be", where="participant")
    identifier, credit_code, name, did = (_text(entry, member) for member in _TEXTS)
    return Participant(
        identifier=identifier,
        credit_code=credit_code,
        name=name,
        did=did,
        status=ParticipantStatus(status),
        signing_thumbprints=tuple(map(_thumbprint, names)),
        endpoints=_texts(endpoints),
        revoked_at=_time(entry["revokedAt"]) if "revokedAt" in entry else None,
    )


def _text(members: JsonObject, name: str) -> str:
    value = members[name]
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{name} is a text, and not empty", where="participant list")
    return value


def _texts(members: JsonObject) -> dict[str, str]:
    return {name: _text(members, name) for name in members}


def _thumbprint(value: Json) -> str:
    if not isinstance(value, str) or not _THUMBPRINT.fullmatch(value):
        raise InvalidInput("a thumbprint is 64 hexadecimal digits", where="participant list")
    return value


def _write_time(moment: datetime) -> str:
    return aware(moment, "time").astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(value: Json) -> datetime:
    try:
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (ValueError, TypeError) as error:
        raise InvalidInput("a time like 2026-11-24T08:00:00Z is expected", where="participant list") from error
    if _write_time(moment) != value:
        raise InvalidInput("this time has a second spelling", where="participant list")
    return moment
