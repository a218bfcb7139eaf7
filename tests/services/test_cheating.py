from __future__ import annotations

import pytest

from tests.services.spaces import Space, count, space
from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core.canon import JsonObject, encode64
from trustspace.core.contract import Contract, State
from trustspace.node.seal import Seal
from trustspace.protocols.dsp import terms
from trustspace.testing.cheats import (
    Alteration,
    Change,
    Cheat,
    added,
    changed,
    countersigned,
    dropped,
    exact,
    forged,
    in_bytes,
    in_json,
    in_message,
    in_offer,
    leaves,
    resigned,
    signed_by,
    unsigned,
)

pytestmark = pytest.mark.anyio


def same(message: JsonObject, _: Seal) -> JsonObject:
    return message


def seen(into: list[JsonObject]) -> Alteration:
    """Sends what is honest, and keeps it."""

    def look(message: JsonObject, _: Seal) -> JsonObject:
        into.append(message)
        return message

    return look


async def ends(s: Space, key: str) -> str:
    """Negotiate; it ends at both sides with the same reason, and nothing is left of it."""
    mine, theirs = await s.both(await s.negotiation(key))
    assert mine.state is theirs.state is State.TERMINATED, key
    assert mine.reasons == theirs.reasons, key
    assert mine.pending is None
    assert theirs.pending is None
    assert not mine.todo
    assert not theirs.todo
    assert len(mine.reasons) == 1
    assert mine.reasons[0]
    return mine.reasons[0]


async def honest(s: Space, cheat: Cheat, verb: str) -> JsonObject:
    """The message as it goes when nobody cheats: the positive control, and what the alterations are made of."""
    messages: list[JsonObject] = []
    cheat.alter(verb, seen(messages))
    mine, theirs = await s.both(await s.negotiation("honest"))
    assert mine.state is theirs.state is State.FINALIZED
    assert await count(s.planner, Contract) == await count(s.bus, Contract) == 1
    return messages[0]


async def no_contract_more(s: Space) -> None:
    assert await count(s.planner, Contract) == await count(s.bus, Contract) == 1, "only the honest one"


PLACES = {"both": resigned, "what is shown": in_json, "what is signed": in_bytes}


@pytest.mark.parametrize("place", PLACES)
async def test_a_provider_who_alters_a_leaf_of_the_agreement_gets_no_contract(place: str) -> None:
    async with space() as s:
        agreement = (await honest(s, s.tricks, "agree"))["agreement"]
        for path in leaves(agreement):
            s.tricks.alter("agree", PLACES[place](changed(*path)))
            reason = await ends(s, f"change {path}")
            if place == "both" and path != ("@id",):  # an id is the provider's to give: there its own books differ
                assert str(path[-1]) in reason
        await no_contract_more(s)


async def test_a_provider_who_leaves_out_a_leaf_of_the_agreement_gets_no_contract() -> None:
    async with space() as s:
        agreement = (await honest(s, s.tricks, "agree"))["agreement"]
        for path in leaves(agreement):
            s.tricks.alter("agree", resigned(dropped(*path)))
            assert str(path[-1]) in await ends(s, f"drop {path}")
        await no_contract_more(s)


@pytest.mark.parametrize("place", [(), ("permission", 0), ("permission", 0, "constraint", 0), ("obligation", 0)])
async def test_a_provider_who_adds_a_member_to_the_agreement_gets_no_contract(place: tuple[str | int, ...]) -> None:
    async with space() as s:
        for name in ("conflict", "inheritFrom", "urn:trustspace:v1:more", "anything"):
            s.tricks.alter("agree", resigned(added(*place, name)))
            assert name in await ends(s, f"add {name}")


async def test_a_provider_who_adds_a_permission_gets_no_contract() -> None:
    async with space() as s:
        rule: list[JsonObject] = [{"action": "use"}]
        s.tricks.alter("agree", resigned(changed("permission", to=rule)))
        assert "permission[0]" in await ends(s, "wider")
        s.tricks.alter("agree", resigned(added("prohibition", value=rule)))
        assert "prohibition" in await ends(s, "narrower")


async def test_a_provider_who_alters_what_stands_around_the_agreement_gets_no_contract() -> None:
    async with space() as s:
        message = await honest(s, s.tricks, "agree")
        for path in (path for path in leaves(message) if path[0] not in {"agreement", "@context"}):
            s.tricks.alter("agree", in_message(changed(*path)))
            await ends(s, f"around {path}")
        await no_contract_more(s)


def without_signature(message: JsonObject, _: Seal) -> JsonObject:
    return {name: value for name, value in message.items() if name != terms.PROVIDER_SIGNATURE}


@pytest.mark.parametrize("less", [unsigned, without_signature])
async def test_a_provider_who_stops_signing_is_a_downgrade(less: Alteration) -> None:
    async with space() as s:
        s.tricks.alter("agree", less)
        assert "a downgrade" in await ends(s, "unsigned")


async def test_an_agreement_under_somebody_elses_signature_is_refused() -> None:
    async with space() as s:
        stranger = await s.world.connector("stranger")
        s.tricks.alter("agree", signed_by(stranger.engine.seal))
        assert "not by" in await ends(s, "a registered stranger")
        s.tricks.alter("agree", signed_by(s.planner.engine.seal))
        assert "not by" in await ends(s, "the consumer itself")


async def test_an_agreement_signed_with_a_key_that_is_not_in_the_certificate_is_refused() -> None:
    def alter(message: JsonObject, seal: Seal) -> JsonObject:
        text, _ = exact(message)
        signature = forged(MemoryKey("thief"), seal.certificate, text, seal)
        return {**message, terms.PROVIDER_SIGNATURE: encode64(signature)}

    async with space() as s:
        s.tricks.alter("agree", alter)
        assert "signature" in await ends(s, "forged")


async def test_an_agreement_of_another_pair_is_refused() -> None:
    async with space() as s:
        other = await s.world.connector("other")
        found: list[JsonObject] = []
        s.tricks.alter("agree", seen(found))
        _, offered, provider = await other.operations.offer(s.product.code)
        await other.engine.negotiations.request(offered, provider.participant, s.bus.engine.base)
        await s.world.quiet()
        members = ("agreement", terms.AGREEMENT, terms.PROVIDER_SIGNATURE)
        theirs = {name: found[0][name] for name in members}
        s.tricks.alter("agree", lambda message, _: {**message, **theirs})
        assert "agreement.assignee" in await ends(s, "another pair")


async def test_an_earlier_agreement_of_the_same_pair_is_refused() -> None:
    async with space() as s:
        first = await honest(s, s.tricks, "agree")
        s.world.clock.advance(days=1)
        members = ("agreement", terms.AGREEMENT, terms.PROVIDER_SIGNATURE)
        s.tricks.alter("agree", lambda message, _: {**message, **{name: first[name] for name in members}})
        assert "timestamp" in await ends(s, "again")
        await no_contract_more(s)


async def test_a_consumer_who_alters_a_leaf_of_the_offer_gets_no_contract() -> None:
    async with space() as s:
        offer = (await honest(s, s.ruses, "request"))["offer"]
        for change in (changed, dropped):
            for path in leaves(offer):
                s.ruses.alter("request", in_offer(change(*path)))
                await refused_request(s, f"{change.__name__} {path}")
        await no_contract_more(s)


async def refused_request(s: Space, key: str) -> None:
    """A request that is none begins nothing at the provider; any other ends at both sides with the same reason."""
    pid = await s.negotiation(key)
    await s.world.quiet()
    mine = await s.planner.engine.negotiations.get(pid)
    if mine.peer_pid:
        await ends(s, key)
        return
    assert mine.state is State.TERMINATED, key
    assert mine.reasons[0].startswith("invalid-input"), key


@pytest.mark.parametrize("callback", ["https://evil.example/dsp", "https://169.254.169.254/dsp", "http://bus.example"])
async def test_a_consumer_who_wants_the_answers_elsewhere_is_refused(callback: str) -> None:
    async with space() as s:
        s.ruses.alter("request", in_message(changed("callbackAddress", to=callback)))
        mine = await s.planner.engine.negotiations.get(await s.negotiation())
        assert mine.state is State.TERMINATED
        assert "callbackAddress" in mine.reasons[0]


VERIFICATIONS: dict[str, tuple[Alteration, str]] = {
    "unsigned": (unsigned, "a downgrade"),
    "another agreement": (countersigned(b"{}", b"x"), "the signature is over other data"),
    "nonsense": (in_message(changed(terms.CONSUMER_SIGNATURE, to="AAAA")), "the verification does not hold"),
    "not base64url": (in_message(changed(terms.CONSUMER_SIGNATURE, to="!")), terms.CONSUMER_SIGNATURE),
}


@pytest.mark.parametrize("name", VERIFICATIONS)
async def test_a_consumer_who_signs_otherwise_gets_no_contract(name: str) -> None:
    alteration, reason = VERIFICATIONS[name]
    async with space() as s:
        s.ruses.alter("verify", alteration)
        assert reason in await ends(s, name)
        assert await count(s.planner, Contract) == await count(s.bus, Contract) == 0


async def test_a_verification_signed_by_the_provider_itself_is_refused() -> None:
    async with space() as s:

        def alter(message: JsonObject, _: Seal) -> JsonObject:
            return countersigned(b"{}", b"x")(message, s.bus.engine.seal)

        s.ruses.alter("verify", alter)
        assert "verification does not hold" in await ends(s, "the other's")


FINALISATIONS: dict[str, Change] = {
    "dropped": dropped(terms.SIGNATURES),
    "others": changed(terms.SIGNATURES, to="0" * 64),
}


@pytest.mark.parametrize("name", FINALISATIONS)
async def test_a_finalisation_that_does_not_name_both_signatures_is_refused(name: str) -> None:
    async with space() as s:
        s.tricks.alter("finalize", in_message(FINALISATIONS[name]))
        assert "does not name the signatures" in await ends(s, name)
        assert await count(s.planner, Contract) == 0


async def test_a_cheat_without_a_seal_is_told() -> None:
    async with space() as s:
        s.tricks.seal = None
        s.tricks.alter("agree", same)
        await s.planner.engine.negotiations.get(await s.negotiation(wait=0.1))
        assert "seal" in await s.bus.busy()
        s.tricks.seal = s.bus.engine.seal
        await s.world.quiet()
