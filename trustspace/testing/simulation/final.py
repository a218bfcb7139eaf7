"""What must hold once nobody has anything to do any more: both sides tell the same story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trustspace.core.contract import Contract, Negotiation, Role, State, Status
from trustspace.core.transfer import Transfer
from trustspace.core.usage import DELIVERED, REFUSED, Use
from trustspace.services.witnessing import PeerLog
from trustspace.testing.simulation.views import records

if TYPE_CHECKING:
    from trustspace.testing.simulation.nodes import Node
    from trustspace.testing.simulation.space import Space

AGREE: Final = "I7"


def check_end(space: Space) -> None:
    """Compare every process, contract and use with the other side's."""
    by_did = {node.did: node for node in space.nodes.values()}
    for node in space.nodes.values():
        for kind in (Negotiation, Transfer):
            for one in records(node.disk.tables, kind):
                if not space.watch.excused(one):
                    _process(space, node, by_did[one.peer], one)
        for contract in records(node.disk.tables, Contract):
            if not space.watch.excused(contract):
                _contract(space, node, by_did[contract.peer], contract)
        _witness(space, node)


def _process(space: Space, node: Node, peer: Node, mine: Any) -> None:
    """One process: there is one of it at the peer, in the same state; a request that never came has ended here."""
    kind = type(mine)
    known = [one for one in records(peer.disk.tables, kind) if one.peer == node.did]
    theirs = [one for one in known if one.peer_pid == mine.key or one.key == mine.peer_pid]
    told = f"{kind.KIND} {mine.key} of {node.name} as {mine.role} is {mine.state}"
    if len(theirs) > 1:
        space.trace.fail(AGREE, f"{told}, and {peer.name} has it {len(theirs)} times")
    elif not theirs:
        if str(mine.state) != "TERMINATED" or mine.role is Role.PROVIDER:
            space.trace.fail(AGREE, f"{told}, and {peer.name} does not know it")
    elif theirs[0].state != mine.state or mine.pending:
        space.trace.fail(AGREE, f"{told} (pending {mine.pending}), and {theirs[0].state} at {peer.name}")
    elif str(mine.state) in {"REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED"}:
        space.trace.fail(AGREE, f"{told}, which is no end")
    elif not (mine.refusal or theirs[0].refusal) and _reason(mine) != _reason(theirs[0]):
        space.trace.fail(AGREE, f"{told} because {_reason(mine)!r}, at {peer.name} because {_reason(theirs[0])!r}")


def _reason(process: Any) -> str:
    return f"{process.ended_by}: {'; '.join(process.reasons)}"


def _contract(space: Space, node: Node, peer: Node, mine: Contract) -> None:
    """One contract: both have it, of the same standing, from a negotiation that is final; so are its uses."""
    theirs = next((one for one in records(peer.disk.tables, Contract) if one.key == mine.key), None)
    negotiations = {one.key: one for one in records(node.disk.tables, Negotiation)}
    told = f"contract {mine.key} of {node.name} as {mine.role} is {mine.status}"
    if theirs is None and (mine.status is Status.ACTIVE or negotiations[mine.negotiation].state is State.FINALIZED):
        space.trace.fail(AGREE, f"{told}, and {peer.name} has none")
    elif theirs is None:
        return  # the finalisation was refused
    elif theirs.status is not mine.status:
        space.trace.fail(AGREE, f"{told}, and {theirs.status} at {peer.name}")
    elif negotiations[mine.negotiation].state is not State.FINALIZED:
        space.trace.fail(AGREE, f"{told}, from a negotiation that is {negotiations[mine.negotiation].state}")
    elif mine.role is Role.CONSUMER:
        _uses(space, node, peer, mine)


def _uses(space: Space, node: Node, peer: Node, contract: Contract) -> None:
    """What the consumer has used or was refused, the provider has so too."""
    theirs = {one.key: one for one in records(peer.disk.tables, Use)}
    for mine in (one for one in records(node.disk.tables, Use) if one.agreement == contract.key):
        other = theirs.get(mine.key)
        told = f"use {mine.key} is {mine.state} at {node.name}"
        if other is None:
            space.trace.fail(AGREE, f"{told}, and unknown at {peer.name}")
        elif (mine.state == REFUSED) != (other.state == REFUSED) or mine.number != other.number:
            space.trace.fail(AGREE, f"{told} ({mine.number}), and {other.state} ({other.number}) at {peer.name}")
        elif mine.state == DELIVERED != other.state:
            space.trace.fail(AGREE, f"{told}, and {other.state} at {peer.name}")


def _witness(space: Space, node: Node) -> None:
    """A peer that forgot what a node had seen of its log is found out."""
    for seen in records(node.disk.tables, PeerLog):
        name = seen.key.removeprefix("did:web:").removesuffix(".example")
        if (node.name, name) in space.watch.deceived and seen.consistent:
            space.trace.fail("I1", f"{node.name} does not notice that {name} forgot part of its log")
