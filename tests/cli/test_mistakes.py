"""Mistakes at the command line: one line with what, where, and what to do; the exit code; nothing half-made."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.space import Served, mistake, run
from tests.node.spaces import CODES, free_port

MAKE = ("--functional", "--credit-code", CODES["node"], "--public-url")


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A functional node that is not running."""
    folder = tmp_path / "n"
    assert run("init", folder, *MAKE, f"https://127.0.0.1:{free_port()}").code == 0
    return folder


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--bogus",), "No such option"),
        (("bogus",), "No such command"),
        (("get",), "Missing argument"),
        (("search", "--limit", "many"), "valid integer"),
        (("publish", "x.csv"), "a product needs a title"),
        (("publish", "--title", "x"), "a product needs a file"),
        (("publish", "--update", "urn:uuid:1"), "a product needs a file"),
        (("publish", "x.csv", "--update", "urn:uuid:1", "--count", "3"), "--count: an update changes the file"),
        (("negotiate", "x", "--policy", "/none.json"), "/none.json"),
        (("negotiate", "x", "--signatures", "perhaps"), "neither required nor optional"),
        (("id", "make", "moon", "--subject", "x", "--place", "y"), "moon"),
        (("status", "--dir", "/nowhere"), "there is no node in this folder"),
        (("serve", "/nowhere"), "there is no such folder"),
    ],
)
def test_used_wrongly(words: tuple[str, ...], says: str) -> None:
    mistake(run(*words), 2, says)


def test_as_a_process_too() -> None:
    seen = subprocess.run(
        [sys.executable, "-m", "trustspace", "status", "-d", "/nowhere"], capture_output=True, text=True
    )
    assert (seen.returncode, seen.stdout) == (2, "")
    assert seen.stderr == "/nowhere: there is no node in this folder (make one: trustspace init DIR)\n"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("bus.example", "public_url"),
        ("ftp://bus.example", "public_url"),
        ("https://user@bus.example", "public_url"),
        ("https://bus.example:99999", "public_url"),
        ("https://127.0.0.1:0", "port 0"),
        ("", "public_url"),
    ],
)
def test_a_bad_public_url(tmp_path: Path, url: str, says: str) -> None:
    mistake(run("init", tmp_path / "n", *MAKE, url), 2, says)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_credit_code_bind_or_place_makes_nothing(tmp_path: Path) -> None:
    url = ("--public-url", "https://127.0.0.1:1")
    mistake(run("init", tmp_path / "n", "--functional", *url, "--credit-code", "12430000MB0L046928"), 2, "credit code")
    mistake(run("init", tmp_path / "n", *MAKE, "https://127.0.0.1:1", "--bind", "nowhere"), 2, "public_bind")
    mistake(run("init", tmp_path / "n", *MAKE, "https://127.0.0.1:1", "--place", "x"), 2)
    mistake(run("init", tmp_path / "n", *url), 2, "--node URL --fingerprint SHA256")
    assert list(tmp_path.iterdir()) == []


def test_init_leaves_what_is_there(node: Path, tmp_path: Path) -> None:
    before = (node / "settings.toml").read_text()
    mistake(run("init", node, *MAKE, "https://127.0.0.1:1"), 1, "there is a node in this folder already")
    assert (node / "settings.toml").read_text() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("x")
    mistake(run("init", tmp_path / "mine", *MAKE, "https://127.0.0.1:1"), 1, "not empty")
    (tmp_path / "file").write_text("x")
    mistake(run("init", tmp_path / "file" / "n", *MAKE, "https://127.0.0.1:1"), 2, "cannot be made")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "mine", "n"]
    (tmp_path / "empty").mkdir()
    assert run("init", tmp_path / "empty", *MAKE, "https://127.0.0.1:1").code == 0


def test_a_wrong_fingerprint_or_address_makes_nothing(space: Served, tmp_path: Path) -> None:
    to = ("init", tmp_path / "c", "--public-url", "https://127.0.0.1:1", "--node")
    mistake(run(*to, space.urls["node"], "--fingerprint", "0" * 64), 1, "fingerprint")
    mistake(run(*to, space.urls["node"], "--fingerprint", "short"), 2, "fingerprint")
    mistake(run(*to, space.urls["bus"], "--fingerprint", space.fingerprint), 2, "is this a functional node")
    mistake(run(*to, f"https://127.0.0.1:{free_port()}", "--fingerprint", space.fingerprint), 2, "connect")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind = 'functional'\npublic_url = \n", "line 2"),
        ("kind = 'functional'\npublic_url = 'https://x.example'\ncolour = 'red'\n", "colour"),
        ("kind = 'moon'\npublic_url = 'https://x.example'\n", "kind"),
        ("kind = 'functional'\npublic_url = 'https://x.example'\n[network]\nnetworks = ['10.0.0.0/99']\n", "networks"),
        ("kind = 'functional'\npublic_url = 'https://x.example'\ndatabase_pages = 1\n", "database_pages"),
    ],
)
def test_settings_that_cannot_be(node: Path, text: str, says: str) -> None:
    (node / "settings.toml").write_text(text)
    mistake(run("status", "-d", node), 2, "settings.toml", says)


def test_keys_certificates_and_tokens_that_cannot_be(node: Path) -> None:
    key, token = node / "keys" / "signing.pem", node / "management.token"
    key.chmod(0o644)
    mistake(run("serve", node), 2, "signing.pem", "0644", "chmod 600")
    key.chmod(0o600)
    good = key.read_bytes()
    key.write_bytes(b"nonsense")
    mistake(run("serve", node), 2, "signing.pem", "not a private key")
    key.unlink()
    mistake(run("serve", node), 2, "signing.pem", "there is no such file")
    key.write_bytes(good)
    key.chmod(0o600)
    kept = token.read_bytes()
    token.unlink()
    mistake(run("serve", node), 2, "management.token")
    token.write_bytes(kept)
    certificate = node / "certificates" / "tls.pem"
    certificate.write_bytes(b"nonsense")
    mistake(run("serve", node), 2, "tls.pem", "no certificate")
    mistake(run("status", "-d", node), 2, "tls.pem")


def test_a_port_in_use_and_a_second_process(node: Path, space: Served) -> None:
    bind = next(line for line in (node / "settings.toml").read_text().splitlines() if line.startswith("public_bind"))
    port = int(bind.rpartition(":")[2].strip('"'))
    with socket.create_server(("127.0.0.1", port)):
        mistake(run("serve", node), 2, f"127.0.0.1:{port}", "the port is in use")
    mistake(run("serve", space.root / "bus"), 1, "belongs to the running process", "stop it")


def test_names_that_nobody_knows(space: Served, tmp_path: Path) -> None:
    code, name = "691350100M000100Y433501796LD6B9L", "urn:uuid:00000000-0000-4000-8000-000000000000"
    mistake(space.on("trip", "show", code), 2, code)
    mistake(space.on("trip", "show", "rubbish"), 2, "rubbish")
    mistake(space.on("trip", "negotiate", code), 2, code)
    mistake(space.on("trip", "get", name), 2, "no such contract")
    mistake(space.on("trip", "contracts", "show", name), 2, "no such contract")
    mistake(space.on("trip", "contracts", "end", name, "-r", "x"), 2, "no such contract")
    mistake(space.on("trip", "negotiations", "approve", name), 2, name)
    mistake(space.on("bus", "withdraw", name), 2, "no such product")
    mistake(space.on("bus", "evidence", "export", name, "-o", tmp_path / "x"), 2, "no such contract")
    mistake(space.on("node", "registry", "show", "nobody"), 2, "nobody")
    mistake(space.on("node", "catalogue", "approve", "nothing"), 2, "nothing")
    mistake(space.on("node", "search", "x"), 2, "/v1/search", "this kind of node does nothing there")
    mistake(space.on("bus", "registry", "list"), 2, "/v1/registry")
    mistake(run("uses", "--offset", "-1", "-d", space.root / "bus"), 2, "offset")
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_not_there_or_cannot_be_written(space: Served, tmp_path: Path) -> None:
    mistake(space.on("bus", "publish", tmp_path / "none.csv", "--title", "x"), 2, "none.csv", "no such file")
    mistake(space.on("bus", "publish", tmp_path, "--title", "x"), 2, "no such file")
    terms = tmp_path / "terms.json"
    moon = {"leftOperand": "moonPhase", "operator": "eq", "rightOperand": "full"}
    terms.write_text(json.dumps({"permission": [{"action": "use", "constraint": [moon]}]}))
    (tmp_path / "f").write_bytes(b"x")
    refused = space.on("bus", "publish", tmp_path / "f", "--title", "x", "--policy", terms)
    assert refused.code in {1, 2}
    assert "moonPhase" in refused.err
    terms.write_text("{")
    mistake(space.on("bus", "publish", tmp_path / "f", "--title", "x", "--policy", terms), 2, "terms.json")
    contract = space.ok("trip", "negotiate", space.product()["code"])["contract"]
    purpose = ("--purpose", "trip-planning")
    mistake(space.on("trip", "get", contract, *purpose, "-o", tmp_path / "no" / "x"), 2, "cannot be written")
    mistake(space.on("trip", "evidence", "export", contract, "-o", tmp_path / "no" / "x"), 2, "cannot be written")


def test_a_published_file_that_was_changed_or_lost(space: Served, tmp_path: Path) -> None:
    entry = space.product(data=b"as it was published")
    contract = space.ok("trip", "negotiate", entry["code"])
    digest = space.ok("trip", "show", entry["code"])["digest"]
    kept = space.root / "bus" / "files" / digest
    kept.chmod(0o600)
    kept.write_bytes(b"as somebody else likes")
    get = ("get", contract["contract"], "--purpose", "trip-planning", "-o", tmp_path / "x")
    mistake(space.on("trip", *get), 1, "no longer has this data", "changed")
    kept.unlink()
    mistake(space.on("trip", *get), 1, "no longer has this data", "no such file")
    assert list(tmp_path.iterdir()) == []


def test_the_functional_node_is_down(space: Served, tmp_path: Path) -> None:
    entry = space.product()
    space.stop("node")
    try:
        mistake(space.on("trip", "search", "公交"), 2, space.urls["node"].removeprefix("https://"), "connect")
        mistake(space.on("trip", "negotiate", entry["code"]), 2, space.urls["node"].removeprefix("https://"))
        (tmp_path / "f").write_bytes(b"x")
        publish = space.on("bus", "publish", tmp_path / "f", "--title", "x", "--industry", "0054", "--topic", "B0300")
        mistake(publish, 2, space.urls["node"].removeprefix("https://"))
        warnings = space.ok("bus", "status")["warnings"]
        assert any("functional node cannot be asked" in one for one in warnings)
    finally:
        space.serve("node")
    assert space.on("trip", "search", "公交").code == 0


def test_a_peer_that_is_down_is_seen_in_the_status(space: Served) -> None:
    contract = space.ok("trip", "negotiate", space.product()["code"])["contract"]
    [negotiation] = [one for one in space.ok("bus", "negotiations", "list") if one["contract"] == contract]
    space.stop("trip")
    try:
        assert space.ok("bus", "contracts", "end", contract, "-r", "closed")["status"] == "ended"
        status = space.ok("bus", "status")
        while not status["stuck"]:
            status = space.ok("bus", "status")
        assert status["outbox"] == 1
        [stuck] = status["stuck"]
        assert stuck["attempts"] >= 1
        assert "connect" in stuck["error"]
        assert stuck["process"] == negotiation["negotiation"]  # behind whose last message the notice goes
    finally:
        space.serve("trip")
    while space.ok("trip", "contracts", "show", contract)["status"] != "ended":
        pass
    while space.ok("bus", "status")["outbox"]:
        pass
