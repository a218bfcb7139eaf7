"""Using data of a provider that speaks only the protocol: nobody there judges or counts a use, so this side does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from trustspace.core.canon import canonical
from trustspace.core.contract import Contract, Role, Signed, Status
from trustspace.core.errors import NotFound, Refused
from trustspace.core.transfer import Transfer
from trustspace.core.usage import DELIVERED, LIFETIME, OPEN, REFUSED, Asked, Counter, Use, count, delivered, judge
from trustspace.ports import Content, Store, Tx
from trustspace.services.transfer import DIGEST
from trustspace.services.usage import log_delivery, log_use, note_duties, use_key


def is_plain(contract: Contract, transfer: Transfer) -> bool:
    """Whether the provider says nothing of the data but its address; one that signed its contract knows more."""
    told = transfer.address.get(DIGEST) if transfer.address else ""
    return contract.signed is Signed.UNSIGNED and not told


async def decide_here(store: Store, transfer: Transfer, name: str, asked: Asked) -> Use:
    """Judge one use by the contract and count it, in one transaction; the same name again is the same use.

    Raises `Refused` where the contract ended. A refusal by the policy is returned as a use that was refused.
    """
    return await store.run(lambda tx: _decide(tx, transfer, name, asked))


def _decide(tx: Tx, transfer: Transfer, name: str, asked: Asked) -> Use:
    key, contract = use_key(transfer.agreement, name), tx.get(Contract, transfer.agreement)
    if (known := tx.get(Use, key)) is not None:
        return known
    if contract is None or contract.status is Status.ENDED:
        raise Refused("the contract ended", where=transfer.agreement)
    counter = tx.get(Counter, contract.key) or Counter(key=contract.key)
    decision = judge(contract.agreed.policy, counter, asked)
    after = tx.save(count(counter, decision), expect=counter.version)
    use = Use(
        key=key,
        role=Role.CONSUMER.value,
        agreement=contract.key,
        transfer=transfer.key,
        peer=contract.peer,
        purpose=asked.purpose,
        decision=decision.value.value,
        reason=decision.reason,
        number=after.used if decision.permitted else 0,
        state=OPEN if decision.permitted else REFUSED,
        at=asked.at,
        expires=asked.at + LIFETIME,
        report=canonical(decision.report).decode(),
    )
    saved = tx.save(use, expect=0)
    log_use(tx, saved)
    return saved


async def took(store: Store, key: str, content: Content, now: datetime) -> Use:
    """Write down what came for a use: its digest is what is known of it from now on; obligations get their dates."""
    return await store.run(lambda tx: _take(tx, key, content, now))


def _take(tx: Tx, key: str, content: Content, now: datetime) -> Use:
    use = tx.get(Use, key)
    if use is None:
        raise NotFound("there is no such use here", where=key)
    if use.state == DELIVERED:
        return use
    here = replace(use, digest=content.digest, size=content.size, name=content.name, media_type=content.media_type)
    saved = tx.save(delivered(here, "", now=now), expect=use.version)
    log_delivery(tx, saved)
    note_duties(tx, saved, now)
    return saved
