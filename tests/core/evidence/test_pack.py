from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from tests.core.evidence.packs import (
    LOG,
    MATERIAL,
    MEMBERS,
    NAMES,
    PACK,
    closed,
    consumers,
    consumers_log,
    flipped,
    refusal,
    story_before_export,
    story_with_token,
)
from tests.core.evidence.world import (
    BUS,
    CONTRACT,
    NEGOTIATION,
    NOW,
    PLANNER,
    ROOTS,
    material,
    seal,
    story,
    zipped,
)
from trustspace.core.errors import InvalidInput, NotFound, TooLarge
from trustspace.core.evidence.layout import MANIFEST, SEAL, to_pem
from trustspace.core.evidence.pack import collect
from trustspace.core.evidence.verify import verify_pack

# --- what holds ------------------------------------------------------------------------------------------------------


def test_a_pack_verifies_and_says_what_was_verified() -> None:
    facts = verify_pack(PACK, ROOTS, now=NOW)
    assert (facts.signers_known, facts.signatures, facts.log_size, facts.leaves) == (True, 2, 18, 15)
    assert facts.counts["denials"] == facts.counts["uses"] == facts.counts["deliveries"] == 2
    assert (facts.counts["messages"], facts.counts["receipts"], facts.withheld) == (4, 1, 1)
    assert (facts.cosigned, facts.peer_size, facts.about.contract) == (5, 3, CONTRACT)
    text = "\n".join(facts.lines())
    assert CONTRACT in text
    assert BUS.did in text
    assert "2 denials" in text
    assert facts.to_json()["provider"] == {"did": BUS.did, "identifier": BUS.identifier}


def test_the_same_material_gives_the_same_bytes() -> None:
    assert seal(material(story())) == PACK


def test_a_pack_that_was_zipped_again_still_verifies() -> None:
    assert verify_pack(zipped(MEMBERS, 8), ROOTS, now=NOW).signatures == 2


def test_without_roots_it_is_consistent_and_nobody_is_known() -> None:
    facts = verify_pack(PACK, None, now=NOW)
    assert not facts.signers_known
    assert "UNKNOWN" in "\n".join(facts.lines())


def test_a_contract_without_signatures_is_shown_as_such() -> None:
    facts = verify_pack(seal(material(story(signed=False), signed=False)), ROOTS, now=NOW)
    assert facts.signatures == 0
    assert "unsigned" in "\n".join(facts.lines())


def test_what_is_optional_may_be_missing() -> None:
    bare = replace(MATERIAL, peer_checkpoint="", cosigned="", growth=())
    facts = verify_pack(seal(bare), ROOTS, now=NOW)
    assert (facts.cosigned, facts.peer_size) == (None, None)
    assert "cosigned" not in "\n".join(facts.lines())


def test_a_pack_without_withheld_messages_does_not_speak_of_them() -> None:
    log = consumers_log()
    facts = verify_pack(seal(consumers(log), PLANNER), ROOTS, now=NOW)
    assert facts.about.exporter == "consumer"
    assert "access tokens" not in "\n".join(facts.lines())


def test_the_last_export_closes_a_pack() -> None:
    log = story()
    log.write("contract-ended", (CONTRACT,), {"by": "provider", "reason": "over"})
    log.write("exported", (CONTRACT,), {"negotiation": NEGOTIATION, "leaves": log.places[NEGOTIATION]})
    log.write("contract-ended", (CONTRACT,), {"by": "provider", "reason": "after the export"})
    facts = verify_pack(seal(material(log)), ROOTS, now=NOW)
    assert facts.leaves == 17


def test_tokens_of_peers_of_another_make_are_kept_and_not_checked() -> None:
    log = story_with_token('{"alg":"ES256","typ":"JWT"}')
    assert verify_pack(seal(material(log)), ROOTS, now=NOW).counts["origins"] == 3


def test_a_request_without_a_path_in_the_leaf_is_checked_for_its_signer() -> None:
    log = story_before_export()
    token = log.token(PLANNER, BUS, "/data", b"body")
    log.write("duty-due", (CONTRACT,), {"duty": "delete", "due": "later"})
    log.write("message-received", (CONTRACT,), {"message": "m", "digest": log.keep(b"body"), "origin": log.keep(token)})
    assert verify_pack(seal(material(closed(log))), ROOTS, now=NOW).counts["origins"] == 3


@pytest.mark.skipif(not (which("openssl") and which("unzip") and which("sha256sum")), reason="tools are missing")
@pytest.mark.parametrize("signed", [True, False])
def test_a_lawyer_can_run_the_instructions(tmp_path: Path, signed: bool) -> None:
    (tmp_path / "pack.asice").write_bytes(seal(material(story(signed=signed), signed=signed)))
    (tmp_path / "trust.pem").write_bytes(to_pem(ROOTS[0]))
    subprocess.run(["unzip", "-q", "pack.asice", "-d", "p"], cwd=tmp_path, check=True)
    run = ["bash", "-e", "VERIFY.txt"]
    done = subprocess.run(run, cwd=tmp_path / "p", env=with_trust(tmp_path), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert BUS.identifier in done.stdout.decode()
    (tmp_path / "p/offer.json").write_text("{}")
    assert subprocess.run(
        run, cwd=tmp_path / "p", env=with_trust(tmp_path), capture_output=True, check=False
    ).returncode


def with_trust(folder: Path) -> dict[str, str]:
    return {"TRUST": str(folder / "trust.pem"), "PATH": "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin"}


# --- each member, zipped again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_altered_member_is_refused_and_named(name: str) -> None:
    assert refusal(zipped(MEMBERS | {name: flipped(MEMBERS[name])})).where == name


@pytest.mark.parametrize("name", NAMES)
def test_an_emptied_member_is_refused_and_named(name: str) -> None:
    if MEMBERS[name]:
        assert refusal(zipped(MEMBERS | {name: b""})).where == name


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_member_is_refused_and_named(name: str) -> None:
    assert refusal(zipped({one: data for one, data in MEMBERS.items() if one != name})).where == name


@pytest.mark.parametrize("name", NAMES)
def test_swapped_members_are_refused_and_one_is_named(name: str) -> None:
    other = NAMES[(NAMES.index(name) + 1) % len(NAMES)]
    swapped = MEMBERS | {name: MEMBERS[other], other: MEMBERS[name]}
    named = (name, other, SEAL) if MANIFEST in (name, other) else (name, other)
    assert refusal(zipped(swapped)).where in named


@pytest.mark.parametrize("name", NAMES)
def test_a_renamed_member_is_refused(name: str) -> None:
    renamed = {(f"{one}x" if one == name else one): data for one, data in MEMBERS.items()}
    assert refusal(zipped(renamed)).where == f"{name}x"


@pytest.mark.parametrize("name", [name for name in NAMES if "/0001." in name])
def test_a_copied_member_is_refused_and_named(name: str) -> None:
    copy = name.replace("0001", "0099")
    assert refusal(zipped(MEMBERS | {copy: MEMBERS[name]})).where == copy


def test_the_mimetype_comes_first() -> None:
    moved = {name: MEMBERS[name] for name in [*NAMES[1:], NAMES[0]]}
    assert refusal(zipped(moved)).where == "mimetype"


def test_what_is_no_zip_is_refused() -> None:
    assert refusal(b"PK").where == "archive"


# --- making one ------------------------------------------------------------------------------------------------------


def test_what_was_not_kept_cannot_be_exported() -> None:
    with pytest.raises(NotFound, match="was not kept"):
        collect([(one.index, one.body) for one in MATERIAL.leaves], lambda _: None)
    with pytest.raises(NotFound, match="export"):
        collect([(0, LOG.bodies[0])], LOG.blobs.get)


def test_more_than_a_pack_can_hold_is_refused() -> None:
    with pytest.raises(TooLarge):
        seal(replace(MATERIAL, kept={"uses": [b"%d" % n for n in range(10_000)]}))
    with pytest.raises(InvalidInput):
        seal(replace(MATERIAL, checkpoint="no note"))
