"""统一身份登记: how an organisation and its connector become known to a functional node, as a table and pure functions.

An applicant (接入主体) is known by its signing key from the first message on. It enters its organisation, applies
with its connector, may be returned (退回) with a reason and mend what was wrong, is approved and given its identifier
(标识码), and asks for its certificates. The flow is of NDI-TR-2025-03 (draft); most names of states are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from urllib.parse import urlsplit

from trustspace.core.canon import digest
from trustspace.core.errors import Conflict, IllegalTransition, InvalidInput
from trustspace.core.identifiers import check_credit_code
from trustspace.core.machine import Machine
from trustspace.core.record import Record

ENTERPRISE_TYPES: Final = {"0": "机关法人", "1": "企事业单位法人", "2": "社会团体法人", "3": "非法人组织", "4": "其它"}
"""enterpriseType, NDI-TR-2025-03 draft."""
JOIN_TYPES: Final = {
    "1": "专线",
    "2": "互联网固定公网IP",
    "3": "互联网无固定公网IP",
    "4": "高速数据网",
    "5": "其他",
}
"""connectorJoinType, NDI-TR-2025-03 draft."""
_HOST: Final = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?|[0-9A-Fa-f:]{2,39}")
_DID: Final = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9.:%_-]+")


class State(StrEnum):
    """Where an application stands."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"


class Actor(StrEnum):
    """Who moves it."""

    APPLICANT = "applicant"
    NODE = "node"


class Verb(StrEnum):
    """What is done to it."""

    ENTER = "enter"
    APPLY = "apply"
    RETURN = "return"
    APPROVE = "approve"
    CERTIFY = "certify"
    RENEW = "renew"
    MOVE = "move"
    REVOKE = "revoke"


MACHINE: Final[Machine[State, Actor, Verb]] = Machine(
    "registration",
    {
        (None, Actor.APPLICANT, Verb.ENTER): State.DRAFT,
        (State.DRAFT, Actor.APPLICANT, Verb.ENTER): State.DRAFT,
        (State.DRAFT, Actor.APPLICANT, Verb.APPLY): State.SUBMITTED,
        (State.SUBMITTED, Actor.NODE, Verb.RETURN): State.RETURNED,
        (State.RETURNED, Actor.APPLICANT, Verb.ENTER): State.RETURNED,
        (State.RETURNED, Actor.APPLICANT, Verb.APPLY): State.SUBMITTED,
        (State.SUBMITTED, Actor.NODE, Verb.APPROVE): State.APPROVED,
        (State.APPROVED, Actor.NODE, Verb.CERTIFY): State.ACTIVE,
        (State.APPROVED, Actor.NODE, Verb.REVOKE): State.REVOKED,
        (State.ACTIVE, Actor.NODE, Verb.RENEW): State.ACTIVE,
        (State.ACTIVE, Actor.APPLICANT, Verb.MOVE): State.ACTIVE,
        (State.ACTIVE, Actor.NODE, Verb.REVOKE): State.REVOKED,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    """法人或其他组织, as it applies; `InvalidInput` names the field that cannot be.

    `credit_code` 统一社会信用代码 (18, GB 32100), `enterprise_type` of `ENTERPRISE_TYPES`; the rest is text to read.
    """

    enterprise_name: str
    credit_code: str
    enterprise_type: str = "1"
    legal_person: str = ""
    contact: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""

    def __post_init__(self) -> None:
        _present(self.enterprise_name, "enterprise name")
        check_credit_code(self.credit_code, where="credit code")
        _listed(self.enterprise_type, ENTERPRISE_TYPES, "enterprise type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """接入连接器, as it applies; `InvalidInput` names the field that cannot be.

    `did` its decentralized identifier, `public_url` where its protocols are (http or https), `join_type` of
    `JOIN_TYPES`, `software` its name and version, `hosts` the names and addresses its TLS certificate is for, that of
    the URL among them.
    """

    connector_name: str
    did: str
    public_url: str
    hosts: tuple[str, ...]
    join_type: str = "2"
    software: str = ""

    def __post_init__(self) -> None:
        _present(self.connector_name, "connector name")
        _listed(self.join_type, JOIN_TYPES, "join type")
        check_address(self.did, self.public_url, self.hosts)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history: the state reached, when, by whom, and why."""

    state: State
    time: datetime
    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application(Record):
    """登记申请 of a connector and its organisation; `key` is made of the signing key that it was first sent with.

    `signing_key` and `tls_key` are public keys as base64url of DER SubjectPublicKeyInfo, the certificates base64url of
    DER; `former` are signing certificates from before the last renewals, newest first; `history` keeps 50 steps.
    """

    KIND: ClassVar[str] = "application"
    INDEX: ClassVar[tuple[str, ...]] = ("state", "credit_code", "identifier")

    state: State
    enterprise: Enterprise
    credit_code: str
    connector: Connector | None = None
    signing_key: str = ""
    tls_key: str = ""
    identifier: str = ""
    reason: str = ""
    tls_certificate: str = ""
    signing_certificate: str = ""
    former: tuple[str, ...] = ()
    created: datetime
    changed: datetime
    history: tuple[Step, ...] = ()

    @property
    def requested(self) -> Connector:
        """The connector that was applied with; `IllegalTransition` while there is none."""
        if self.connector is None:
            raise IllegalTransition("no connector has been applied with yet", where="registration")
        return self.connector


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an application stands, as its applicant is told; certificates are base64url of DER, empty until issued."""

    application: str
    state: State
    reason: str = ""
    identifier: str = ""
    tls_certificate: str = ""
    signing_certificate: str = ""


def standing(application: Application) -> Standing:
    """What the applicant is told."""
    return Standing(
        application=application.key,
        state=application.state,
        reason=application.reason,
        identifier=application.identifier,
        tls_certificate=application.tls_certificate,
        signing_certificate=application.signing_certificate,
    )


def application_key(public_der: bytes) -> str:
    """The key of the application of whoever holds this key: the first 80 bits of its SHA-256 in hexadecimal."""
    return digest(public_der)[:20]


def enter(application: Application | None, enterprise: Enterprise, *, key: str, now: datetime) -> Application:
    """Begin an application by naming the organisation (主体登记), or mend that part of a returned one."""
    state = MACHINE.after(application.state if application else None, Actor.APPLICANT, Verb.ENTER)
    code = enterprise.credit_code
    if application is None:
        return Application(key=key, state=state, enterprise=enterprise, credit_code=code, created=now, changed=now)
    return replace(application, state=state, enterprise=enterprise, credit_code=code, changed=now)


def apply(application: Application, connector: Connector, *, tls: str, signing: str, now: datetime) -> Application:
    """Apply with the connector and its two public keys (接入连接器登记), first or again."""
    after = _moved(application, Actor.APPLICANT, Verb.APPLY, now)
    return replace(after, connector=connector, tls_key=tls, signing_key=signing)


def return_(application: Application, reason: str, *, by: str, now: datetime) -> Application:
    """退回: hand it back with the reason, which has to be there (TC609-6-2025-12 asks for reasons)."""
    _present(reason, "reason")
    return _moved(application, Actor.NODE, Verb.RETURN, now, who=by, reason=reason)


def approve(application: Application, identifier: str, *, by: str, now: datetime) -> Application:
    """Approve it and assign the connector's identifier (赋码), which never changes afterwards."""
    return replace(_moved(application, Actor.NODE, Verb.APPROVE, now, who=by), identifier=identifier)


def certify(application: Application, *, tls: str, signing: str, now: datetime) -> Application:
    """Note the two certificates (base64url of DER) that were issued for the keys it applied with."""
    after = _moved(application, Actor.NODE, Verb.CERTIFY, now)
    return replace(after, tls_certificate=tls, signing_certificate=signing)


def renew(application: Application, *, tls: str, signing: str, keys: tuple[str, str], now: datetime) -> Application:
    """Put new certificates in the place of the present ones; `keys` are the TLS and the signing key that they are for.

    The signing certificate from before stays good for what is under way, until it expires.
    """
    return replace(
        _moved(application, Actor.NODE, Verb.RENEW, now, reason="renewed"),
        tls_certificate=tls,
        signing_certificate=signing,
        former=(application.signing_certificate, *application.former)[:4],
        tls_key=keys[0],
        signing_key=keys[1],
    )


def move(application: Application, *, did: str, public_url: str, hosts: tuple[str, ...], now: datetime) -> Application:
    """接入连接器地址上报: bind a new DID and address to the identifier, which stays."""
    after = _moved(application, Actor.APPLICANT, Verb.MOVE, now, reason="moved")
    return replace(after, connector=replace(after.requested, did=did, public_url=public_url, hosts=hosts))


def revoke(application: Application, reason: str, *, by: str, now: datetime) -> Application:
    """注销: from now on its certificates and messages are refused; the reason has to be there."""
    _present(reason, "reason")
    return _moved(application, Actor.NODE, Verb.REVOKE, now, who=by, reason=reason)


def check_keys(application: Application, *, tls: str, signing: str) -> None:
    """Raise `Conflict` unless these are the public keys that were applied with and reviewed."""
    if (tls, signing) != (application.tls_key, application.signing_key):
        raise Conflict(
            "these are not the keys that the application was approved with",
            where="certificate requests",
            hint="ask with the requests that were sent with the application",
        )


def check_address(did: str, public_url: str, hosts: tuple[str, ...]) -> None:
    """Raise `InvalidInput` unless DID, URL and hosts have their form, and the hosts hold that of the URL."""
    if not _DID.fullmatch(did):
        raise InvalidInput(f"{did!r} is no DID", where="did", hint="did:web:bus.example.com")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise InvalidInput(f"{host!r} is no host name and no address", where="hosts")
    _check_url(public_url, hosts)


def _check_url(url: str, hosts: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"{url!r} is no URL: {error}", where="public url") from error
    if parts.scheme not in ("https", "http") or not host or parts.username or parts.query or parts.fragment:
        raise InvalidInput(f"{url!r} is no address of a node", where="public url", hint="https://bus.example.com:8443")
    if host not in [name.lower() for name in hosts]:
        raise InvalidInput(f"the host {host} of the public URL is not among the hosts", where="hosts")


def _moved(
    application: Application, actor: Actor, verb: Verb, now: datetime, *, who: str = "", reason: str = ""
) -> Application:
    state = MACHINE.after(application.state, actor, verb)
    step = Step(state, now, who or actor, reason)
    return replace(application, state=state, changed=now, reason=reason, history=(*application.history, step)[-50:])


def _present(text: str, where: str) -> None:
    if not text.strip():
        raise InvalidInput("this may not be empty", where=where)


def _listed(code: str, table: dict[str, str], where: str) -> None:
    if code not in table:
        choices = ", ".join(f"{key} {name}" for key, name in table.items())
        raise InvalidInput(f"there is no {where} {code!r}", where=where, hint=f"one of: {choices}")
