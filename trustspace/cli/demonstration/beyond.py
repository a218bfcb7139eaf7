"""Uses beyond the contract, asked of the provider by a client made by hand: it has the valid token and no scruples."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from trustspace.cli.demonstration.actors import BUS, PLANNER
from trustspace.cli.demonstration.journal import Told
from trustspace.cli.demonstration.publishing import COUNT, PURPOSE
from trustspace.cli.demonstration.stage import Stage, must, until
from trustspace.cli.demonstration.using import transfer
from trustspace.core.canon import loads_object
from trustspace.core.policy import Constraint, from_odrl, parse_instant
from trustspace.node.views import ContractView, TransferView

NAMES: Final = uuid.UUID("6f0c3d1e-9d64-5c0a-8a3b-0c7b6f6b2f11")
CREATED, FORBIDDEN = 201, 403


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered: the use's own token where it was permitted, the reason where it was not."""

    status: int
    token: str
    reason: str
    data: int
    """How many bytes of the data could be had afterwards."""


async def ask(http: httpx.AsyncClient, opened: TransferView, label: str, purpose: str) -> Answer:
    """Ask for a use, then try to read its bytes: with the use's token, or with the one that there is."""
    name = str(uuid.uuid5(NAMES, f"{opened.contract} {label}"))
    said = {"use": name, "purpose": purpose}
    answer = await http.post(f"{opened.endpoint}/uses", json=said, headers=_bearer(opened.token))
    told: dict[str, Any] = loads_object(answer.content, where="the provider's answer")
    token = str(told.get("token", ""))
    got = await http.get(f"{opened.endpoint}/uses/{name}", headers=_bearer(token or opened.token))
    data = len(got.content) if got.is_success else 0
    return Answer(answer.status_code, token, str(told.get("what", "")), data)


async def wrong_purpose(stage: Stage) -> Told:
    """Asked for advertising under a contract for trip planning."""
    opened = await transfer(stage, "negotiate", "demo")
    async with stage.outside() as http:
        answer = await ask(http, opened, "wrong-purpose", "advertising")
    return _refused(opened, answer, "purpose advertising")


async def last_use(stage: Stage) -> Told:
    """Two at the same time where one is left: one is counted, the other refused."""
    opened = await transfer(stage, "negotiate", "demo")
    async with stage.outside() as http:
        answers = await asyncio.gather(*(ask(http, opened, f"parallel-{turn}", PURPOSE) for turn in (1, 2)))
    granted = [one for one in answers if one.status == CREATED]
    refused = [one for one in answers if one.status == FORBIDDEN]
    must(len(granted) == len(refused) == 1, f"the answers were {[one.status for one in answers]}", opened.contract)
    must(granted[0].data == stage.place.size, "the permitted use gave other bytes", opened.contract)
    told = _refused(opened, refused[0], f"use {COUNT + 1} of {COUNT}")
    lines = (f"the other one: 201, use {COUNT} of {COUNT}, {granted[0].data} bytes", *told.lines)
    return Told(told.identifier, lines, told.facts)


async def too_late(stage: Stage) -> Told:
    """The second contract's end is waited for; its token is as valid as before, and opens nothing."""
    opened = await transfer(stage, "trial-contract", "demo")
    end = await _end(stage, opened.contract)
    await asyncio.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds() + 0.02))
    async with stage.outside() as http:
        answer = await ask(http, opened, "too-late", PURPOSE)
    return _refused(opened, answer, f"until {end.isoformat()} has passed")


async def denials(stage: Stage) -> Told:
    """Each refusal was signed by the provider, and the same signed denial stands in both logs."""
    lines = []
    for step, expected in (("negotiate", 2), ("trial-contract", 1)):
        contract = stage.fact(step, "contract")
        provider = await _denied(stage, BUS.key, contract, expected)
        consumer = await _denied(stage, PLANNER.key, contract, expected)
        must(provider == consumer, "the two logs tell of different denials", contract)
        lines.append(f"{contract}: {len(provider)} in both logs: {', '.join(sorted(one[:16] for one in provider))}")
    return Told("", tuple(lines), {"denials": 3})


async def _denied(stage: Stage, key: str, contract: str, expected: int) -> set[str]:
    """The digests of the signed denials in a node's log."""
    actor = BUS if key == BUS.key else PLANNER

    async def look() -> set[str]:
        return {one.data["digest"] for one in await stage.entries(actor, contract) if one.kind == "use-denied"}

    found = await until(look, lambda seen: len(seen) >= expected, f"the {actor.label}'s denial")
    must(len(found) == expected, f"{len(found)} denials in the log of the {actor.label}, not {expected}", contract)
    return found


async def _end(stage: Stage, contract: str) -> datetime:
    """The `until` of the contract, as its signed policy says it."""
    seen: ContractView = await stage.planner.call("contract", contract)
    rules = from_odrl(seen.policy or {}, where=contract).permissions
    constraints = [one for rule in rules for one in rule.constraints if isinstance(one, Constraint)]
    found = [one.right for one in constraints if one.left.endswith("dateTime") and isinstance(one.right, str)]
    must(len(found) == 1, "the contract has no end", contract)
    return parse_instant(found[0])


def _refused(opened: TransferView, answer: Answer, asked: str) -> Told:
    must(answer.status == FORBIDDEN and bool(answer.reason), f"{asked}: answered {answer.status}", opened.contract)
    must(answer.data == 0, f"{asked}: {answer.data} bytes were given", opened.contract)
    return Told(opened.contract, (f"{asked}: 403, 0 bytes: {answer.reason}",), {"reason": answer.reason})


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
