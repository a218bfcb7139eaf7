"""A small data space from a seed: an authority, a bus company, a trip planner, and what their contract left behind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core.canon import JsonObject, canonical, digest
from trustspace.core.evidence import layout
from trustspace.core.evidence.checkpoint import Checkpoint, cosign, sign_checkpoint
from trustspace.core.evidence.layout import Party
from trustspace.core.evidence.leaves import leaf
from trustspace.core.evidence.merkle import Tree, consistency_proof, inclusion_proof, leaf_hash
from trustspace.core.evidence.pack import Material, Placed, build_pack, collect
from trustspace.core.evidence.receipts import batch, receipt_leaf
from trustspace.core.identity import tokens
from trustspace.core.identity.certificates import Profile, issue
from trustspace.core.identity.cms import sign_detached
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.tokens import TokenKind

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
CONTRACT = "urn:uuid:00000000-0000-4000-8000-00000000c0de"
NEGOTIATION = "urn:uuid:00000000-0000-4000-8000-0000000000a1"


@dataclass(frozen=True)
class Authority:
    """A functional node's root."""

    seed: str = "root"
    name: str = "Region 01"

    @property
    def key(self) -> MemoryKey:
        return MemoryKey(self.seed)

    @property
    def root(self) -> bytes:
        return self._issue(None, self.key.public_der, Profile.ROOT, self.name, "ROOT", 1)

    def certificate(self, key: MemoryKey, identifier: str) -> bytes:
        return self._issue(self.root, key.public_der, Profile.SIGNING, "signer", identifier, 7)

    def _issue(self, issuer: bytes | None, public: bytes, profile: Profile, name: str, unit: str, serial: int) -> bytes:
        return issue(
            self.key,
            issuer,
            public,
            profile=profile,
            common_name=name,
            unit=unit,
            serial=serial,
            not_before=NOW - timedelta(days=30),
            not_after=NOW + timedelta(days=300),
        )


@dataclass(frozen=True)
class Signer:
    """A participant with its key and certificate."""

    did: str
    identifier: str
    seed: str
    authority: Authority = field(default_factory=Authority)

    @property
    def key(self) -> MemoryKey:
        return MemoryKey(self.seed)

    @property
    def certificate(self) -> bytes:
        return self.authority.certificate(self.key, self.identifier)

    @property
    def thumbprint(self) -> str:
        return thumbprint(self.certificate)

    @property
    def party(self) -> Party:
        return Party(self.did, self.identifier)


BUS = Signer("did:web:bus.example", "91330100MA27XYZ00B00000000000001", "bus")
PLANNER = Signer("did:web:planner.example", "91330100MA27XYZ00P00000000000002", "planner")
ROOTS = [Authority().root]
OFFER = canonical({"@id": "urn:uuid:offer", "@type": "Offer"})
AGREEMENT: JsonObject = {
    "@id": CONTRACT,
    "@type": "Agreement",
    "assigner": BUS.did,
    "assignee": PLANNER.did,
    "urn:trustspace:v1:consumerIdentifier": PLANNER.identifier,
    "urn:trustspace:v1:providerIdentifier": BUS.identifier,
}


class Log:
    """One side's evidence as a node would write it: leaves, chains, kept bytes."""

    def __init__(self, owner: Signer, peer: Signer) -> None:
        self.owner, self.peer = owner, peer
        self.bodies: list[bytes] = []
        self.subjects: list[tuple[str, ...]] = []
        self.places: dict[str, int] = {}
        self.blobs: dict[str, bytes] = {}
        self.now = NOW - timedelta(hours=1)

    def keep(self, data: bytes | str) -> str:
        data = data.encode() if isinstance(data, str) else data
        self.blobs[digest(data)] = data
        return digest(data)

    def write(self, kind: str, subjects: tuple[str, ...], data: JsonObject, *, chained: bool = True) -> int:
        self.now += timedelta(seconds=1)
        place = self.places.get(subjects[-1], 0) + 1 if chained else 0
        self.places[subjects[-1]] = place
        self.bodies.append(leaf(kind, time=self.now, subjects=subjects, data=data, place=place).body)
        self.subjects.append(subjects)
        return place

    def received(self, subjects: tuple[str, ...], body: bytes, *, path: str = "/dsp/x") -> None:
        token = self.token(self.peer, self.owner, path, body)
        data = {"message": "m", "digest": self.keep(body), "origin": self.keep(token), "path": path}
        self.write("message-received", subjects, data)

    def sent(self, subjects: tuple[str, ...], body: bytes, answer: bytes, *, receipted: bool = True) -> None:
        self.write("message-sent", subjects, {"message": "m", "digest": self.keep(body)})
        said: JsonObject = {"message": "m", "sent": digest(body), "answer": self.keep(answer), "status": 200}
        if receipted:
            said["receipt"] = self.keep(self.receipt(self.peer, self.owner, body, answer))
        self.write("receipt", subjects, said)

    def receipt(self, by: Signer, sender: Signer, body: bytes, answer: bytes) -> str:
        one = receipt_leaf(
            received=digest(body),
            answered=digest(answer),
            status=200,
            state="REQUESTED",
            time=self.now,
            sender=sender.did,
            receiver=by.did,
            process=NEGOTIATION,
        )
        return batch([b"another", one], by.key, by.thumbprint)[1]

    def token(self, by: Signer, to: Signer, path: str, body: bytes) -> str:
        return tokens.issue(
            by.key,
            by.thumbprint,
            typ=TokenKind.REQUEST,
            issuer=by.did,
            audience=to.did,
            now=self.now,
            jti="one",
            digest=tokens.request_digest("POST", path, body),
        )

    def statement(self, by: Signer, kind: TokenKind, **payload: str) -> str:
        return tokens.sign_statement(by.key, by.thumbprint, kind, canonical({"agreement": CONTRACT, **payload}))

    @property
    def tree(self) -> Tree:
        return Tree([leaf_hash(body) for body in self.bodies])

    def note(self, size: int | None = None) -> str:
        size = len(self.bodies) if size is None else size
        root = Tree([leaf_hash(body) for body in self.bodies[:size]]).root()
        return sign_checkpoint(Checkpoint(self.owner.did, size, root), self.owner.key)


def signatures(agreement: bytes) -> tuple[bytes, bytes]:
    provider = sign_detached(BUS.key, BUS.certificate, layout.signed_list("provider", agreement, b""), at=NOW)
    listing = layout.signed_list("consumer", agreement, provider)
    return provider, sign_detached(PLANNER.key, PLANNER.certificate, listing, at=NOW)


def story(*, signed: bool = True) -> Log:
    """The bus company's log: another contract's leaves lie between those of this one."""
    log = Log(BUS, PLANNER)
    both = (NEGOTIATION, CONTRACT)
    log.write("product-published", ("product-1",), {"product": "product-1", "version": 1}, chained=False)
    log.received((NEGOTIATION,), b'{"@type":"ContractRequestMessage"}')
    log.write("use-denied", ("another contract",), {"use": "u", "reason": "r", "digest": "0" * 64})
    log.sent(both, b'{"@type":"ContractAgreementMessage"}', b"")
    log.received(both, b'{"@type":"ContractAgreementVerificationMessage"}')
    provider, consumer = signatures(canonical(AGREEMENT)) if signed else (b"", b"")
    data = {"agreement": digest(canonical(AGREEMENT)), "offer": digest(OFFER)}
    made = {"provider_signature": provider, "consumer_signature": consumer}
    data |= {name: digest(one) if one else "" for name, one in made.items()}
    log.write("agreement-signed", both, data)
    log.sent(both, b'{"@type":"ContractNegotiationEventMessage"}', b"{}", receipted=False)
    log.write("message-sent", (CONTRACT,), {"message": "start", "digest": "1" * 64, "withheld": True})
    for use in ("u1", "u2"):
        decision = canonical({"use": use, "decision": "permitted"})
        log.write("use-permitted", (use, CONTRACT), {"use": use, "digest": log.keep(decision)})
        delivery = log.statement(PLANNER, TokenKind.DELIVERY, use=use)
        log.write("delivered", (use, CONTRACT), {"use": use, "content": "2" * 64, "digest": log.keep(delivery)})
    for use in ("u3", "u4"):
        denial = log.statement(BUS, TokenKind.DENIAL, use=use, reason="the purpose is another")
        data = {"use": use, "reason": "the purpose is another", "digest": log.keep(denial)}
        log.write("use-denied", (use, CONTRACT), data)
    log.write("peer-checkpoint", (PLANNER.did,), {"origin": PLANNER.did, "size": 3, "root": "x"}, chained=False)
    log.write("exported", (CONTRACT,), {"negotiation": NEGOTIATION, "leaves": log.places[NEGOTIATION]})
    return log


def material(log: Log, *, signed: bool = True, cosigned: int = 5) -> Material:
    """What the exporter puts together for the contract out of its log."""
    about = [(n, body) for n, body in enumerate(log.bodies) if {NEGOTIATION, CONTRACT} & set(log.subjects[n])]
    leaves, kept = collect([*about, *about], log.blobs.get)
    tree, size = log.tree, len(log.bodies)
    provider, consumer = signatures(canonical(AGREEMENT)) if signed else (b"", b"")
    return Material(
        contract=CONTRACT,
        negotiation=NEGOTIATION,
        provider=BUS.party,
        consumer=PLANNER.party,
        exporter="provider",
        offer=OFFER,
        agreement=canonical(AGREEMENT),
        provider_signature=provider,
        consumer_signature=consumer,
        certificates=(BUS.certificate, PLANNER.certificate, *ROOTS),
        leaves=tuple(Placed(n, body, inclusion_proof(n, size, tree.node)) for n, body in leaves),
        checkpoint=log.note(),
        kept=kept,
        peer_checkpoint=sign_checkpoint(Checkpoint(PLANNER.did, 3, b"p" * 32), PLANNER.key),
        cosigned=cosign(log.note(cosigned), PLANNER.key, PLANNER.did),
        growth=consistency_proof(cosigned, size, tree.node),
    )


def seal(made: Material, by: Signer = BUS, at: datetime = NOW) -> bytes:
    return build_pack(made, by.key, by.certificate, at=at)


def members_of(pack: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """The members validly zipped again, as any tool would."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def resealed(members: Mapping[str, bytes], by: Signer = BUS, at: datetime = NOW) -> bytes:
    """The members with a new list, manifest and seal, and validly zipped: a cheat with a good key."""
    made = {name: data for name, data in members.items() if name not in (layout.SUMS, layout.MANIFEST, layout.SEAL)}
    made[layout.SUMS] = layout.sums(made)
    made[layout.MANIFEST] = layout.manifest(made)
    made[layout.SEAL] = sign_detached(by.key, by.certificate, made[layout.MANIFEST], at=at)
    return zipped(made)


def with_certificates(made: Material, *more: bytes) -> Material:
    return replace(made, certificates=(*made.certificates, *more))
