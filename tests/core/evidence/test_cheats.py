from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.evidence.packs import (
    LOG,
    MATERIAL,
    MEMBERS,
    NAMES,
    flipped,
    refusal,
    story_before_export,
    story_with_token,
    told,
    without,
)
from tests.core.evidence.world import (
    AGREEMENT,
    BUS,
    CONTRACT,
    NEGOTIATION,
    NOW,
    PLANNER,
    ROOTS,
    Authority,
    Log,
    Signer,
    material,
    members_of,
    resealed,
    seal,
    story,
    with_certificates,
    zipped,
)
from trustspace.core.canon import canonical, digest
from trustspace.core.evidence.checkpoint import Checkpoint, sign_checkpoint
from trustspace.core.evidence.layout import MANIFEST, SEAL, SUMS, About, to_pem
from trustspace.core.evidence.merkle import inclusion_proof
from trustspace.core.evidence.pack import Placed
from trustspace.core.evidence.verify import verify_pack
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.tokens import TokenKind

# --- sealed again, with a good key -----------------------------------------------------------------------------------

SEALING = (SUMS, MANIFEST, SEAL)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SEALING])
def test_an_exporter_who_alters_a_member_and_seals_again_is_refused(name: str) -> None:
    refusal(resealed(MEMBERS | {name: flipped(MEMBERS[name])}))


HIS_OWN = ("log/peer-checkpoint", f"certificates/{thumbprint(ROOTS[0])}.pem")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*SEALING, *HIS_OWN)])
def test_an_exporter_who_drops_a_member_and_seals_again_is_refused(name: str) -> None:
    refused = refusal(resealed({one: data for one, data in MEMBERS.items() if one != name}))
    assert refused.where == name or name.startswith("certificates/") or "is missing" in refused.what


@pytest.mark.parametrize("folder", ["messages", "answers", "uses", "denials", "deliveries", "log/leaves", "log/proofs"])
def test_an_exporter_who_swaps_members_and_seals_again_is_refused(folder: str) -> None:
    one, other = [name for name in NAMES if name.startswith(folder)][:2]
    assert refusal(resealed(MEMBERS | {one: MEMBERS[other], other: MEMBERS[one]})).where.startswith(folder[:4])


def test_signatures_are_not_swapped() -> None:
    one, other = "signatures/provider.p7s", "signatures/consumer.p7s"
    assert refusal(resealed(MEMBERS | {one: MEMBERS[other], other: MEMBERS[one]})).where.startswith("signatures/")


def test_a_signature_by_the_wrong_party_is_refused() -> None:
    both = replace(MATERIAL, consumer_signature=replace_signer(BUS))
    assert "who is not the consumer" in refusal(seal(both)).what


def replace_signer(by: Signer) -> bytes:
    from trustspace.core.evidence.layout import signed_list
    from trustspace.core.identity.cms import sign_detached

    listing = signed_list("consumer", MATERIAL.agreement, MATERIAL.provider_signature)
    return sign_detached(by.key, by.certificate, listing, at=NOW)


def test_a_stripped_signature_is_missed_by_the_log() -> None:
    left = {name: data for name, data in MEMBERS.items() if not name.startswith("signatures/consumer")}
    assert refusal(resealed(left)).where == "signatures/consumer.p7s"
    left = {name: data for name, data in MEMBERS.items() if not name.startswith("signatures/")}
    assert refusal(resealed(left)).where == "signatures/provider.p7s"
    left = {name: data for name, data in MEMBERS.items() if not name.startswith("signatures/provider")}
    assert refusal(resealed(left)).where == "signatures/provider.sums"


def test_sums_that_lie_are_named() -> None:
    from trustspace.core.evidence.layout import manifest
    from trustspace.core.identity.cms import sign_detached

    lying = MEMBERS | {SUMS: MEMBERS[SUMS].replace(b"offer", b"offfr")}
    lying[MANIFEST] = manifest(lying)
    lying[SEAL] = sign_detached(BUS.key, BUS.certificate, lying[MANIFEST], at=NOW)
    assert refusal(zipped(lying)).where == SUMS
    lying[MANIFEST] += b"<!-- more -->\n"
    lying[SEAL] = sign_detached(BUS.key, BUS.certificate, lying[MANIFEST], at=NOW)
    assert refusal(zipped(lying)).where == MANIFEST


@pytest.mark.parametrize("stranger", [Authority("stranger"), Authority("stranger", "Region 99")])
def test_a_stranger_s_seal_is_refused_as_unknown(stranger: Authority) -> None:
    bus = replace(BUS, authority=stranger)
    assert refusal(resealed(MEMBERS, bus)).where == SEAL
    whole = with_certificates(MATERIAL, bus.certificate, stranger.root)
    refused = refusal(seal(whole, bus))
    assert refused.where == SEAL
    assert "root" in refused.what


@pytest.mark.parametrize(
    "more", [Authority("stranger", "Region 99").root, replace(BUS, authority=Authority("s")).certificate]
)
def test_a_stranger_s_certificate_inside_is_refused(more: bytes) -> None:
    assert refusal(seal(with_certificates(MATERIAL, more))).where == f"certificates/{thumbprint(more)}.pem"


def test_a_certificate_has_one_spelling_and_one_name() -> None:
    name = f"certificates/{thumbprint(ROOTS[0])}.pem"
    for data in (MEMBERS[name] + b"\n", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"x\n%\n\n"):
        assert refusal(zipped(MEMBERS | {name: data})).where == name
    garbage = to_pem(b"garbage")
    name = f"certificates/{digest(b'garbage')}.pem"
    assert refusal(zipped(MEMBERS | {name: garbage})).where == name


def test_too_many_certificates_are_refused() -> None:
    more = [Authority(f"a{n}").root for n in range(16)]
    assert refusal(seal(with_certificates(MATERIAL, *more))).where == "certificates"


def test_the_other_party_cannot_seal_my_log() -> None:
    assert "who is not the exporter" in refusal(resealed(MEMBERS, PLANNER)).what
    about = About.read(MEMBERS["pack.json"])
    claimed = MEMBERS | {"pack.json": replace(about, exporter="consumer").to_bytes()}
    assert refusal(resealed(claimed, PLANNER)).where == "log/checkpoint"


def test_a_pack_is_not_from_the_future_or_sealed_at_another_time() -> None:
    assert "future" in refusal(seal(MATERIAL, at=NOW + timedelta(minutes=6))).what
    assert "another time" in refusal(resealed(MEMBERS, at=NOW + timedelta(minutes=1))).what


@pytest.mark.parametrize(
    "change",
    [
        {"@id": "urn:uuid:another"},
        {"assigner": "did:web:other.example"},
        {"assignee": BUS.did},
        {"urn:trustspace:v1:providerIdentifier": "other"},
    ],
    ids=str,
)
def test_the_agreement_is_the_contract_between_the_two(change: dict[str, str]) -> None:
    agreement = canonical(AGREEMENT | change)
    assert refusal(resealed(MEMBERS | {"agreement.json": agreement})).where == "agreement.json"


def test_the_agreement_is_canonical() -> None:
    assert refusal(resealed(MEMBERS | {"agreement.json": MEMBERS["agreement.json"] + b"\n"})).where == "agreement.json"
    assert refusal(resealed(MEMBERS | {"agreement.json": b"[]"})).where == "agreement.json"


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"[]",
        MEMBERS["pack.json"] + b" ",
        MEMBERS["pack.json"].replace(b"evidence-1", b"evidence-2"),
        MEMBERS["pack.json"].replace(b'"exporter":"provider"', b'"exporter":"nobody"'),
        MEMBERS["pack.json"].replace(b'"negotiation_leaves":1', b'"negotiation_leaves":"1"'),
        MEMBERS["pack.json"].replace(b'"format"', b'"formal"'),
        MEMBERS["pack.json"].replace(BUS.did.encode(), b""),
        MEMBERS["pack.json"].replace(b'"exported":"2026', b'"exported":"26'),
    ],
)
def test_what_does_not_describe_a_pack_is_refused(data: bytes) -> None:
    assert refusal(resealed(MEMBERS | {"pack.json": data})).where == "pack.json"


# --- leaving something out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(len(MATERIAL.leaves) - 1))
def test_no_leaf_about_the_contract_can_be_left_out(index: int) -> None:
    assert refusal(seal(without(index))).where.startswith("log/leaves")


def test_the_end_cannot_be_cut_off() -> None:
    for count in (1, 3, len(MATERIAL.leaves)):
        cut = replace(MATERIAL, leaves=MATERIAL.leaves[:-count], kept={})
        assert refusal(seal(cut)).where.startswith("log/leaves")


def test_a_denial_cannot_be_hidden_behind_its_leaf() -> None:
    kept = dict(MATERIAL.kept) | {"denials": MATERIAL.kept["denials"][:1]}
    assert refusal(seal(replace(MATERIAL, kept=kept))).where == "denials/0002.jws"


def test_a_shorter_log_is_refused() -> None:
    size = len(LOG.bodies)
    assert refusal(seal(replace(MATERIAL, checkpoint=LOG.note(size - 1)))).where == "log/leaves/0001.json"
    made = members_of(seal(MATERIAL)) | {"log/checkpoint": LOG.note(size - 1).encode()}
    assert refusal(resealed(made)).where == "log/proofs/0001.json"


def test_a_rewritten_log_is_refused_by_the_cosigned_one() -> None:
    log = story()
    log.bodies[2] = log.bodies[2].replace(b'"r"', b'"s"')
    rewritten = replace(material(log), cosigned=MATERIAL.cosigned)
    assert refusal(seal(rewritten)).where == "log/growth.json"


def test_the_log_is_the_exporter_s_and_the_peer_s_note_the_peer_s() -> None:
    foreign = sign_checkpoint(Checkpoint(BUS.did, 18, LOG.tree.root()), PLANNER.key)
    assert refusal(seal(replace(MATERIAL, checkpoint=foreign))).where == "log/checkpoint"
    assert refusal(seal(replace(MATERIAL, peer_checkpoint=MATERIAL.checkpoint))).where == "log/peer-checkpoint"
    assert refusal(seal(replace(MATERIAL, cosigned=MATERIAL.checkpoint))).where == "log/cosigned"
    assert refusal(resealed(MEMBERS | {"log/checkpoint": b"\xff"})).where == "log/checkpoint"


def test_a_leaf_of_another_contract_does_not_belong_here() -> None:
    log = story()
    body, size = log.bodies[2], len(log.bodies)
    smuggled = Placed(2, body, inclusion_proof(2, size, log.tree.node))
    leaves = sorted([*MATERIAL.leaves, smuggled], key=lambda one: one.index)
    assert "not about the contract" in refusal(seal(replace(MATERIAL, leaves=tuple(leaves)))).what


@pytest.mark.parametrize(
    ("by", "signer", "why"),
    [
        ("consumer", PLANNER, ""),
        ("provider", BUS, ""),
        ("provider", PLANNER, "does not fit"),
        ("other", BUS, "neither"),
    ],
)
def test_the_end_of_a_contract_is_signed_by_the_side_that_ends_it(by: str, signer: Signer, why: str) -> None:
    def more(log: Log) -> None:
        statement = log.keep(log.statement(signer, TokenKind.STATEMENT))
        log.write("contract-ended", (CONTRACT,), {"by": by, "reason": "over", "digest": statement})

    if why:
        assert why in refusal(told(more)).what
    else:
        assert verify_pack(told(more), ROOTS, now=NOW).counts["endings"] == 1


def test_what_comes_into_the_negotiation_after_the_export_stays_out() -> None:
    log = story()
    log.write("message-sent", (NEGOTIATION,), {"message": "late", "digest": log.keep(b"late")})
    assert verify_pack(seal(material(log)), ROOTS, now=NOW).leaves == len(MATERIAL.leaves)


def test_an_export_tells_of_this_negotiation() -> None:
    log = story_before_export()
    log.write("exported", (CONTRACT,), {"negotiation": NEGOTIATION, "leaves": 7})
    assert "another export" in refusal(seal(material(log))).what


def test_the_contract_is_signed_once() -> None:
    def again(log: Log) -> None:
        log.write("agreement-signed", (CONTRACT,), dict.fromkeys(SIGNED, ""))

    assert "2 leaves" in refusal(told(again)).what


SIGNED = ("agreement", "offer", "provider_signature", "consumer_signature")


@pytest.mark.parametrize("value", [{"index": 1}, [], {"index": True, "path": [], "size": 18}])
def test_what_is_no_proof_is_refused(value: object) -> None:
    proof = "log/proofs/0001.json"
    assert refusal(resealed(MEMBERS | {proof: canonical(value)})).where == proof


@pytest.mark.parametrize("value", [{"a": 1}, [1], ["%"]])
def test_what_is_no_path_is_refused(value: object) -> None:
    proof = "log/growth.json"
    assert refusal(resealed(MEMBERS | {proof: canonical(value)})).where == proof
    proof = "log/proofs/0001.json"
    whole = canonical({"index": 1, "path": value, "size": 18})
    assert refusal(resealed(MEMBERS | {proof: whole})).where == proof
    assert (
        refusal(resealed(MEMBERS | {"log/growth.json": MEMBERS["log/growth.json"] + b" "})).where == "log/growth.json"
    )


# --- what the parties signed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "by", "statement", "why"),
    [
        ("use-denied", PLANNER, TokenKind.DENIAL, "does not fit"),
        ("delivered", BUS, TokenKind.DELIVERY, "does not fit"),
        ("use-denied", BUS, TokenKind.DELIVERY, "is expected"),
        ("delivered", PLANNER, TokenKind.DENIAL, "is expected"),
    ],
)
def test_denials_are_the_provider_s_and_deliveries_the_consumer_s(
    kind: str, by: Signer, statement: TokenKind, why: str
) -> None:
    def more(log: Log) -> None:
        token = log.statement(by, statement, use="u9")
        log.write(kind, (CONTRACT,), {"use": "u9", "reason": "r", "content": "c", "digest": log.keep(token)})

    assert why in refusal(told(more)).what


def test_a_denial_is_about_this_contract() -> None:
    def more(log: Log) -> None:
        token = log.statement(BUS, TokenKind.DENIAL, agreement="urn:uuid:another")
        log.write("use-denied", (CONTRACT,), {"use": "u9", "reason": "r", "digest": log.keep(token)})

    assert "not about this contract" in refusal(told(more)).what


def test_what_should_be_text_is_refused_otherwise() -> None:
    def more(log: Log) -> None:
        log.write("use-denied", (CONTRACT,), {"use": "u9", "reason": "r", "digest": log.keep(b"\xff\xfe")})

    assert refusal(told(more)).where == "denials/0003.jws"


@pytest.mark.parametrize(
    ("by", "sender", "answer"), [(BUS, BUS, b"x"), (PLANNER, PLANNER, b"x"), (PLANNER, BUS, b"another")]
)
def test_a_receipt_is_the_peer_s_for_what_the_log_says(by: Signer, sender: Signer, answer: bytes) -> None:
    def more(log: Log) -> None:
        log.write("message-sent", (CONTRACT,), {"message": "m", "digest": log.keep(b"m9")})
        receipt = log.keep(log.receipt(by, sender, b"m9", answer))
        said = {"message": "m", "sent": digest(b"m9"), "answer": log.keep(b"x"), "status": 200, "receipt": receipt}
        log.write("receipt", (CONTRACT,), said)

    assert refusal(told(more)).where == "receipts/0002.txt"


def test_a_request_is_one_party_s_for_the_other_and_for_these_bytes() -> None:
    maker = story()
    other = Signer("did:web:third.example", "third", "third")
    wrong = {
        "issued by neither": maker.token(other, BUS, "/dsp/x", b"m"),
        "does not fit": maker.token(replace(PLANNER, seed="x"), BUS, "/dsp/x", b"m"),
        "aud is": maker.token(PLANNER, other, "/dsp/x", b"m"),
        "not a token|three parts": "rubbish",
    }
    for why, token in wrong.items():
        refused = refusal(seal(material(story_with_token("", token))))
        assert refused.where == "origins/0003.jwt"
        assert any(part in refused.what for part in why.split("|"))


def test_a_message_kept_without_its_secret_is_bound_by_its_exact_bytes() -> None:
    def more(log: Log) -> None:
        token = log.keep(log.token(PLANNER, BUS, "/dsp/x", b"with a secret"))
        data = {"message": "start", "digest": log.keep(b"without"), "exact": digest(b"with a secret")}
        log.write("message-received", (CONTRACT,), data | {"origin": token, "path": "/dsp/x"})

    assert verify_pack(told(more), ROOTS, now=NOW).counts["origins"] == 3


def test_a_request_for_another_body_is_refused() -> None:
    def more(log: Log) -> None:
        token = log.token(PLANNER, BUS, "/dsp/x", b"another body")
        data = {"message": "m", "digest": log.keep(b"m"), "origin": log.keep(token), "path": "/dsp/x"}
        log.write("message-received", (CONTRACT,), data)

    assert "another request" in refusal(told(more)).what
