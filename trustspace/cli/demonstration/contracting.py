"""Negotiation (合约协商), the signatures, whose keys they are, and whether the other side's log only grew."""

from __future__ import annotations

from trustspace.cli.demonstration.actors import BUS, PLANNER, Actor
from trustspace.cli.demonstration.journal import Told
from trustspace.cli.demonstration.stage import Act, Stage, must
from trustspace.core.identity.did import read_document, url_from_did
from trustspace.node.logviews import PeerLogView
from trustspace.node.views import ContractView, IdentityView


def negotiate(code_step: str, key: str) -> Act:
    """Over the Dataspace Protocol, to a contract that both signed; the same key is the same negotiation."""

    async def act(stage: Stage) -> Told:
        made = await stage.planner.negotiate(stage.fact(code_step, "code"), key=key)
        must(made.signed == "both", f"the contract is {made.signed}", made.contract)
        lines = (f"{made.title or made.target} with {made.peer_name or made.peer}", f"agreement sha256 {made.digest}")
        return Told(made.contract, lines, {"contract": made.contract, "digest": made.digest})

    return act


async def signatures(stage: Stage) -> Told:
    """Both hold the same bytes under the same two signatures; the provider's key is resolved twice."""
    name = stage.fact("negotiate", "contract")
    seen: dict[str, ContractView] = {
        actor.key: await stage.nodes.client(actor).call("contract", name) for actor in (BUS, PLANNER)
    }
    theirs, ours = seen[BUS.key], seen[PLANNER.key]
    must(theirs.digest == ours.digest and len(ours.signatures) == 2, "the two sides hold different contracts", name)
    lines = [f"{one.role:<8} {one.identifier} certificate {one.thumbprint}" for one in ours.signatures]
    (provider,) = (one.thumbprint for one in ours.signatures if one.role == "provider")
    lines += [await _in_document(stage, provider), await _in_registry(stage, BUS, provider)]
    return Told(name, tuple(lines), {"provider_certificate": provider})


async def _in_document(stage: Stage, thumbprint: str) -> str:
    """The provider's DID document has the key of that certificate."""
    did = stage.fact("bus-certified", "did")
    async with stage.outside() as http:
        answer = await http.get(url_from_did(did))
    must(answer.is_success, f"the DID document was not given: {answer.status_code}", did)
    must(read_document(answer.content, did).key(thumbprint) is not None, "the DID document has another key", did)
    return f"resolved from {url_from_did(did)}: the key of that certificate"


async def _in_registry(stage: Stage, actor: Actor, thumbprint: str) -> str:
    """The functional node issued that certificate to the provider, and lists it."""
    identifier = stage.fact("bus-certified", "identifier")
    found: list[IdentityView] = await stage.operator.call("identities", limit="1000")
    listed = [one for seen in found if seen.identifier == identifier for one in seen.certificates]
    must(thumbprint in {one.thumbprint for one in listed}, "the registry does not list that certificate", identifier)
    return f"and in the functional node's list of participants: {actor.organisation} {identifier}"


async def check_logs(stage: Stage) -> Told:
    """Each side compares the other's log with what it last saw of it."""
    lines = []
    for actor in (BUS, PLANNER):
        seen: list[PeerLogView] = await stage.nodes.client(actor).call("check_logs")
        must(bool(seen), f"the {actor.label} has seen no log of the other side")
        for one in seen:
            must(one.consistent, f"the {actor.label} finds the log of {one.peer} inconsistent: {one.reason}")
            lines.append(f"{actor.label} sees {one.peer} at {one.size} entries, root {one.root}: consistent 一致")
    return Told("", tuple(lines))
