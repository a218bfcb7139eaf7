"""What is ours to do next by the participant's rules (规则), decided in the transaction that brings the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from trustspace.core import contract as contracts
from trustspace.core import transfer as transfers
from trustspace.core.catalogue import Visitor
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Contract, Negotiation, Offer, Role, Signed, State
from trustspace.core.contract.exchange import Exchange as Process
from trustspace.core.errors import NotFound
from trustspace.core.policy import Policy
from trustspace.core.policy.model import Logical, Term
from trustspace.core.policy.vocabulary import PURPOSE
from trustspace.core.rules import MOST_ROUNDS, Action, Event, Facts, Rule, first
from trustspace.core.transfer import Transfer
from trustspace.ports import Tx

P = TypeVar("P", bound=Process[Any, Any])

HOLD: Final = "hold"
"""What is to be done waits for a person."""
RULE: Final = "rule"
"""What is to be done is what a rule says, once its time has come."""
_NAMES_WHAT_IS_ALLOWED: Final = frozenset({"eq", "isAnyOf"})
_EVENTS: Final = frozenset(Event)
_HELD: Final = Rule(on=tuple(Event), then=Action.HOLD, reason="rules have played long enough with this", name="rounds")


def _nobody(machine: str, pid: str, due: datetime) -> None:
    """Nobody keeps the time here."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of a participant over the records of its processes; without rules nothing is changed or read.

    `later` has a process (machine, pid) looked at again at a time.
    """

    rules: tuple[Rule, ...] = ()
    later: Callable[[str, str, datetime], None] = _nobody

    def planned(self, tx: Tx, record: P) -> P:
        """The record, about to be saved, with what is to be done by the rules.

        A rule acts once for each time that a process comes to a state: a message that the peer refused is not repeated.
        """
        if not self.rules or record.pending is not None or not record.silent:
            return record
        rule = self.rule(tx, record)
        return record if rule is None else replace(record, todo=HOLD if rule.then is Action.HOLD else RULE)

    def rule(self, tx: Tx, record: Process[Any, Any]) -> Rule | None:
        """The rule for the record as it stands; None where there is none."""
        event = event_of(record)
        if not self.rules or event is None:
            return None
        found = first(self.rules, _facts(tx, record, event))
        return _HELD if found is not None and record.round > MOST_ROUNDS else found

    def early(self, record: Process[Any, Any], rule: Rule, now: datetime) -> bool:
        """Whether the rule's time, so long after the process came to its state, is still to come; it is noted then."""
        due = record.changed + rule.after
        if due > now:
            self.later(record.KIND, record.key, due)
        return due > now

    def now(self, kind: type[P], pid: str) -> Callable[[Tx], tuple[P, Rule | None]]:
        """A body that reads a process with its rule; raises `NotFound`."""

        def body(tx: Tx) -> tuple[P, Rule | None]:
            record = tx.get(kind, pid)
            if record is None:
                raise NotFound(f"there is no {kind.KIND} {pid} here")
            return record, self.rule(tx, record)

        return body


def event_of(record: Process[Any, Any]) -> Event | None:
    """The event of a record's present state; None where nothing can be done about it."""
    name = f"transfer {record.state}".lower() if isinstance(record, Transfer) else str(record.state).lower()
    return Event(name) if name in _EVENTS else None


def default(record: Any) -> str:
    """What is ours to do next where no rule says otherwise."""
    return transfers.due(record) if isinstance(record, Transfer) else contracts.due(record)


def is_ours(tx: Tx, negotiation: Negotiation) -> bool:
    """Whether we stand by the terms on the table: we offered or asked for just these, or they are what we publish."""
    offer, earlier = negotiation.offer, negotiation.earlier
    if offer is None or negotiation.offered_by is negotiation.role:
        return offer is not None
    if earlier is not None and _same(offer, earlier):
        return True
    product = asked_for(tx, negotiation) if negotiation.role is Role.PROVIDER else None
    return product is not None and product.terms.digest == offer.policy.digest


def _same(one: Offer, other: Offer) -> bool:
    return one.target == other.target and one.policy.digest == other.policy.digest


def asked_for(tx: Tx, negotiation: Negotiation) -> Published | None:
    """What is asked for, as long as it is on offer; None as well where it is not for whoever asks."""
    product = tx.get(Published, negotiation.offer.target) if negotiation.offer else None
    visitor = Visitor(negotiation.peer, negotiation.peer_identifier)
    return product if product and product.shown_to(visitor) else None


def _facts(tx: Tx, record: Process[Any, Any], event: Event) -> Facts:
    return _about_transfer(tx, record, event) if isinstance(record, Transfer) else _about_negotiation(tx, record, event)


def _about_negotiation(tx: Tx, record: Any, event: Event) -> Facts:
    offer, agreed = record.offer, record.agreed
    product = asked_for(tx, record)
    return Facts(
        event=event,
        role=record.role,
        round=record.round,
        products=_names(offer.target if offer else "", product),
        agreement=agreed.id if agreed else "",
        peer=record.peer,
        signed=_signed(record),
        purposes=purposes(agreed.policy if agreed else offer.policy if offer else None),
        changed=offer is not None and not is_ours(tx, record),
    )


def _about_transfer(tx: Tx, record: Transfer, event: Event) -> Facts:
    contract = tx.get(Contract, record.agreement)
    target = contract.target if contract else ""
    return Facts(
        event=event,
        role=record.role,
        round=record.round,
        products=_names(target, tx.get(Published, target)),
        agreement=record.agreement,
        peer=record.peer,
        signed=contract is not None and contract.signed is Signed.BOTH,
        purposes=purposes(contract.agreed.policy) if contract else (),
    )


def _names(target: str, product: Published | None) -> tuple[str, ...]:
    return tuple(name for name in (target, product.code if product else "") if name)


def _signed(record: Negotiation) -> bool:
    if record.state in {State.REQUESTED, State.OFFERED, State.ACCEPTED}:
        return record.peer_signs
    return bool(record.provider_signature if record.role is Role.CONSUMER else record.consumer_signature)


def purposes(policy: Policy | None) -> tuple[str, ...]:
    """The purposes to which every permission of the policy is bound; none where one of them is not bound to any."""
    bound = [_bound(rule.constraints) for rule in policy.permissions] if policy else []
    return tuple(dict.fromkeys(one for some in bound for one in some)) if all(bound) else ()


def _bound(terms: Sequence[Term]) -> list[str]:
    """The purposes that these constraints, which hold together, leave."""
    found: list[str] = []
    for term in terms:
        if isinstance(term, Logical):
            found += _bound(term.parts) if term.kind.startswith("and") else []
        elif term.left == PURPOSE and term.operator in _NAMES_WHAT_IS_ALLOWED:
            found += term.values
    return found
