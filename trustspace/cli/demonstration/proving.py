"""Evidence (存证): both sides export it, and a process that knows no node verifies it, and refuses what was altered."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trustspace.cli.demonstration.actors import ALL, BUS, FUNCTIONAL, PLANNER, Actor
from trustspace.cli.demonstration.journal import Told
from trustspace.cli.demonstration.place import Place
from trustspace.cli.demonstration.stage import Act, Stage, must
from trustspace.cli.demonstration.tampering import Altered, Sealer, corpus
from trustspace.core.identity.certificates import Profile, issue
from trustspace.node.logviews import LogView
from trustspace.node.settings import Settings


def export(actor: Actor) -> Act:
    """A node exports its evidence of the contract."""

    async def act(stage: Stage) -> Told:
        target = stage.place.pack(actor)
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            draft = target.with_suffix(".draft")
            await stage.nodes.client(actor).evidence(stage.fact("negotiate", "contract")).export(draft)
            draft.replace(target)
        return Told(str(target), (f"{target.stat().st_size} bytes",))

    return act


async def count(stage: Stage) -> Told:
    """What the three logs hold at the end."""
    facts: dict[str, Any] = {}
    for actor in ALL:
        log: LogView = await stage.nodes.client(actor).call("log")
        kinds = [one.kind for one in await stage.entries(actor)]
        counted = sum(kind in {"message-sent", "message-received"} for kind in kinds)
        messages = None if actor is FUNCTIONAL else counted  # it takes no part in the protocol
        facts[actor.key] = {"entries": log.size, "messages": messages, "root": log.root}
    lines = tuple(f"{actor.label}: {facts[actor.key]['entries']} entries" for actor in ALL)
    return Told(facts[FUNCTIONAL.key]["root"], lines, facts)


async def verify(stage: Stage) -> Told:
    """A separate process verifies both packs against the roots; the nodes have been stopped."""
    packs = [stage.place.pack(actor) for actor in (BUS, PLANNER)]
    code, results = await _verify(packs, stage.place.roots)
    must(code == 0 and all(one["verified"] for one in results), f"not verified: {results}", str(packs[0].parent))
    lines = tuple(f"{one['exporter']}: {one['leaves']} of {one['log_size']} log entries, verified" for one in results)
    return Told(str(packs[0].parent), lines, {"verified": len(results)})


async def tamper(stage: Stage) -> Told:
    """Each member of a pack altered, dropped, swapped; the pack re-sealed by a stranger; the log cut short."""
    folder = stage.place.tampered
    made = await asyncio.to_thread(_write, stage.place, await _stranger(stage.place))
    code, results = await _verify([folder / one.name for one in made], stage.place.roots)
    must(code == 1 and len(results) == len(made), f"the verifier ended with {code}", str(folder))
    for one, result in zip(made, results, strict=True):
        must(not result["verified"] and not result["consistent"], "an altered pack was verified", one.name)
        must(one.names(result["member"]), f"named {result['member']}: {result['reason']}", one.name)
    count = len(made)
    lines = (f"{count} altered packs: {count} refused, each named", *_examples(made, results))
    return Told(str(folder), lines, {"altered": count, "refused": count})


def _write(place: Place, stranger: Sealer) -> list[Altered]:
    """All altered packs, as files."""
    shutil.rmtree(place.tampered, ignore_errors=True)
    place.tampered.mkdir()
    made = corpus(place.pack(BUS).read_bytes(), Sealer.of(place.node(BUS)), stranger)
    for one in made:
        (place.tampered / one.name).write_bytes(one.data)
    return made


async def _stranger(place: Place) -> Sealer:
    """Somebody with a root of its own, under which it calls itself what the exporter is called."""
    from trustspace.node.folder import Folder, initialise

    folder = Folder(place.root / "stranger")
    if not folder.path.exists():
        settings = Settings(
            kind="functional",
            name="a stranger",
            credit_code=FUNCTIONAL.credit_code,
            public_url="https://stranger.example",
            database_pages=None,
        )
        await initialise(folder.path, settings)
    key, now = folder.load_key("signing"), datetime.now(UTC)
    certificate = issue(
        folder.load_key("root"),
        folder.roots()[0],
        key.public_der,
        profile=Profile.SIGNING,
        common_name="a stranger",
        unit=place.journal.fact("bus-approved", "identifier"),
        serial=1,
        not_before=now - timedelta(minutes=1),
        not_after=now + timedelta(days=1),
    )
    return Sealer(key, certificate)


def _examples(made: Sequence[Altered], results: Sequence[dict[str, Any]]) -> list[str]:
    """One of each sort, of the agreement where there is one."""
    shown: dict[str, str] = {}
    for one, result in zip(made, results, strict=True):
        if one.sort not in shown or one.expected[0] == "agreement.json":
            shown[one.sort] = f"{one.sort:<10} {result['member']}: {result['reason']}"
    return list(shown.values())


async def _verify(packs: Sequence[Path], roots: Path) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of the verifier's process, and what it says of each pack."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "trustspace", "evidence", "verify", *map(str, packs), "--trust", str(roots), "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, json.loads(out)
