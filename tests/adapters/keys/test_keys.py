"""A key's file is its owner's alone, whole or not there, and says what is wrong; openssl reads it too."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.core.identity.world import openssl
from trustspace.adapters.keys import FileKey, MemoryKey, find_passphrase
from trustspace.core.errors import Conflict, InvalidInput, MisusedError, NotFound, TrustspaceError, Unavailable
from trustspace.core.identity.keys import verify
from trustspace.ports import Signer

SECRET = "公交 secret".encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signing.pem"


@pytest.mark.parametrize("passphrase", [None, SECRET])
def test_a_key_is_made_and_found_again(path: Path, passphrase: bytes | None) -> None:
    made: Signer = FileKey.create(path, passphrase)
    found = FileKey.load(path, passphrase)
    assert (found.public_der, found.algorithm) == (made.public_der, "ES256")
    assert found.sign(b"x") == made.sign(b"x") == found.sign(b"x")
    verify(found.public_der, "ES256", found.sign(b"x"), b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["signing.pem"]
    assert "ES256" in repr(found)


def test_openssl_reads_both_forms(tmp_path: Path) -> None:
    plain = FileKey.create(tmp_path / "plain", None)
    der = openssl("pkey", "-in", tmp_path / "plain", "-pubout", "-outform", "DER").stdout
    assert der == plain.public_der
    sealed = FileKey.create(tmp_path / "sealed", b"open sesame")
    command = ("pkey", "-in", tmp_path / "sealed", "-passin", "pass:open sesame", "-pubout", "-outform", "DER")
    assert openssl(*command).stdout == sealed.public_der
    assert b"scrypt" in openssl("asn1parse", "-in", tmp_path / "sealed").stdout


def test_a_key_is_never_overwritten(path: Path) -> None:
    FileKey.create(path)
    before = path.read_bytes()
    with pytest.raises(Conflict, match="already") as caught:
        FileKey.create(path)
    assert caught.value.where == str(path)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_of_many_at_once_one_makes_it(path: Path) -> None:
    def attempt(_: int) -> bytes | None:
        try:
            return FileKey.create(path).public_der
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [result for result in pool.map(attempt, range(8)) if result]
    assert made == [FileKey.load(path).public_der]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    FileKey.create(path)
    path.chmod(mode)
    with pytest.raises(MisusedError, match=f"mode {mode:04o}") as caught:
        FileKey.load(path)
    assert caught.value.hint == f"chmod 600 {path}"
    path.chmod(0o400)
    FileKey.load(path)


def test_passphrases_are_asked_for_and_checked(path: Path) -> None:
    FileKey.create(path, SECRET)
    assert b"ENCRYPTED" in path.read_bytes()
    with pytest.raises(MisusedError, match="under a passphrase") as caught:
        FileKey.load(path)
    assert "TRUSTSPACE_KEY_PASSPHRASE" in caught.value.hint
    with pytest.raises(MisusedError, match="passphrase is wrong"):
        FileKey.load(path, b"other")
    with pytest.raises(MisusedError, match="empty"):
        FileKey.create(path.with_name("other"), b"")


def test_a_key_without_a_passphrase_needs_none(path: Path) -> None:
    made = FileKey.create(path)
    assert FileKey.load(path, SECRET).public_der == made.public_der


def _write(path: Path, key: PrivateKeyTypes) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


def test_kinds_of_key_are_checked(path: Path) -> None:
    assert FileKey.load(_write(path, ed25519.Ed25519PrivateKey.generate())).algorithm == "EdDSA"
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(MisusedError, match="not accepted"):
            FileKey.load(_write(path, key))


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff" * 100, b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MisusedError, match="not a private key") as caught:
        FileKey.load(path)
    assert caught.value.where == str(path)


def test_files_that_cannot_be_read_or_written_are_named(path: Path) -> None:
    with pytest.raises(NotFound, match="no such file") as missing:
        FileKey.load(path)
    assert "init" in missing.value.hint
    with pytest.raises(Unavailable, match="cannot be read"):
        FileKey.load(path.parent)
    with pytest.raises(Unavailable, match="cannot be written"):
        FileKey.create(path / "no" / "folder")
    path.write_bytes(bytes(70_000))
    with pytest.raises(InvalidInput, match="too large"):
        FileKey.load(path)


def test_the_passphrase_is_found_where_it_was_put(tmp_path: Path) -> None:
    (tmp_path / "trustspace-key").write_bytes(b"from the manager\n")
    (tmp_path / "named").write_bytes(b"from a file\r\n")
    (tmp_path / "empty").write_bytes(b"\n")
    named = {"TRUSTSPACE_KEY_PASSPHRASE_FILE": str(tmp_path / "named")}
    manager = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    direct = {"TRUSTSPACE_KEY_PASSPHRASE": "directly"}
    assert find_passphrase({}) is None
    assert find_passphrase(direct) == b"directly"
    assert find_passphrase(manager | direct) == b"from the manager"
    assert find_passphrase(named | manager | direct) == b"from a file"
    assert find_passphrase({"CREDENTIALS_DIRECTORY": str(tmp_path / "none")} | direct) == b"directly"
    for wrong in ({"TRUSTSPACE_KEY_PASSPHRASE": ""}, {"TRUSTSPACE_KEY_PASSPHRASE_FILE": str(tmp_path / "empty")}):
        with pytest.raises(MisusedError, match="empty"):
            find_passphrase(wrong)
    with pytest.raises(TrustspaceError):
        find_passphrase({"TRUSTSPACE_KEY_PASSPHRASE_FILE": str(tmp_path / "gone")})


def test_a_seed_is_a_key() -> None:
    assert MemoryKey("bus").public_der == MemoryKey(b"bus").public_der != MemoryKey("planner").public_der
    verify(MemoryKey("bus").public_der, "ES256", MemoryKey("bus").sign(b"x"), b"x")
    assert MemoryKey("bus").sign(b"x") == MemoryKey("bus").sign(b"x")


def test_many_threads_sign_with_one_key() -> None:
    key = MemoryKey(os.urandom(8))
    with ThreadPoolExecutor(8) as pool:
        signatures = set(pool.map(key.sign, [b"x"] * 64))
    assert len(signatures) == 1
