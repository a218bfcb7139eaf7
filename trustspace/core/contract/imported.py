"""An agreement that was made elsewhere (导入的合约), taken in as a contract: signed by nobody, and marked so."""

from __future__ import annotations

from datetime import datetime

from trustspace.core.canon import Json, canonical, digest
from trustspace.core.contract.checks import check_understood
from trustspace.core.contract.contract import Contract
from trustspace.core.contract.exchange import Role
from trustspace.core.contract.offer import read_agreement
from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy import check_enforceable


def imported(
    document: Json, *, me: str, now: datetime, title: str = "", address: str = "", where: str = "agreement"
) -> Contract:
    """The contract of an ODRL agreement in which `me` is one side; no negotiation and no signature stand behind it.

    `address` is the base address of the counterparty's protocol, where it is known. Raises `InvalidInput` naming the
    member that is wrong, `Refused` where we are no side of it, or where it holds what nobody here enforces.
    """
    if not isinstance(document, dict):
        raise InvalidInput("an ODRL agreement is expected", where=where)
    members = {name: item for name, item in document.items() if name != "@context"}
    agreement = read_agreement(members, where=where)
    role, peer = _side(agreement.assigner, agreement.assignee, me, where)
    text = canonical(members)
    check_understood(text)
    check_enforceable(agreement.policy)
    return Contract(
        key=agreement.id,
        negotiation="",
        role=role,
        peer=peer,
        target=agreement.target,
        agreement=text.decode(),
        digest=digest(text),
        address=address,
        created=now,
        title=title,
    )


def _side(assigner: str, assignee: str, me: str, where: str) -> tuple[Role, str]:
    """Which side of it we are, and who the other is."""
    if me == assigner != assignee:
        return Role.PROVIDER, assignee
    if me == assignee != assigner:
        return Role.CONSUMER, assigner
    raise Refused(f"it is between {assigner} and {assignee}, and we are {me}", where=f"{where}.assigner")
