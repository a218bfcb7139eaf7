"""Rules (规则): what a participant lets its node do by itself when a negotiation or a transfer comes to a state.

A rule maps an event to an action, under conditions, maybe after a while; the first one that matches decides. They are
data: read once and checked against the transition tables, so that a rule which could never act is refused when read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from trustspace.core import contract, transfer
from trustspace.core.contract import Role
from trustspace.core.contract import Verb as Says
from trustspace.core.policy import Policy
from trustspace.core.transfer import Verb as Does

MOST_ROUNDS: Final = 16
"""How often rules act in the same state of a process; then a person is asked: two nodes cannot play for ever."""


class Event(StrEnum):
    """A state that a process has come to, whoever brought it there."""

    REQUESTED = "requested"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    AGREED = "agreed"
    VERIFIED = "verified"
    FINALIZED = "finalized"
    TRANSFER_REQUESTED = "transfer requested"
    TRANSFER_STARTED = "transfer started"
    TRANSFER_SUSPENDED = "transfer suspended"


class Action(StrEnum):
    """What is done then."""

    OFFER = "offer"
    COUNTER = "counter"
    AGREE = "agree"
    ACCEPT = "accept"
    VERIFY = "verify"
    FINALIZE = "finalize"
    START = "start"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    REFUSE = "refuse"
    TERMINATE = "terminate"
    HOLD = "hold"


class Terms(StrEnum):
    """How the terms on the table compare with ours: what we publish or offered (provider), what we asked (consumer)."""

    SAME = "same"
    CHANGED = "changed"
    ANY = "any"


_NEGOTIATION: Final[Mapping[tuple[Role, Says], tuple[Action, ...]]] = {
    (Role.PROVIDER, Says.OFFER): (Action.OFFER, Action.COUNTER),
    (Role.CONSUMER, Says.REQUEST): (Action.COUNTER,),
    (Role.PROVIDER, Says.AGREE): (Action.AGREE,),
    (Role.CONSUMER, Says.ACCEPT): (Action.ACCEPT,),
    (Role.CONSUMER, Says.VERIFY): (Action.VERIFY,),
    (Role.PROVIDER, Says.FINALIZE): (Action.FINALIZE,),
    **{(role, Says.TERMINATE): (Action.REFUSE, Action.TERMINATE) for role in Role},
}
_TRANSFER: Final[Mapping[Does, tuple[Action, ...]]] = {
    Does.START: (Action.START,),
    Does.SUSPEND: (Action.SUSPEND,),
    Does.COMPLETE: (Action.COMPLETE,),
    Does.TERMINATE: (Action.REFUSE, Action.TERMINATE),
}


def _table() -> dict[tuple[Event, Role], tuple[Action, ...]]:
    """What each side can do at each event, from the tables of both machines; where it can act it can also wait."""
    found: dict[tuple[Event, Role], tuple[Action, ...]] = {}
    for was, who, says in contract.MACHINE.moves:
        if was is not None:
            at = Event(was.value.lower()), who
            found[at] = found.get(at, ()) + _NEGOTIATION[who, says]
    for standing, who, does in transfer.MACHINE.moves:
        if standing is not None:
            at = Event(f"transfer {standing.value.lower()}"), who
            found[at] = found.get(at, ()) + _TRANSFER[does]
    return {at: (*(action for action in Action if action in can), Action.HOLD) for at, can in found.items()}


POSSIBLE: Final[Mapping[tuple[Event, Role], tuple[Action, ...]]] = _table()
"""What can be done at an event in a role; what is missing can do nothing."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may ask about a process as it stands.

    `products` are the names of the data: the dataset's id, and its code where it has one; `round` counts how often the
    process has come to this state, from 1. `signed`: by the peer, or by both for a transfer; before an agreement, that
    the peer says it signs. `purposes` are those of the terms on the table, or agreed upon; `changed` says that the
    terms on the table are not ours.
    """

    event: Event
    role: Role
    round: int = 1
    products: tuple[str, ...] = ()
    agreement: str = ""
    peer: str = ""
    signed: bool = False
    purposes: tuple[str, ...] = ()
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: at one of the events, in the role (None: either), where every condition holds, do `then`.

    An empty condition holds always; of several texts one has to match, and a last `*` matches any ending; every purpose
    of the terms has to match one of `purpose`. `policy` are the terms to offer, None for ours; `reason` is what the
    other side reads.
    """

    on: tuple[Event, ...]
    then: Action
    role: Role | None = None
    product: tuple[str, ...] = ()
    agreement: tuple[str, ...] = ()
    peer: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    round: tuple[int, ...] = ()
    signed: bool | None = None
    terms: Terms = Terms.ANY
    after: timedelta = timedelta(0)
    reason: str = ""
    policy: Policy | None = None
    name: str = field(default="", compare=False)

    def matches(self, facts: Facts) -> bool:
        """Whether this is the rule for a process of which these are the facts."""
        return (
            facts.event in self.on
            and self.role in (None, facts.role)
            and self.then in POSSIBLE.get((facts.event, facts.role), ())
            and self.signed in (None, facts.signed)
            and (not self.round or facts.round in self.round)
            and self.terms in (Terms.ANY, Terms.CHANGED if facts.changed else Terms.SAME)
            and _one_of(self.product, facts.products)
            and _one_of(self.agreement, (facts.agreement,))
            and _one_of(self.peer, (facts.peer,))
            and (
                not self.purpose or (bool(facts.purposes) and all(_one_of(self.purpose, (p,)) for p in facts.purposes))
            )
        )


def first(rules: Iterable[Rule], facts: Facts) -> Rule | None:
    """The first rule that matches; None where none does, and what the node does by itself is done."""
    return next((rule for rule in rules if rule.matches(facts)), None)


def _one_of(wanted: tuple[str, ...], names: Iterable[str]) -> bool:
    return not wanted or any(_is(one, name) for one in wanted for name in names)


def _is(wanted: str, name: str) -> bool:
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def table() -> list[tuple[str, str, str]]:
    """Event, role and possible actions, for people: a row for each that can do something."""
    return [(event, role, ", ".join(can)) for (event, role), can in sorted(POSSIBLE.items(), key=_place)]


def _place(item: tuple[tuple[Event, Role], Any]) -> tuple[int, str]:
    (event, role), _ = item
    return list(Event).index(event), role
