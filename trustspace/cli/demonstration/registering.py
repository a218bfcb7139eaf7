"""Identity registration (统一身份登记): apply, be returned, mend, be approved, fetch the certificates."""

from __future__ import annotations

from typing import Final

from trustspace.cli.demonstration.actors import BUS, PLANNER, Actor
from trustspace.cli.demonstration.journal import Told
from trustspace.cli.demonstration.stage import Act, Stage, must, until
from trustspace.core.errors import NotFound
from trustspace.node.client import Client
from trustspace.node.views import DecisionRequest, IdentityView, RegistrationView

MISSING: Final = "the contact is missing 缺少联系人"


async def apply_complete(stage: Stage) -> Told:
    """The bus company applies."""
    return await _apply(stage.bus, BUS, when=("new",))


async def apply_incomplete(stage: Stage) -> Told:
    """The trip planner applies and forgets its contact."""
    return await _apply(stage.planner, PLANNER, when=("new",), contact="")


async def send_back(stage: Stage) -> Told:
    """The functional node's reviewer returns the incomplete application."""
    seen = await _identity(stage, PLANNER)
    if seen.state == "applied" and not seen.contact:
        seen = await _decide(stage, "return_identity", seen, MISSING)
    return Told(seen.application, (f"returned 退回: {MISSING}",), {"reason": MISSING})


async def mend(stage: Stage) -> Told:
    """The trip planner reads the reason and applies again."""
    return await _apply(stage.planner, PLANNER, when=("returned",))


def approve(actor: Actor) -> Act:
    """The reviewer approves an application: the identifier is assigned."""

    async def act(stage: Stage) -> Told:
        seen = await _identity(stage, actor)
        if seen.state == "applied":
            seen = await _decide(stage, "approve_identity", seen)
        must(len(seen.identifier) == 32, f"no identifier was assigned to {actor.organisation}", seen.application)
        return Told(seen.identifier, (f"{actor.organisation} {actor.credit_code}",), {"identifier": seen.identifier})

    return act


def certify(actor: Actor) -> Act:
    """The connector fetches its certificates, for TLS and for signing; its public listener opens."""

    async def act(stage: Stage) -> Told:
        node = stage.nodes.client(actor)
        await until(node.registration, lambda seen: seen.state == "active", "the registration")
        status = await node.status()
        lines = tuple(f"{one.purpose:<8} {one.thumbprint} ({one.days_left} days)" for one in status.certificates)
        return Told(status.did, lines, {"did": status.did, "identifier": status.identifier})

    return act


async def _apply(node: Client, actor: Actor, *, when: tuple[str, ...], contact: str | None = None) -> Told:
    seen = await _standing(node)
    if seen.state in when:
        contact = actor.contact if contact is None else contact
        seen = await node.register(actor.organisation, actor.credit_code, contact=contact, address=actor.address)
    return Told(seen.application, (f"{actor.organisation} {actor.credit_code}",), {"application": seen.application})


async def _standing(node: Client) -> RegistrationView:
    """How the application stands; `new` where there is none."""
    try:
        return await node.registration()
    except NotFound:
        return RegistrationView(state="new")


async def _identity(stage: Stage, actor: Actor) -> IdentityView:
    found: list[IdentityView] = await stage.operator.call("identities", limit="1000")
    mine = [one for one in found if one.credit_code == actor.credit_code]
    must(len(mine) == 1, f"{len(mine)} applications of {actor.organisation}")
    return mine[0]


async def _decide(stage: Stage, verb: str, seen: IdentityView, reason: str = "") -> IdentityView:
    decided: IdentityView = await stage.operator.call(verb, seen.application, request=DecisionRequest(reason=reason))
    return decided
