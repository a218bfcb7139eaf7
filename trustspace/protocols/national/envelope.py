"""The national envelope: POST /{interface}, five headers, a signature both ways, `{code, message, data}` in the answer.

NDI-TR-2025-03 draft, Annex B. The draft gives no canonical form for signValue: ours is the RFC 8785 object of
msgcode, msgversion, timestamp, sequenceNum and the SHA-256 of the body; 128 hexadecimal digits are its r‖s.
It also has no header that says who calls: `connectorId` names a registered connector, `applicantKey` (base64url of the
DER public key) whoever is not registered yet, and `signCertificate` (base64url of DER) the answering node: all ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from trustspace.core.canon import Json, JsonObject, canonical, decode64, digest, encode64, loads_object
from trustspace.core.errors import InvalidInput, NotVerified, TooLarge, TrustspaceError, Unauthenticated
from trustspace.core.identity.keys import algorithm_of, verify
from trustspace.ports import Signer
from trustspace.protocols.national.codes import (
    FieldMissing,
    FieldTooLong,
    Unreadable,
    WrongName,
    WrongTime,
    WrongVersion,
    code_of,
    details,
    error_of,
    success,
)
from trustspace.protocols.national.profile import DRAFT, Profile

Headers = dict[str, str]

_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{128}")
_SEQUENCE: Final = re.compile(r"[0-9A-Za-z_-]+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it was read, its signature not yet checked: `check` does that with the caller's key.

    `caller` is the connector's identifier, or empty where `applicant` is the DER public key of an applicant.
    """

    interface: str
    sequence: str
    sent: datetime
    signed: bytes
    signature: bytes
    data: JsonObject
    caller: str = ""
    applicant: bytes = b""

    @property
    def digest(self) -> str:
        """The SHA-256 of what was signed: it names this call and no other."""
        return digest(self.signed)

    @property
    def issuer(self) -> str:
        """Who numbers its calls: each sequenceNum once per issuer."""
        return self.caller or digest(self.applicant)

    def check(self, *keys: bytes) -> None:
        """Raise `Unauthenticated` unless one of these public keys (DER) made the signature."""
        for key in keys:
            try:
                return _verify(key, self.signed, self.signature)
            except NotVerified:
                continue
        raise Unauthenticated(
            "signValue does not fit the message and the caller's key",
            where="signValue",
            hint="sign with the key of the registered signing certificate, over the body exactly as it is sent",
        )


def seal(
    interface: str,
    body: bytes,
    *,
    signer: Signer,
    sequence: str,
    now: datetime,
    caller: str = "",
    profile: Profile = DRAFT,
) -> Headers:
    """The headers of a call with this body; without `caller` the key itself says who calls."""
    headers = _sealed(interface, body, signer=signer, sequence=sequence, now=now, profile=profile)
    who = {"connectorId": caller} if caller else {"applicantKey": encode64(signer.public_der)}
    return {"content-type": "application/json; charset=utf-8", **headers, **who}


def read_request(
    interface: str, headers: Mapping[str, str], body: bytes, *, now: datetime, profile: Profile = DRAFT
) -> Request:
    """The call in these bytes; header names in any case. The signature is for `Request.check`.

    Raises `InvalidInput` of the kind that has the return code (name, version, time, length), `TooLarge`, or
    `Unauthenticated` where nobody says who calls.
    """
    values = {name.lower(): value for name, value in headers.items()}
    if _header(values, "msgcode") != interface:
        raise WrongName(f"msgcode says {values['msgcode']!r} but {interface} was called", where="msgcode")
    version = _header(values, "msgversion")
    if version not in profile.accepted:
        raise WrongVersion(f"{version!r} is not spoken here", where="msgversion", hint=", ".join(profile.accepted))
    sequence, sent = _sequence(values, profile), _timestamp(values)
    check_clock(sent, now, profile)
    caller, applicant = _caller(values)
    return Request(
        interface=interface,
        sequence=sequence,
        sent=sent,
        signed=_signed(interface, version, sent, sequence, body),
        signature=_signature(values),
        data=_object(body),
        caller=caller,
        applicant=applicant,
    )


def check_clock(sent: datetime, now: datetime, profile: Profile = DRAFT) -> None:
    """Raise `WrongTime` that says how far the caller's clock is from ours where that is more than the window."""
    ahead = sent - now
    if abs(ahead) > profile.window:
        seconds = abs(ahead).total_seconds()
        way = "ahead of" if ahead > timedelta(0) else "behind"
        raise WrongTime(
            f"the message's time is {seconds:.0f} s {way} this node's clock ({now.isoformat(timespec='seconds')})",
            where="timestamp",
            hint=f"set the sender's clock: {profile.window.total_seconds():.0f} s are allowed",
        )


def answer_body(subject: str, data: JsonObject) -> bytes:
    """The body of an answer to a call that was done."""
    return canonical({"code": success(subject), "message": "success", "data": data})


def refusal_body(subject: str, error: TrustspaceError) -> bytes:
    """The body of an answer to a call that was refused."""
    return canonical({"code": code_of(error, subject), "message": error.what, "data": details(error)})


def seal_answer(
    interface: str,
    body: bytes,
    *,
    signer: Signer,
    certificate: bytes,
    sequence: str,
    now: datetime,
    profile: Profile = DRAFT,
) -> Headers:
    """The headers of an answer: the call's name and number again, our time, our signature and certificate (DER)."""
    headers = _sealed(interface, body, signer=signer, sequence=sequence, now=now, profile=profile)
    kind = {"content-type": "application/json; charset=utf-8"}
    return {**kind, **headers, "signCertificate": encode64(certificate)}


def answer_certificate(headers: Mapping[str, str]) -> bytes:
    """The certificate (DER) that the answer says it is signed with; `NotVerified` where it says nothing.

    Nothing is known of it yet: its chain to an anchored root is the caller's to check.
    """
    values = {name.lower(): value for name, value in headers.items()}
    if not values.get("signcertificate"):
        raise NotVerified("the answer is not signed", where="signCertificate", hint="is this a functional node?")
    return decode64(values["signcertificate"], where="signCertificate")


def read_answer(
    interface: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    sequence: str,
    public_der: bytes,
    profile: Profile = DRAFT,
) -> JsonObject:
    """The data of an answer that the node of this key signed for this very call.

    Raises `NotVerified` where it did not, and for a refusal the error that the node raised, with its words.
    """
    values = {name.lower(): value for name, value in headers.items()}
    version, sent = _header(values, "msgversion"), _timestamp(values)
    if (_header(values, "msgcode"), _header(values, "sequencenum")) != (interface, sequence):
        raise NotVerified("the answer belongs to another call", where="sequenceNum")
    _verify(public_der, _signed(interface, version, sent, sequence, body), _signature(values))
    answer = _object(body)
    code, data = _text(answer, "code", profile.code_length), answer.get("data")
    if not profile.succeeded(code):
        raise error_of(code, str(answer.get("message") or ""), data)
    if not isinstance(data, dict):
        raise Unreadable("an object is expected", where="data")
    return data


def _sealed(interface: str, body: bytes, *, signer: Signer, sequence: str, now: datetime, profile: Profile) -> Headers:
    sent = _EPOCH + (now - _EPOCH) // _MILLISECOND * _MILLISECOND
    signed = _signed(interface, profile.version, sent, sequence, body)
    return {
        "msgcode": interface,
        "msgversion": profile.version,
        "timestamp": str(_millis(sent)),
        "sequenceNum": sequence,
        "signValue": signer.sign(signed).hex(),
    }


def _signed(interface: str, version: str, sent: datetime, sequence: str, body: bytes) -> bytes:
    return canonical(
        {
            "msgcode": interface,
            "msgversion": version,
            "timestamp": str(_millis(sent)),
            "sequenceNum": sequence,
            "digest": digest(body),
        }
    )


def _verify(public_der: bytes, signed: bytes, signature: bytes) -> None:
    verify(public_der, algorithm_of(public_der), signature, signed)


def _millis(time: datetime) -> int:
    return (time - _EPOCH) // _MILLISECOND


def _header(values: Mapping[str, str], name: str) -> str:
    text = values.get(name, "")
    if not text:
        raise FieldMissing("this header is missing", where=name)
    return text


def _sequence(values: Mapping[str, str], profile: Profile) -> str:
    text = _header(values, "sequencenum")
    if len(text) > profile.sequence_length:
        raise FieldTooLong(f"longer than {profile.sequence_length} characters", where="sequenceNum")
    if not _SEQUENCE.fullmatch(text):
        raise InvalidInput("letters, digits, - and _ may stand here", where="sequenceNum")
    return text


def _timestamp(values: Mapping[str, str]) -> datetime:
    text = _header(values, "timestamp")
    if not (len(text) == 13 and text.isascii() and text.isdigit()):
        raise WrongTime("13 digits are expected: milliseconds since 1970 in UTC", where="timestamp")
    return _EPOCH + int(text) * _MILLISECOND


def _signature(values: Mapping[str, str]) -> bytes:
    text = _header(values, "signvalue")
    if not _SIGNATURE.fullmatch(text):
        raise Unauthenticated("128 hexadecimal digits are expected: r and s of the signature", where="signValue")
    return bytes.fromhex(text)


def _caller(values: Mapping[str, str]) -> tuple[str, bytes]:
    identifier, key = values.get("connectorid", ""), values.get("applicantkey", "")
    if bool(identifier) == bool(key):
        raise Unauthenticated(
            "one of the headers connectorId and applicantKey has to say who calls",
            where="connectorId",
            hint="applicantKey before the registration, connectorId after it",
        )
    return identifier, decode64(key, where="applicantKey")


def _object(body: bytes) -> JsonObject:
    try:
        return loads_object(body or b"{}")
    except TooLarge:
        raise
    except InvalidInput as error:
        raise Unreadable(error.what, where=error.where) from error


def _text(answer: Mapping[str, Json], name: str, length: int) -> str:
    text = answer.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= length:
        raise Unreadable("a text is expected", where=name)
    return text
