"""Contracts with a connector that speaks the plain protocol: what still works, how it is shown, when it is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.services.spaces import DATA, TERMS
from trustspace.core.canon import loads_object
from trustspace.core.catalogue import Visitor
from trustspace.core.errors import Refused
from trustspace.core.evidence.verify import verify_pack
from trustspace.core.policy import offer, use
from trustspace.node import views as v
from trustspace.protocols.dsp import terms
from trustspace.testing.foreign import Foreign, Spell, compact, expanded, prefixed
from trustspace.testing.world import Node, World

pytestmark = pytest.mark.anyio
SPELLINGS = [compact, prefixed, expanded]
FREE = offer(use(count=3))


@dataclass(slots=True)
class Space:
    """Ours, and a stranger: it has published `product`, and ours has published `own`."""

    world: World
    ours: Node
    far: Node
    product: v.ProductView
    own: v.ProductView

    async def stranger(self, spell: Spell = compact) -> Foreign:
        """The stranger's node becomes one that knows the plain protocol only."""
        return await Foreign.in_place_of(self.far, spell=spell)

    async def negotiate(self, **more: Any) -> v.NegotiationView:
        """Ours asks for the stranger's product, to the end."""
        begun = await self.ours.call("negotiate", request=v.NegotiateRequest(code=self.product.code, wait=2.0, **more))
        await self.world.quiet()
        done: v.NegotiationView = await self.ours.call("negotiation", begun.negotiation)
        return done

    async def asked(self, foreign: Foreign, *, agree: bool = True) -> v.NegotiationView:
        """The stranger asks for our product; how ours sees it in the end."""
        dataset = loads_object((await self.ours.engine.showcase.dataset(Visitor(""), self.own.product)).body)
        process = await foreign.request(self.ours, self.own.product, dataset["hasPolicy"][0])
        for _ in range(3):
            await self.world.pause(20.0)
            await self.world.quiet()
        view: v.NegotiationView = await self.ours.call("negotiation", process.provider)
        assert (view.state == "FINALIZED") is agree, view
        assert process.state == view.state, "both have the same story"
        return view


@asynccontextmanager
async def strange(*, own: v.Signatures = "", **settings: Any) -> AsyncIterator[Space]:
    async with World.open(storage=settings.pop("storage", "memory")) as world:
        ours = await world.connector("bus", **{"require_signatures": False, **settings})
        far = await world.connector("far")
        product = await world.publish(far, DATA, TERMS)
        mine = await world.publish(ours, DATA, FREE, title="our own", signatures=own)
        yield Space(world, ours, far, product, mine)
        await world.network.settle()
        assert world.network.crashes == []


def told(foreign: Foreign) -> str:
    """Why our side ended it, as the stranger reads it."""
    path, message = foreign.received[-1]
    assert path.rstrip("/").endswith("/termination"), foreign.received
    return str(message["reason"][0])


# --- it works, and says that nobody signed ----------------------------------------------------------------------------


@pytest.mark.parametrize("spell", SPELLINGS)
async def test_a_contract_with_a_foreign_provider_is_unsigned_wherever_it_is_shown(spell: Spell) -> None:
    async with strange() as s:
        await s.stranger(spell)
        shown = await s.ours.call("show", s.product.code)
        assert (shown.provider_signs, shown.acceptable) == (False, True)
        done = await s.negotiate()
        assert (done.state, done.signed) == ("FINALIZED", "unsigned")
        [listed] = await s.ours.call("contracts")
        one = await s.ours.call("contract", done.contract)
        assert (listed.signed, one.signed, one.signatures) == ("unsigned", "unsigned", [])
        status = await s.ours.call("status")
        assert (status.contracts, status.unsigned) == (1, 1)
        assert any("1 of 1 contracts are not signed by both" in warning for warning in status.warnings)
        log = (await s.ours.call("log_entries", subject=done.contract)).results
        assert {entry.kind: entry.unsigned for entry in log}["agreement-signed"]
        assert all(entry.unsigned for entry in log if entry.kind == "receipt")
        [found] = [one for one in (await s.ours.call("search")).results if one.code == s.product.code]
        assert found.owner_signs == ""


async def test_the_evidence_of_an_unsigned_contract_says_so() -> None:
    async with strange() as s:
        await s.stranger()
        done = await s.negotiate()
        pack = await s.ours.call("evidence", done.contract)
        facts = verify_pack(pack, s.ours.engine.roots, now=s.world.clock.now())
        assert (facts.signatures, facts.to_json()["signed"]) == (0, "unsigned")
        assert any("未签名" in line for line in facts.lines())


@pytest.mark.parametrize("spell", SPELLINGS)
async def test_a_foreign_consumer_gets_a_contract_and_the_data(spell: Spell) -> None:
    async with strange() as s:
        foreign = await s.stranger(spell)
        view = await s.asked(foreign)
        assert view.signed == "unsigned"
        opened = await foreign.transfer(s.ours, view.contract)
        await s.world.pause(20.0)
        await s.world.quiet()
        assert opened.state == "STARTED"
        answer = await foreign.fetch(opened)
        assert (answer.status, answer.body) == (200, DATA)
        [used] = (await s.ours.call("uses", contract=view.contract)).results
        assert (used.decision, used.signed) == ("permit", "unsigned")
        pack = await s.ours.call("evidence", view.contract)
        facts = verify_pack(pack, s.ours.engine.roots, now=s.world.clock.now())
        assert (facts.signatures, facts.signed) == (1, "unsigned"), "ours alone does not make it signed"


async def test_a_contract_that_both_signed_is_the_control() -> None:
    async with strange() as s:
        done = await s.negotiate()
        assert done.signed == "both"
        assert (await s.ours.call("status")).unsigned == 0
        assert (await s.ours.call("show", s.product.code)).provider_signs
        [found] = [one for one in (await s.ours.call("search")).results if one.code == s.product.code]
        assert found.owner_signs == "yes"
        facts = verify_pack(await s.ours.call("evidence", done.contract), s.ours.engine.roots, now=s.world.clock.now())
        assert facts.signed == "both"


# --- signatures are demanded ------------------------------------------------------------------------------------------


async def test_the_house_demands_signatures_and_a_foreign_provider_reads_why_not() -> None:
    async with strange(require_signatures=True) as s:
        foreign = await s.stranger()
        done = await s.negotiate()
        assert (done.state, done.contract) == ("TERMINATED", "")
        assert "signatures are required here" in done.reason
        assert told(foreign) == done.reason


async def test_the_house_demands_signatures_and_a_foreign_consumer_reads_why_not() -> None:
    async with strange(require_signatures=True) as s:
        foreign = await s.stranger()
        view = await s.asked(foreign, agree=False)
        assert view.reason == "signatures are required here, and the request does not say that its sender signs"
        assert told(foreign) == view.reason
        assert await s.ours.call("contracts") == []


async def test_one_negotiation_demands_what_the_house_does_not() -> None:
    async with strange() as s:
        foreign = await s.stranger()
        done = await s.negotiate(signatures="required", key="strict")
        assert "signatures are required here" in done.reason
        assert told(foreign) == done.reason
        assert (await s.negotiate(key="control")).signed == "unsigned"


async def test_one_negotiation_does_without_what_the_house_demands() -> None:
    async with strange(require_signatures=True) as s:
        await s.stranger()
        assert (await s.negotiate(signatures="optional")).signed == "unsigned"
        with pytest.raises(Refused, match="signatures are required here"):
            await s.ours.negotiate(s.product.code)


async def test_an_offer_demands_what_the_house_does_not_and_says_so() -> None:
    async with strange(own="required") as s:
        seen = await (await s.world.connector("planner")).call("show", s.own.code)
        assert (seen.signatures, s.own.signatures) == ("required", "required")
        foreign = await s.stranger()
        view = await s.asked(foreign, agree=False)
        assert told(foreign) == view.reason
        assert "signatures are required here" in view.reason


async def test_an_offer_does_without_what_the_house_demands() -> None:
    async with strange(own="optional", require_signatures=True) as s:
        assert (await s.asked(await s.stranger())).signed == "unsigned"


# --- a peer that stops signing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["", "optional"])
@pytest.mark.parametrize("storage", ["memory", "sqlite"])
async def test_a_provider_that_signed_once_is_refused_unsigned_also_after_a_restart(choice: str, storage: str) -> None:
    async with strange(storage=storage) as s:
        assert (await s.negotiate(key="signed")).signed == "both"
        foreign = await s.stranger()
        await s.ours.stop()
        await s.ours.start()
        s.world.clock.advance(seconds=2)
        done = await s.negotiate(key="again", signatures=choice)
        assert done.state == "TERMINATED"
        assert "a downgrade" in done.reason
        assert told(foreign) == done.reason


async def test_what_a_request_announces_is_remembered() -> None:
    async with strange() as s:
        foreign = await s.stranger()
        foreign.more = {terms.SIGNS: "CMS"}
        first = await s.asked(foreign, agree=False)
        assert "the verification is not signed though this peer signs: a downgrade" in first.reason
        foreign.more = {}
        second = await s.asked(foreign, agree=False)
        assert second.reason == "the request no longer says that its sender signs, and it used to: a downgrade"
        assert told(foreign) == second.reason


async def test_what_a_did_document_announces_is_remembered() -> None:
    async with strange() as s:
        assert (await s.ours.call("show", s.product.code)).provider_signs
        await s.stranger()
        await s.ours.stop()
        await s.ours.start()
        assert (await s.ours.call("show", s.product.code)).provider_signs
        assert "a downgrade" in (await s.negotiate()).reason
