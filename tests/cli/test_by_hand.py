"""Every command by hand against running nodes: for people, in a pipe, for machines."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import trustspace as ts
from tests.cli.space import Served, mistake, run, until
from tests.node.spaces import CODES, free_port
from trustspace.cli.output import one_line
from trustspace.core.policy import to_odrl

HEAVY = {"pydantic", "cryptography", "httpx", "aiohttp", "starlette", "uvicorn", "asyncio", "anyio", "orjson"}


def test_init_and_status_for_people_and_machines(space: Served, tmp_path: Path) -> None:
    status = space.ok("bus", "status")
    assert (status["kind"], status["state"], status["name"]) == ("connector", "active", "公交公司")
    assert [one["days_left"] > 100 for one in status["certificates"]] == [True, True]
    plain = space.on("node", "status")
    assert plain.code == 0
    assert "kind             functional" in plain.out
    assert not set(plain.out) & {"\x1b", "│", "┃"}
    url = f"https://127.0.0.1:{free_port()}"
    made = run("init", tmp_path / "n", "--functional", "--public-url", url, "--credit-code", CODES["node"], "--json")
    assert made.code == 0
    assert set(made.json) == {"folder", "kind", "identifier", "fingerprint"}
    assert len(made.json["fingerprint"]) == 64


def test_an_application_is_returned_mended_approved_renewed_revoked(space: Served) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    made = run(
        *("init", space.root / "late", "--public-url", url, "--name", "迟到公司", "--credit-code", CODES["bus"]),
        *("--node", space.urls["node"], "--fingerprint", space.fingerprint),
    )
    assert (made.code, made.err) == (0, "")
    applied = space.ok("late", "register")
    assert applied["state"] == "applied"
    assert space.ok("late", "status")["state"] == "applied"  # asked of the functional node: no process kept it
    application = applied["application"]
    listed = space.on("node", "registry", "list", "--state", "applied")
    assert application in listed.out
    assert listed.out.splitlines()[0].split("\t")[:3] == ["application", "state", "name"]
    assert space.ok("node", "registry", "show", application)["credit_code"] == CODES["bus"]
    returned = space.ok("node", "registry", "return", application, "--reason", "a contact is missing")
    assert returned["state"] == "returned"
    seen = space.ok("late", "status")
    assert (seen["state"], seen["reason"]) == ("returned", "a contact is missing")
    assert space.on("late", "register", "--contact", "info@example.cn").code == 0
    assert space.ok("node", "registry", "approve", application)["identifier"].startswith("5")
    assert space.ok("late", "register")["state"] == "active"
    mistake(space.on("node", "registry", "approve", application), 1, "may not approve in state ACTIVE")
    assert space.ok("late", "renew")["state"] == "active"
    revoked = space.ok("node", "registry", "revoke", application, "-r", "its licence has ended")
    assert (revoked["state"], revoked["reason"]) == ("revoked", "its licence has ended")
    assert space.ok("late", "status")["state"] == "revoked"
    mistake(space.on("late", "search", "公交"), 1, "its licence has ended")


def bought(space: Served, tmp_path: Path) -> tuple[str, str]:
    """The code and the contract of a product that was found, read, negotiated, fetched, and asked for in vain."""
    entry = space.product("--purpose", "trip-planning", "--count", "3", "--delete-after", "P30D", data=b"day one\n")
    code = entry["code"]
    assert space.ok("node", "catalogue", "show", code)["title"] == "城市公交时刻表"
    assert code in space.on("trip", "search", "公交", "时刻表").out
    shown = space.on("trip", "show", code)
    assert (shown.code, shown.err) == (0, "")
    assert "at most 3 uses" in shown.out
    assert space.ok("trip", "show", code)["acceptable"]
    contract = space.ok("trip", "negotiate", code)
    assert (contract["signed"], len(contract["signatures"])) == ("both", 2)
    name = contract["contract"]
    got = space.ok("trip", "get", name, "--purpose", "trip-planning", "-o", tmp_path / "feed.csv")
    assert (tmp_path / "feed.csv").read_bytes() == b"day one\n"
    assert got["digest"] == hashlib.sha256(b"day one\n").hexdigest()
    mistake(space.on("trip", "get", name, "--purpose", "ads", "-o", tmp_path / "no"), 1, "declared purpose: ads")
    assert not (tmp_path / "no").exists()
    return code, name


def test_from_publishing_to_the_end(space: Served, tmp_path: Path) -> None:
    code, name = bought(space, tmp_path)
    (tmp_path / "two.csv").write_bytes(b"day two\n")
    assert space.ok("bus", "publish", tmp_path / "two.csv", "--update", code)["version"] == 2
    (tmp_path / "two.csv").unlink()
    assert space.on("trip", "get", name, "--purpose", "trip-planning", "-o", tmp_path).code == 0
    assert (tmp_path / "two.csv").read_bytes() == b"day two\n"
    for side in ("bus", "trip"):
        uses = until(lambda side=side: space.ok(side, "uses", "--contract", name), lambda page: page["total"] == 3)
        assert sorted(one["decision"] for one in uses["results"]) == ["deny", "permit", "permit"]
        assert name in space.on(side, "contracts", "list").out
        assert "at most 3 uses" in space.on(side, "contracts", "show", name).out
        assert space.ok(side, "contracts", "show", name)["uses"] == 2
    ended = space.ok("bus", "contracts", "end", name, "--reason", "the feed is closed")
    assert ended["status"] == "ended"
    until(lambda: space.ok("trip", "contracts", "show", name), lambda one: one["reason"] == "the feed is closed")
    mistake(space.on("trip", "get", name, "--purpose", "trip-planning", "-o", tmp_path / "x"), 1, "ended")
    assert space.ok("bus", "withdraw", code)["state"] == "delisted"
    assert code not in space.on("trip", "search", "公交").out


def test_evidence_of_both_sides(space: Served, tmp_path: Path) -> None:
    _, name = bought(space, tmp_path)
    roots = space.root / "node" / "certificates" / "root.pem"
    for side in ("bus", "trip"):
        pack = tmp_path / f"{side}.asice"
        assert space.ok(side, "evidence", "export", name, "-o", pack)["bytes"] == pack.stat().st_size
        assert run("evidence", "verify", pack, "--trust", roots).code == 0
        assert run("evidence", "verify", pack, "--json").json[0]["consistent"]
        assert run("evidence", "verify", pack).code == 1
        assert all(one["consistent"] for one in space.ok(side, "evidence", "log", "--check")["peers"])
        kinds = {one["kind"] for one in space.ok(side, "evidence", "log", "--entries", "--subject", name)["results"]}
        assert "agreement-signed" in kinds
    assert space.on("trip", "evidence", "log").out.startswith("size ")
    assert space.ok("node", "evidence", "log")["size"] > 0


def test_an_entry_is_returned_or_taken_off(space: Served) -> None:
    file = space.root / "other.csv"
    file.write_bytes(b"x")
    made = space.ok("bus", "publish", file, "--title", "停车场", "--industry", "0054", "--topic", "B0300")
    [entry] = [one for one in space.ok("node", "catalogue", "list")["results"] if one["dataset"] == made["product"]]
    back = space.ok("node", "catalogue", "return", entry["entry"], "--reason", "a description is missing")
    assert (back["state"], back["reason"]) == ("returned", "a description is missing")
    assert space.ok("bus", "withdraw", made["product"])["state"] == "delisted"
    code = space.product()["code"]
    gone = space.ok("node", "catalogue", "delist", code, "-r", "complaints")
    assert (gone["state"], gone["reason"]) == ("delisted", "complaints")
    mistake(space.on("trip", "show", code), 2, code)


def waiting(space: Served, name: str) -> list[dict[str, Any]]:
    return [one for one in space.ok(name, "negotiations", "list") if one["waits_for"] == "a decision here"]


def test_negotiations_are_decided_by_hand(space: Served, tmp_path: Path) -> None:
    code = space.product("--purpose", "trip-planning", "--count", "3", "--manual")["code"]
    mistake(space.on("trip", "negotiate", code, "--wait", "0.3"), 1, "it waits for")
    [theirs] = waiting(space, "bus")
    assert theirs["negotiation"] in space.on("bus", "negotiations", "list").out
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps({"offer": to_odrl(ts.offer(ts.use(purpose="trip-planning", count=2)))}))
    mistake(space.on("bus", "negotiations", "counter", theirs["negotiation"]), 2, "other terms are needed")
    assert space.on("bus", "negotiations", "counter", theirs["negotiation"], terms).code == 0
    [mine] = until(lambda: waiting(space, "trip"), len)
    shown = space.on("trip", "negotiations", "show", mine["negotiation"]).out
    assert "changed against the last round:" in shown
    assert "\tat most 3 uses under the contract, all together\tat most 2 uses" in shown
    assert mine["negotiation"] in space.on("trip", "negotiations", "list", "--waiting").out
    assert mine["negotiation"] not in space.on("bus", "negotiations", "list", "--waiting").out
    assert "other terms" in space.on("trip", "negotiations", "approve", mine["negotiation"], "--terms", "0" * 64).err
    done = space.ok("trip", "negotiations", "approve", mine["negotiation"])
    assert done["state"] == "FINALIZED", done
    assert space.ok("trip", "contracts", "show", done["contract"])["signed"] == "both"

    space.on("trip", "negotiate", code, "--policy", terms, "--wait", "0.3")
    [theirs] = waiting(space, "bus")
    assert theirs["changes"]
    refused = space.ok("bus", "negotiations", "refuse", theirs["negotiation"], "--reason", "three or nothing")
    assert refused["state"] == "TERMINATED"
    until(
        lambda: space.ok("trip", "negotiations", "list"),
        lambda seen: any("three or nothing" in one["reason"] for one in seen),
    )


def test_policies_and_identifiers_need_no_node(tmp_path: Path) -> None:
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps(to_odrl(ts.offer(ts.use(purpose="trip-planning", count=2)))))
    assert run("policy", "check", terms).code == 0
    assert "at most 2 uses" in run("policy", "explain", terms).out
    assert run("policy", "explain", terms, "--json").json[0]["path"]
    moon = {"leftOperand": "moonPhase", "operator": "eq", "rightOperand": "full"}
    terms.write_text(json.dumps({"permission": [{"action": "use", "constraint": [moon]}]}))
    assert run("policy", "check", terms).code == 1
    made = run("id", "make", "connector", "--subject", CODES["bus"], "--place", "3501")
    assert made.code == 0
    code = made.out.strip()
    assert run("id", "check", code).code == 0
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert run("id", "check", wrong, "--json").code == 1


def test_a_command_on_a_folder_that_is_not_served_opens_it(space: Served, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    run("init", tmp_path / "n", "--functional", "--public-url", url, "--credit-code", CODES["node"])
    status = run("status", "--dir", tmp_path / "n", "--json")
    assert status.json["public_url"] == url
    assert not (tmp_path / "n" / "running.json").exists()
    assert (space.root / "bus" / "running.json").exists()


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_help_loads_nothing_heavy() -> None:
    assert python(f"import sys, trustspace.cli.main; print(sorted(set(sys.modules) & {HEAVY!r}))") == "[]\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb\tc", "a b c"), ("\x1b[31mred", "�[31mred"), ("[red]x[/red]", "[red]x[/red]"), ("\u202e公交", "�公交")],
)
def test_what_others_wrote_is_text_and_nothing_else(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_markup_of_others_is_shown_and_not_followed() -> None:
    code = (
        "import sys; sys.stdout.isatty = lambda: True\n"
        "from trustspace.cli.output import table; table(('title',), [['[bold]bus[/bold] [/oops]']])"
    )
    assert "[bold]bus[/bold] [/oops]" in python(code)
