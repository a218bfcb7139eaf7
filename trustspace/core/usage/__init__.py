"""Use (使用): one decision of the provider under a contract, counted once, and what may be asked again about it.

A *transfer* gives the consumer an access token (`Access`). With it the consumer asks for *uses*, each with its purpose
and a name of its own choice, so that asking again is not using again. A permitted use gives a second token, for the
bytes; it dies with the delivery, with the contract, or after `LIFETIME`. Range resumes are the same use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from trustspace.core.canon import JsonObject
from trustspace.core.errors import Forbidden, Refused, Unauthenticated
from trustspace.core.policy import Decision, DecisionValue, Policy, Request, decide
from trustspace.core.record import Record

LIFETIME: Final = timedelta(hours=1)
"""How long the token of a use lives unless the delivery or the contract ends sooner."""
OPEN: Final = "open"
DELIVERED: Final = "delivered"
CLOSED: Final = "closed"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Record):
    """What an access token opens; the key is the token's SHA-256, the token itself is not kept."""

    KIND: ClassVar[str] = "access"
    INDEX: ClassVar[tuple[str, ...]] = ("agreement", "transfer")

    agreement: str
    transfer: str
    peer: str
    created: datetime
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter(Record):
    """How often an agreement was used and refused; the key is the agreement's. Its version orders the decisions."""

    KIND: ClassVar[str] = "counter"

    used: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Record):
    """One use or refusal; the key is the name that the consumer gave it, behind the agreement's.

    `number` counts permitted uses from 1; `token` is the SHA-256 of the token for the bytes; `report` the decision
    report as JSON text; `statement` the provider's signed denial, `receipt` the consumer's signed receipt.
    """

    KIND: ClassVar[str] = "use"
    INDEX: ClassVar[tuple[str, ...]] = ("agreement", "state", "token")

    role: str
    agreement: str
    transfer: str
    peer: str
    purpose: str
    decision: str
    reason: str
    number: int = 0
    state: str = OPEN
    at: datetime
    expires: datetime
    digest: str = ""
    size: int = 0
    name: str = ""
    media_type: str = ""
    reference: str = ""
    token: str = ""
    report: str = ""
    statement: str = ""
    receipt: str = ""
    delivered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a consumer asks for: by whom (participant id and its aliases), what for, when.

    `fulfilled` are the duties that it says it has carried out, as a conditional decision named them.
    """

    party: str
    identifiers: tuple[str, ...]
    purpose: str
    at: datetime
    fulfilled: frozenset[str] = frozenset()


def judge(policy: Policy, counter: Counter, asked: Asked) -> Decision:
    """The decision on one more use after those counted; it changes nothing."""
    return decide(
        policy,
        Request(
            action="use",
            party=asked.party,
            identifiers=asked.identifiers,
            purpose=asked.purpose or None,
            at=asked.at,
            used=counter.used,
            fulfilled=asked.fulfilled,
        ),
    )


def count(counter: Counter, decision: Decision) -> Counter:
    """The counter after the decision."""
    if decision.value is DecisionValue.PERMIT:
        return replace(counter, used=counter.used + 1)
    return replace(counter, refused=counter.refused + 1)


def check_access(access: Access | None) -> Access:
    """The access of a token, if it opens anything still."""
    if access is None:
        raise Unauthenticated("this access token is not known here", hint="open a transfer under the contract")
    if access.closed:
        raise Forbidden("this access token died with its transfer or contract", hint="open another transfer")
    return access


def check_open(use: Use | None, *, now: datetime) -> Use:
    """The use of a token, if its bytes may still be read; raises `Unauthenticated` or `Refused` with the reason."""
    if use is None:
        raise Unauthenticated("this token belongs to no use", hint="ask for a use first")
    if use.state != OPEN:
        raise Refused(f"this use is {use.state}; its token died with it", hint="ask for another use")
    if now >= use.expires:
        raise Refused(f"the token of this use ended at {use.expires.isoformat()}", hint="ask for another use")
    return use


def delivered(use: Use, receipt: str, *, now: datetime) -> Use:
    """The use after the consumer's receipt; a second receipt changes nothing."""
    return use if use.state == DELIVERED else replace(use, state=DELIVERED, receipt=receipt, delivered=now)


def closed(use: Use, reason: str) -> Use:
    """The use after its contract ended: an open one is closed, others stay what they are."""
    return replace(use, state=CLOSED, reason=reason) if use.state == OPEN else use


def delivery_statement(use: Use, *, now: datetime) -> JsonObject:
    """What the consumer signs once the bytes are verified (不可否认接收): which use, which bytes, when."""
    return {
        "kind": "delivered",
        "agreement": use.agreement,
        "use": use.key,
        "digest": use.digest,
        "size": use.size,
        "time": now.isoformat(),
    }


def denial_statement(agreement: str, name: str, asked: Asked, decision: Decision) -> JsonObject:
    """What the provider signs when it refuses: which use of which agreement, asked by whom for what, and why not."""
    return {
        "kind": "denied",
        "agreement": agreement,
        "use": name,
        "party": asked.party,
        "purpose": asked.purpose,
        "time": asked.at.isoformat(),
        "decision": decision.value.value,
        "reason": decision.reason,
        "report": decision.report,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty(Record):
    """An obligation (义务) with the moment it falls due: recorded; the deletion itself is the consumer's own act."""

    KIND: ClassVar[str] = "duty"
    INDEX: ClassVar[tuple[str, ...]] = ("agreement",)

    agreement: str
    use: str
    action: str
    due: datetime
