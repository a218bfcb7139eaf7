from __future__ import annotations

import subprocess
from base64 import b64decode
from pathlib import Path
from shutil import which

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from tests.core.evidence.world import BUS, PLANNER
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.errors import InvalidInput, NotVerified, TrustspaceError
from trustspace.core.evidence.checkpoint import (
    Checkpoint,
    check_growth,
    cosign,
    read_checkpoint,
    sign_checkpoint,
    unverified,
    verify_cosignature,
)
from trustspace.core.evidence.merkle import Tree, consistency_proof, leaf_hash

TREE = Tree([leaf_hash(b"%d" % n) for n in range(9)])
HEAD = Checkpoint(BUS.did, 9, TREE.root())
NOTE = sign_checkpoint(HEAD, BUS.key)
ED25519 = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32))


def test_a_note_says_whose_log_how_long_and_its_root() -> None:
    assert read_checkpoint(NOTE, BUS.key.public_der, BUS.did) == HEAD == unverified(NOTE)
    assert NOTE.startswith(f"{BUS.did}\n9\n")
    assert f"\n\n— {BUS.did} " in NOTE


def test_a_log_may_be_signed_with_ed25519() -> None:
    note = sign_checkpoint(HEAD, ED25519)
    assert read_checkpoint(note, ED25519.public_der, BUS.did) == HEAD
    assert len(b64decode(note.rpartition(" ")[2])) == 68


@pytest.mark.skipif(which("openssl") is None, reason="no openssl here")
def test_openssl_can_check_the_signature(tmp_path: Path) -> None:
    text, _, line = NOTE.partition("\n\n")
    (tmp_path / "text").write_text(text + "\n")
    (tmp_path / "signature").write_bytes(b64decode(line.rpartition(" ")[2])[4:])
    key = load_der_public_key(BUS.key.public_der)
    (tmp_path / "key.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "text"]
    assert b"OK" in subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout


def test_the_counterparty_cosigns_the_same_text() -> None:
    note = cosign(NOTE, PLANNER.key, PLANNER.did)
    assert verify_cosignature(note, PLANNER.key.public_der, PLANNER.did) == HEAD
    assert read_checkpoint(note, BUS.key.public_der, BUS.did) == HEAD
    with pytest.raises(NotVerified):
        verify_cosignature(NOTE, PLANNER.key.public_der, PLANNER.did)


@pytest.mark.parametrize(
    ("note", "key", "origin"),
    [
        (NOTE, BUS.key, PLANNER.did),
        (NOTE, PLANNER.key, BUS.did),
        (NOTE, ED25519, BUS.did),
        (NOTE.replace("\n9\n", "\n8\n"), BUS.key, BUS.did),
        (NOTE + NOTE.partition("\n\n")[2], BUS.key, BUS.did),
        (sign_checkpoint(HEAD, PLANNER.key), BUS.key, BUS.did),
    ],
    ids=["origin", "key", "kind of key", "size", "doubled", "signer"],
)
def test_what_another_signed_or_altered_is_refused(note: str, key: PrivateKey, origin: str) -> None:
    with pytest.raises(NotVerified):
        read_checkpoint(note, key.public_der, origin)


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE[:-1],
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("\n9\n", "\n09\n"),
        NOTE.replace("\n9\n", "\n9\n9\n"),
        NOTE.replace(f"— {BUS.did} ", "—  "),
        NOTE.replace("=", "", 1),
        "log\n1\nAAAA\n\n— log AAAA\n",
        "log\n1\nAB==\n\n— log AAAA\n",
        NOTE + "x" * 20_000 + "\n",
    ],
)
def test_what_is_not_a_note_is_refused(note: str) -> None:
    with pytest.raises(InvalidInput):
        unverified(note)


@given(st.integers(0, len(NOTE) - 1), st.characters())
def test_no_other_letter_passes(place: int, letter: str) -> None:
    wrong = NOTE[:place] + letter + NOTE[place + 1 :]
    if wrong != NOTE:
        with pytest.raises(TrustspaceError):
            read_checkpoint(wrong, BUS.key.public_der, BUS.did)


def test_a_name_that_would_break_the_note_is_refused() -> None:
    for name in ("", "two words", "a+b", "line\nbreak"):
        with pytest.raises(InvalidInput):
            sign_checkpoint(Checkpoint(name, 9, TREE.root()), BUS.key)


def test_a_log_grows_and_never_goes_back_or_forks() -> None:
    old = Checkpoint(BUS.did, 6, Tree([leaf_hash(b"%d" % n) for n in range(6)]).root())
    proof = consistency_proof(6, 9, TREE.node)
    check_growth(old, HEAD, proof)
    fork = Checkpoint(BUS.did, 9, b"f" * 32)
    for before, after, path in (
        (HEAD, old, proof),
        (HEAD, fork, ()),
        (old, fork, proof),
        (old, HEAD, ()),
        (Checkpoint(PLANNER.did, 6, old.root), HEAD, proof),
    ):
        with pytest.raises(NotVerified):
            check_growth(before, after, path)
