"""Checking a pack, second half: the log, its completeness, and the kept bytes that its leaves name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import zip_longest
from typing import Final

from trustspace.core.canon import canonical, digest, loads, loads_object
from trustspace.core.evidence import layout
from trustspace.core.evidence.checkpoint import Checkpoint, check_growth, read_checkpoint, verify_cosignature
from trustspace.core.evidence.layout import FOLDERS, SIDES, About, Party
from trustspace.core.evidence.leaves import Statement, moment, read_leaf
from trustspace.core.evidence.merkle import leaf_hash, verify_inclusion
from trustspace.core.evidence.opened import Opened, naming, need, path_of
from trustspace.core.evidence.receipts import ReceiptFacts, read_receipt
from trustspace.core.identity import tokens
from trustspace.core.identity.tokens import TokenKind

Leaves = Mapping[str, Statement]
"""The leaves by the member that they are in."""
_STATEMENTS: Final = {
    "denials": ("provider", TokenKind.DENIAL),
    "deliveries": ("consumer", TokenKind.DELIVERY),
    "endings": ("", TokenKind.STATEMENT),  # by the side that the leaf names
}


def check_log(pack: Opened, about: About) -> tuple[Checkpoint, dict[str, Statement]]:
    """The exporter's checkpoint, and the leaves, each in its place under it."""
    name, party = "log/checkpoint", about.party(about.exporter)
    checkpoint = pack.signed_by(party, name, _reader(pack, name, party), moment(about.exported))
    leaves, last = {}, -1
    for number, names in enumerate(zip_longest(pack.folder("log/leaves"), pack.folder("log/proofs")), 1):
        leaf, proof = f"log/leaves/{number:04d}.json", f"log/proofs/{number:04d}.json"
        need(names[0] == leaf, "the member is missing", leaf)
        need(names[1] == proof, "the member is missing", proof)
        leaves[leaf] = read_leaf(pack.members[leaf], where=leaf)
        last = _check_place(pack, leaf, proof, checkpoint, last)
    return checkpoint, leaves


def check_complete(leaves: Leaves, about: About) -> None:
    """No leaf about the contract was left out: both chains count without gaps up to the leaf of this export."""
    for chain, count in about.chains.items():
        places = sorted(leaf.place for leaf in leaves.values() if leaf.chain == chain)
        for place, found in zip_longest(range(1, count + 1), places):
            reason = f"of the {count} leaves about {chain} number {place or found} is missing or doubled"
            need(place == found, reason, "log/leaves")
    for name, leaf in leaves.items():
        need(leaf.chain in about.chains, "this leaf is not about the contract", name)
    need(bool(leaves), "there are no leaves", "log/leaves")
    name, last = max(leaves.items(), key=lambda item: (item[1].chain == about.contract, item[1].place))
    need(last.kind == "exported" and last.chain == about.contract, "the last leaf is not that of an export", name)
    said, expected = (last.data["negotiation"], last.data["leaves"]), (about.negotiation, about.negotiation_leaves)
    need(said == expected, "tells of another export", name)


def check_signed(pack: Opened, leaves: Leaves) -> datetime:
    """The log says that the contract stands with this offer, this agreement and these signatures; returns when."""
    found = [(name, leaf) for name, leaf in leaves.items() if leaf.kind == "agreement-signed"]
    need(len(found) == 1, f"{len(found)} leaves say that the contract was signed", "log/leaves")
    name, leaf = found[0]
    members = {"agreement": "agreement.json", "offer": "offer.json"}
    members |= {f"{side}_signature": f"signatures/{side}.p7s" for side in SIDES}
    for key, member in members.items():
        expected = digest(pack.members[member]) if member in pack.members else ""
        need(leaf.data[key] == expected, f"{name} names another one", member)
    return moment(leaf.time, where=name)


def check_kept(pack: Opened, leaves: Leaves) -> None:
    """Every kept member is named by a leaf, in that order, and everything that a leaf names is there."""
    named: dict[str, dict[str, str]] = {folder: {} for folder in FOLDERS}
    for leaf_name, leaf in leaves.items():
        for folder, value in layout.named_by(leaf):
            named[folder].setdefault(value, leaf_name)
    for folder, ending in FOLDERS.items():
        expected = {f"{folder}/{n:04d}.{ending}": pair for n, pair in enumerate(named[folder].items(), 1)}
        for name, (value, leaf_name) in expected.items():
            need(name in pack.members, f"the member is missing: {leaf_name} names it", name)
            need(digest(pack.members[name]) == value, f"{leaf_name} names other bytes", name)
        for name in pack.folder(folder):
            need(name in expected, "no leaf of the log names this member", name)


def check_statements(pack: Opened, leaves: Leaves, about: About) -> None:
    """What was signed one by one: the peer's receipts, the provider's denials, the consumer's deliveries, …"""
    for folder, name, leaf in _named(pack, leaves):
        at = moment(leaf.time)
        if folder == "receipts":
            _check_receipt(pack, about, name, leaf, at)
        elif folder in _STATEMENTS:
            _check_statement(pack, about, name, leaf, at)
        elif folder == "origins":
            _check_origin(pack, about, name, leaf, at)


def check_witness(pack: Opened, about: About, checkpoint: Checkpoint) -> int | None:
    """An earlier head of this log that the peer cosigned, which the checkpoint continues; returns its size."""
    name, proof = "log/cosigned", "log/growth.json"
    for here, other in ((name, proof), (proof, name)):
        need((here in pack.members) or (other not in pack.members), "the member is missing", here)
    if name not in pack.members:
        return None
    own, peer = about.party(about.exporter), about.party(about.peer)
    earlier = pack.signed_by(own, name, _reader(pack, name, own))
    pack.signed_by(peer, name, lambda key: verify_cosignature(pack.text(name), key, peer.did))
    steps = loads(pack.members[proof], where=proof)
    need(canonical(steps) == pack.members[proof], "this is not a proof", proof)
    path = path_of(steps, proof)
    with naming(proof):
        check_growth(earlier, checkpoint, path)
    return earlier.size


def check_peer(pack: Opened, about: About) -> int | None:
    """The last head of the peer's log that the exporter saw; returns its size."""
    name, peer = "log/peer-checkpoint", about.party(about.peer)
    if name not in pack.members:
        return None
    return pack.signed_by(peer, name, _reader(pack, name, peer)).size


def _check_place(pack: Opened, name: str, proof: str, checkpoint: Checkpoint, last: int) -> int:
    """Check a leaf's audit path; returns its index, which is above that of the leaf before."""
    value = loads_object(pack.members[proof], where=proof)
    exact = set(value) == {"index", "path", "size"} and canonical(value) == pack.members[proof]
    need(exact, "this is not a proof", proof)
    index, size = value["index"], value["size"]
    need(type(index) is int and index > last, "the leaves are not in the order of the log", proof)
    need(size == checkpoint.size, "the proof is for another size of the log than the checkpoint", proof)
    path = path_of(value["path"], proof)
    with naming(name):
        verify_inclusion(index, checkpoint.size, leaf_hash(pack.members[name]), path, checkpoint.root)
    return int(index)


def _named(pack: Opened, leaves: Leaves) -> Iterator[tuple[str, str, Statement]]:
    """What the leaves name: folder, member, leaf."""
    names = {(name.partition("/")[0], digest(data)): name for name, data in pack.members.items()}
    for leaf in leaves.values():
        for folder, value in layout.named_by(leaf):
            yield folder, names[folder, value], leaf


def _check_receipt(pack: Opened, about: About, name: str, leaf: Statement, at: datetime) -> None:
    own, peer, data = about.party(about.exporter), about.party(about.peer), leaf.data
    facts = pack.signed_by(peer, name, partial(_receipt, pack.text(name)), at)
    said = (facts.received, facts.answered, facts.status, facts.sender, facts.receiver)
    expected = (data["sent"], data["answer"], data["status"], own.did, peer.did)
    need(said == expected, "the receipt is for another exchange than the log says", name)


def _check_statement(pack: Opened, about: About, name: str, leaf: Statement, at: datetime) -> None:
    side, kind = _STATEMENTS[name.partition("/")[0]]
    side = side or leaf.data["by"]
    need(side in SIDES, "neither side made this statement", name)
    check = partial(_statement, pack.text(name), kind)
    payload = loads_object(pack.signed_by(about.party(side), name, check, at), where=name)
    need(payload.get("agreement") == about.contract, "is not about this contract", name)


def _check_origin(pack: Opened, about: About, name: str, leaf: Statement, at: datetime) -> None:
    """A request token was one party's for the other, at that time; where the leaf has the path, for this body.

    Tokens of other kinds (a peer's of another make) are kept and not checked.
    """
    token = pack.text(name)
    with naming(name):
        said = tokens.claimed(token)
        if said.typ != TokenKind.REQUEST:
            return
    parties = {about.provider.did: about.provider, about.consumer.did: about.consumer}
    need(said.issuer in parties, "issued by neither party", name)
    (audience,) = parties.keys() - {said.issuer}
    check = partial(_origin, token, said.issuer, audience, _bound(leaf, said.digest), at)
    pack.signed_by(parties[said.issuer], name, check, at)


def _bound(leaf: Statement, claimed: str) -> str:
    """The digest of the request that the token has to be for."""
    if "path" not in leaf.data:
        return claimed
    method = leaf.data.get("method", "POST")
    body = leaf.data.get("exact", leaf.data["digest"])  # what was kept may be without its secrets
    return digest(canonical({"body": body, "method": method, "path": leaf.data["path"]}))


def _reader(pack: Opened, name: str, party: Party) -> partial[Checkpoint]:
    return partial(_note, pack.text(name), party.did)


def _note(text: str, did: str, public_der: bytes) -> Checkpoint:
    return read_checkpoint(text, public_der, did)


def _receipt(text: str, public_der: bytes) -> ReceiptFacts:
    return read_receipt(text, public_der=public_der)


def _statement(token: str, kind: TokenKind, public_der: bytes) -> bytes:
    return tokens.verify_statement(token, public_der=public_der, kind=kind)


def _origin(token: str, issuer: str, audience: str, bound: str, at: datetime, public_der: bytes) -> None:
    tokens.verify(
        token,
        public_der=public_der,
        typ=TokenKind.REQUEST,
        issuer=issuer,
        audience=audience,
        now=at,
        digest=bound,
    )
