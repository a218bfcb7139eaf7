"""What must hold after every event, whatever the network, the disks and the other side do.

I1 a log only grows, and every checkpoint that a peer has seen is of it    I2 each state follows from messages that came
I3 final means: both signatures over one agreement, the same on both sides I4 no bytes without a contract and a decision
I5 never more uses than were agreed                                        I6 nothing acknowledged that is not durable
I7 once faults stop everything comes to an end, and both sides agree       I8 nothing is sent to strangers
I9 no secret in the log, in what is kept beside it, or in what a node says
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trustspace.core.canon import decode64, digest
from trustspace.core.contract import MACHINE as NEGOTIATIONS
from trustspace.core.contract import Contract, Negotiation, State, Status
from trustspace.core.contract.signing import consumer_list, provider_list
from trustspace.core.errors import TrustspaceError
from trustspace.core.evidence.merkle import root
from trustspace.core.identity.cms import verify_detached
from trustspace.core.transfer import MACHINE as TRANSFERS
from trustspace.core.transfer import Transfer
from trustspace.core.usage import REFUSED, Counter, Use
from trustspace.ports import Answer
from trustspace.services.witnessing import PeerLog
from trustspace.testing.simulation.views import View, record, records
from trustspace.testing.simulation.wire import PROTOCOL, Request
from trustspace.testing.world import NODE

if TYPE_CHECKING:
    from trustspace.testing.simulation.nodes import Node
    from trustspace.testing.simulation.space import Space

PASSING: Final = frozenset({401, 404, 408, 409, 425, 429})
"""What may be answered otherwise a little later."""
DATA: Final = re.compile(r"/data/([^/]+)/uses/([^/]+)$")


@dataclass(frozen=True, slots=True)
class Signed:
    """An agreement as one side has it: digest and both signatures."""

    digest: str
    provider: str
    consumer: str


class Watch:
    """Looks at everything from outside; what does not hold goes into the trace, and the run ends."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self.views: dict[str, View] = {}
        self._agreements: dict[str, Signed] = {}
        self._roots: dict[tuple[str, int], str] = {}
        self._ended: dict[tuple[str, str], int] = {}
        self._secrets: set[str] = set()
        self._given: dict[tuple[str, str, str, str], tuple[int, bytes]] = {}
        self._came: dict[int, int] = {}
        self.tainted: set[str] = set()
        """Processes and agreements that a node forgot when its disk was lost: two stories are to be expected."""
        self.forgetful: set[str] = set()
        self.deceived: set[tuple[str, str]] = set()
        """Who had seen more of whose log than its owner remembers."""

    # --- what happens on the wire ---------------------------------------------------------------------------------

    def sent(self, request: Request) -> None:
        """Something leaves a node."""
        if request.origin != NODE and request.origin not in self._space.nodes:
            self._fail("I8", f"{request.sender} calls {request.url}")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if "/data/" in request.url and token:
            self._secrets.add(token)

    def arrived(self, node: Node, request: Request) -> None:
        """Something comes to a node."""
        self.view(node).arrived.add(digest(request.body))
        self._came[request.number] = self._space.trace.events

    def answering(self, node: Node, request: Request, answer: Answer) -> None:
        """A node gives an answer: what it acknowledges is durable, what it serves was decided."""
        message = request.method == "POST" and PROTOCOL.search(request.path)
        if message and answer.status not in PASSING and answer.status < 500:
            self._answered(node, request, answer)
        elif answer.status >= 300:
            return
        elif (found := DATA.search(request.path)) and answer.body:
            self._served(node, request, found[1], found[2])

    def _answered(self, node: Node, request: Request, answer: Answer) -> None:
        """I6: a yes is durable, and a yes again whenever the same message comes again."""
        sent = (request.sender, request.url, digest(request.body))
        given = self._given.get((node.name, *sent))
        if answer.status >= 300:
            self.views.setdefault(request.sender, View()).refused.add(sent[-1])
        elif sent[-1] not in self.view(node).everything:
            self._fail("I6", f"{node.name} acknowledges {request.number} without having it in its log")
        else:
            self._given[node.name, *sent] = (answer.status, answer.body)
        if given is not None and given != (answer.status, answer.body):
            self._fail("I6", f"{node.name} answers {request.number} with {answer.status}, and {given[0]} before")

    def heard(self, node: Node, request: Request, answer: Answer) -> None:
        """An answer comes back to a node."""
        if answer.status >= 300:
            self.view(node).heard.add(digest(request.body))

    def _served(self, node: Node, request: Request, transfer: str, name: str) -> None:
        uses = [one for one in records(node.disk.tables, Use) if one.transfer == transfer]
        use = next((one for one in uses if one.key.endswith(f"#{name}")), None)
        if use is None or use.state == REFUSED or use.key not in self.view(node).uses:
            self._fail("I4", f"{node.name} serves {request.url} without a decision in its log")
        elif self._ended.get((node.name, use.agreement), 1 << 60) < self._came[request.number]:
            self._fail("I4", f"{node.name} serves {request.url} under a contract that had ended")

    # --- what happens on the disks --------------------------------------------------------------------------------

    def view(self, node: Node) -> View:
        """What is known of a node."""
        return self.views.setdefault(node.name, View())

    def committed(self, node: Node) -> None:
        """Look at what a node has written down since."""
        view, tables = self.view(node), node.disk.tables
        if view.size > len(tables.entries):
            self._fail("I1", f"the log of {node.name} shrank from {view.size} to {len(tables.entries)}")
        self._hide(node, [*view.leaves(tables), *list(tables.blobs.values())[view.blobs :]])
        view.blobs = len(tables.blobs)
        for before, now in view.changes(tables):
            self._changed(node, before, now)
        size = len(tables.entries)
        if (node.name, size) not in self._roots:
            self._roots[node.name, size] = root(size, lambda level, at: tables.nodes[level, at]).hex()

    def _changed(self, node: Node, before: Any, now: Any) -> None:
        self._space.trace.event(f"{node.name} has {told(now)}")
        if isinstance(now, Negotiation | Transfer):
            self._moved(node, before, now)
        elif isinstance(now, Contract):
            self._contract(node, now)
        elif isinstance(now, Counter | Use):
            self._counted(node, now)
        elif isinstance(now, PeerLog):
            self._witnessed(node, now)

    def _moved(self, node: Node, before: Any, now: Negotiation | Transfer) -> None:
        """I2: the state follows from the one before by messages that were really taken, here and there."""
        was = before.state if before else None
        if now.state is State.FINALIZED and isinstance(now, Negotiation):
            self._final(node, now)
        if was == now.state or self.excused(now):
            return
        told = f"{node.name} goes from {was} to {now.state} with {now.peer} in {now.key} as {now.role}"
        if before is not None and before.ended:
            self._fail("I2", f"{told}, after its end")
        elif now.state not in self._reachable(node, was, now) and not self._gave_up(node, was, now):
            self._fail("I2", f"{told}, which no message explains")

    def _reachable(self, node: Node, was: Any, now: Negotiation | Transfer) -> set[Any]:
        """The states that messages of both sides lead to, one or two."""
        machine: Any = NEGOTIATIONS if isinstance(now, Negotiation) else TRANSFERS
        reached = {was}
        for _ in range(2):
            for (start, who, verb), then in machine.moves.items():
                if start in reached and self._happened(node, now, str(verb), ours=who is now.role):
                    reached = {*reached, then}
        return reached - {was}

    def _happened(self, node: Node, process: Negotiation | Transfer, verb: str, *, ours: bool) -> bool:
        mine = self.view(node)
        if not ours:
            return bool(mine.taken[process.key, verb] & mine.arrived)
        peer = self.views.get(process.peer.removeprefix("did:web:").removesuffix(".example"), View())
        return bool(mine.said[process.key, verb] & peer.everything)

    def _gave_up(self, node: Node, was: Any, now: Negotiation | Transfer) -> bool:
        """It ended because the peer had refused a message of ours: really, or as far as anybody can know at first."""
        mine = self.view(node)
        said = {digest for (key, _), digests in mine.said.items() if key == now.key for digest in digests}
        return str(now.state) == "TERMINATED" and bool(said & (mine.refused if was else mine.heard))

    def _final(self, node: Node, negotiation: Negotiation) -> None:
        agreed = negotiation.agreed
        if agreed is None or record(node.disk.tables, Contract, agreed.id) is None:
            self._fail("I3", f"{node.name} is final in {negotiation.key} without a contract")

    def _contract(self, node: Node, contract: Contract) -> None:
        """I3: both signatures hold, over the same bytes as on the other side."""
        if contract.status is Status.ENDED:
            self._ended.setdefault((node.name, contract.key), self._space.trace.events)
        agreement, first = contract.agreement.encode(), decode64(contract.provider_signature)
        signed = Signed(contract.digest, contract.provider_signature, contract.consumer_signature)
        known = self._agreements.get(contract.key)
        if known is None:
            try:
                verify_detached(first, provider_list(agreement), node.folder.roots())
                verify_detached(
                    decode64(contract.consumer_signature), consumer_list(agreement, first), node.folder.roots()
                )
            except TrustspaceError as error:
                self._fail("I3", f"{node.name} has a contract {contract.key} that is not signed by both: {error}")
            self._agreements[contract.key] = signed
        elif known != signed:
            self._fail("I3", f"{node.name} has {contract.key} signed otherwise than the other side")

    def _counted(self, node: Node, now: Counter | Use) -> None:
        """I5: what was reserved stays within what was agreed."""
        name = now.key if isinstance(now, Counter) else now.agreement
        limit = self._space.limits.get(name)
        if limit is None:
            limit = self._space.limits[name] = self._space.limit(node, name)
        uses = [one for one in records(node.disk.tables, Use) if one.agreement == name and one.state != REFUSED]
        used = now.used if isinstance(now, Counter) else len(uses)
        if max(used, len(uses)) > limit:
            self._fail("I5", f"{node.name} counts {used} and has {len(uses)} uses of {limit} under {name}")

    def _witnessed(self, node: Node, seen: PeerLog) -> None:
        """I1: what a peer showed of its log is its log, unless it forgot."""
        peer = seen.key.removeprefix("did:web:").removesuffix(".example")
        if peer in self.forgetful:
            return
        if not seen.consistent:
            self._fail("I1", f"{node.name} finds the log of {peer} inconsistent: {seen.reason}")
        elif seen.size and self._roots.get((peer, seen.size)) != seen.root:
            self._fail("I1", f"{node.name} has seen a log of {peer} of {seen.size} entries that never was")

    def rolled_back(self, node: Node) -> None:
        """A node forgot: what it had with others is excused from now on, what it begins afterwards is not."""
        self.forgetful.add(node.name)
        size = len(node.disk.tables.entries)
        for other in self._space.nodes.values():
            seen = record(other.disk.tables, PeerLog, node.did)
            if seen is not None and seen.size > size:
                self.deceived.add((other.name, node.name))
        self._taint(node)
        known = self.view(node)
        fresh = self.views[node.name] = View(refused=known.refused, heard=known.heard, arrived=known.arrived)
        self._given = {key: answer for key, answer in self._given.items() if key[0] != node.name}
        self._ended = {key: event for key, event in self._ended.items() if key[0] != node.name}
        self._roots = {key: top for key, top in self._roots.items() if key[0] != node.name}
        for _ in (*fresh.leaves(node.disk.tables), *fresh.changes(node.disk.tables)):
            pass  # known from the beginning

    def _taint(self, node: Node) -> None:
        for owner in self._space.nodes.values():
            for kind in (Negotiation, Transfer, Contract):
                for one in records(owner.disk.tables, kind):
                    if owner is node or one.peer == node.did:
                        self.tainted.add(one.key)
        for rows in self.view(node).rows.values():
            self.tainted.update(rows)

    def excused(self, process: Negotiation | Transfer | Contract) -> bool:
        """Whether somebody forgot it."""
        under = process.agreement if isinstance(process, Transfer) else ""
        peer = process.negotiation if isinstance(process, Contract) else process.peer_pid
        return bool({process.key, peer, under} & self.tainted)

    def _hide(self, node: Node, texts: list[bytes]) -> None:
        """I9: no secret of the data plane stands in what is kept for others."""
        for text in texts:
            if found := [secret for secret in self._secrets if secret.encode() in text]:
                self._fail("I9", f"{node.name} keeps the secret {found[0]} in {text[:80]!r}")

    def all_hidden(self, said: list[str]) -> None:
        """I9 once more, over everything: a secret may have been kept before it was used."""
        for node in self._space.nodes.values():
            tables = node.disk.tables
            self._hide(node, [*(one.body for one in tables.entries), *tables.blobs.values()])
            self._hide(node, [line.encode() for line in said])

    def _fail(self, invariant: str, what: str) -> None:
        self._space.trace.fail(invariant, what)


def told(record: Any) -> str:
    """A record in one line."""
    what = f"{record.KIND} {record.key}"
    if isinstance(record, Negotiation | Transfer):
        pending = f", {record.pending} on its way" if record.pending else ""
        return f"{what} as {record.role} {record.state}{pending} {'; '.join(record.reasons)}".rstrip()
    if isinstance(record, Contract):
        return f"{what} {record.status}"
    if isinstance(record, Counter):
        return f"{what} {record.used} used, {record.refused} refused"
    return f"{what} {record.state}" if isinstance(record, Use) else f"{what} of {record.size}"
