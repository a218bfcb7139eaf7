"""The evidence log, the packs made of it, and watching the logs of others."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from trustspace.core.canon import JsonObject, decode64, loads, loads_object
from trustspace.core.contract import Contract, Role, Signed
from trustspace.core.contract.signing import consumer_list, provider_list
from trustspace.core.errors import MisusedError, NotFound
from trustspace.core.evidence.layout import Party
from trustspace.core.evidence.leaves import read_leaf
from trustspace.core.evidence.merkle import inclusion_proof
from trustspace.core.evidence.pack import Material, Placed, build_pack, collect
from trustspace.core.identity.certificates import identifier_of
from trustspace.core.identity.cms import certificate_of, verify_detached
from trustspace.node.doing.base import page
from trustspace.node.doing.uses import UseDoing
from trustspace.node.engine import OURS
from trustspace.node.logview import checkpoint, how_many, log_state, node_reader
from trustspace.node.logviews import LogEntryView, LogPage, LogView, PeerLogView
from trustspace.ports import Tx
from trustspace.services.certificates import remembered
from trustspace.services.exchange import Caller
from trustspace.services.logging import log
from trustspace.services.witnessing import PeerLog

PROOF_LIMIT: Final = 64 << 10


class EvidenceDoing(UseDoing):
    """`evidence`, `log`, `log_entries`, `check_logs`."""

    async def evidence(self, name: str) -> bytes:
        """The evidence pack of a contract, with everything that this side has of it."""
        contract = await self.stored_contract(name)
        if not self.engine.seal.certificate:
            raise MisusedError("a pack is signed, and this node has no certificate", where=name)
        now = self.engine.steady.now()
        await self.engine.store.run(lambda tx: _log_export(tx, contract, now))
        note = await checkpoint(self.engine.store, self.engine.me, self.engine.key)
        peer = await self.engine.witness.last(contract.peer)
        material = await self.read(lambda tx: self._material(tx, contract, note, peer))
        return build_pack(material, self.engine.key, self.engine.seal.certificate, at=now)

    def _material(self, tx: Tx, contract: Contract, note: str, peer: PeerLog) -> Material:
        size, node = int(note.split("\n")[1]), node_reader(tx)
        entries = [*tx.entries(contract.negotiation), *tx.entries(contract.key)]
        leaves, kept = collect(((one.index, one.body) for one in entries if one.index < size), tx.blob)
        agreed, signatures = contract.agreed, _signatures(contract)
        mine, theirs = Party(self.engine.me, self.engine.identifier), Party(contract.peer, "")
        certificates, theirs = self._certificates_of(tx, contract, theirs)
        consumes = contract.role is Role.CONSUMER
        return Material(
            contract=agreed.id,
            negotiation=contract.negotiation,
            provider=theirs if consumes else mine,
            consumer=mine if consumes else theirs,
            exporter="consumer" if consumes else "provider",
            offer=_offer(tx, contract),
            agreement=contract.agreement.encode(),
            provider_signature=signatures[0],
            consumer_signature=signatures[1],
            certificates=certificates,
            leaves=tuple(Placed(at, body, inclusion_proof(at, size, node)) for at, body in leaves),
            checkpoint=note,
            kept=kept,
            peer_checkpoint=peer.note,
        )

    def _certificates_of(self, tx: Tx, contract: Contract, theirs: Party) -> tuple[tuple[bytes, ...], Party]:
        """The certificates that either side has signed with, the roots; and the peer as its certificate names it."""
        agreement, (provider, consumer) = contract.agreement.encode(), _signatures(contract)
        met = remembered(tx, contract.peer)
        found = {*self.engine.roots, self.engine.seal.certificate, *remembered(tx, self.engine.me), *met}
        theirs = Party(theirs.did, identifier_of(met[-1]) if met else "")  # it may sign its requests and no contract
        signed = (
            (Role.PROVIDER, provider_list(agreement), provider),
            (Role.CONSUMER, consumer_list(agreement, provider), consumer),
        )
        for role, data, signature in signed:
            if signature:
                facts = verify_detached(signature, data, self.engine.roots)
                found.add(certificate_of(signature))
                if role is not contract.role:
                    theirs = Party(theirs.did, facts.certificate.identifier)
        return tuple(sorted(found)), theirs

    async def log(self) -> LogView:
        """Size, root, signed checkpoint, and what was seen of others' logs."""
        size, root = await log_state(self.engine.store)
        peers = await self.read(lambda tx: tx.find(PeerLog, limit=10_000))
        note = await checkpoint(self.engine.store, self.engine.me, self.engine.key)
        return LogView(size=size, root=root, checkpoint=note, peers=[_peer_view(one) for one in peers])

    async def log_entries(self, *, subject: str = "", after: str = "0", limit: str = "100") -> LogPage:
        """Entries, oldest first."""
        start, most = page(after, limit)
        found = await self.read(lambda tx: tx.entries(subject, after=start - 1, limit=most))
        total = await self.read(lambda tx: how_many(tx, subject))
        return LogPage(total=total, results=[_entry_view(one.index, one.body) for one in found])

    async def check_logs(self) -> list[PeerLogView]:
        """Compare the log of each peer that we have a contract with, with what was last seen of it."""
        contracts = await self.read(lambda tx: tx.find(Contract, limit=10_000))
        peers = sorted({one.peer for one in contracts})
        return [_peer_view(await self._check_log(peer)) for peer in peers]

    async def _check_log(self, participant: str) -> PeerLog:
        before = await self.engine.witness.last(participant)
        peer = await self.engine.directory.known(participant, fresh=False)
        note, proof = await self._fetch_growth(peer, before.size)
        return await self.engine.witness.saw(before, note, proof, peer)

    async def _fetch_growth(self, peer: Caller, old: int) -> tuple[str, list[bytes]]:
        url = f"{peer.endpoint}{OURS}/log/growth?from={old}"
        answer = await self.engine.send("GET", url, peer.participant)
        told = loads_object(answer.body, limit=PROOF_LIMIT)
        if answer.status == 400 and old:  # it does not know that size any more: what it has instead says so
            return (await self._fetch_growth(peer, 0))[0], []
        if answer.status != 200:
            raise NotFound(
                f"the peer does not show its log: {told.get('reason', answer.status)}", where=peer.participant
            )
        return str(told["checkpoint"]), [decode64(str(step)) for step in told["proof"]]


def _log_export(tx: Tx, contract: Contract, now: datetime) -> None:
    data = {"negotiation": contract.negotiation, "leaves": tx.linked(contract.negotiation)}
    log(tx, "exported", time=now, subjects=(contract.key,), data=data)


def _signatures(contract: Contract) -> tuple[bytes, bytes]:
    return decode64(contract.provider_signature), decode64(contract.consumer_signature)


def _offer(tx: Tx, contract: Contract) -> bytes:
    """The offer that the contract came from, as the leaf of its signing names it."""
    for entry in tx.entries(contract.key):
        leaf = read_leaf(entry.body)
        if leaf.kind == "agreement-signed":
            return tx.blob(str(leaf.data["offer"])) or b""
    return b""


def _entry_view(index: int, body: bytes) -> LogEntryView:
    leaf = loads(body)
    return LogEntryView(
        index=index,
        kind=leaf["kind"],
        time=leaf["time"],
        unsigned=_unsigned(leaf["kind"], leaf["data"]),
        subjects=leaf["subjects"],
        data=leaf["data"],
    )


def _unsigned(kind: str, data: JsonObject) -> bool:
    """Whether a leaf is about something that the peer did not sign."""
    return (kind == "receipt" and "receipt" not in data) or data.get("signed") == Signed.UNSIGNED.value


def _peer_view(seen: PeerLog) -> PeerLogView:
    return PeerLogView(
        peer=seen.key, size=seen.size, root=seen.root, seen=seen.seen, consistent=seen.consistent, reason=seen.reason
    )
