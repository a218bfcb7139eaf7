from __future__ import annotations

from dataclasses import replace

import pytest

from tests.services.spaces import TERMS, Space, bearer, space
from trustspace.core.contract import State
from trustspace.core.errors import InvalidInput, NotVerified, Unauthenticated, Unavailable
from trustspace.core.identity.keys import thumbprint
from trustspace.node.seal import Seal
from trustspace.ports import Answer
from trustspace.services.directory import GRACE, newest_seen, saw_list
from trustspace.services.exchange import Caller
from trustspace.testing.network import LOST, Fault
from trustspace.testing.world import NODE

pytestmark = pytest.mark.anyio


def cut_off(_: int, __: str, url: str) -> Fault | None:
    """The functional node cannot be reached."""
    return LOST if url.startswith(NODE) else None


def hints_lost(_: int, __: str, url: str) -> Fault | None:
    """Nobody hears of a change until they ask."""
    return LOST if url.endswith("/registry/changed") else None


async def send(s: Space, url: str, seal: Seal | None = None) -> Answer:
    """A GET to the bus company by hand, with a token of the planner or of whoever's seal that is."""
    target = url.removeprefix(s.bus.settings.public_url)
    token = (seal or s.planner.engine.seal).token(s.bus.did, "GET", target, b"")
    return await s.world.network.peer().request("GET", url, headers=bearer(token))


async def test_a_list_over_a_minute_old_is_fetched_again() -> None:
    async with space() as s:
        directory = s.planner.engine.directory
        await directory.known(s.bus.did)
        s.world.clock.advance(seconds=61)
        assert directory.age().total_seconds() > 60
        await directory.known(s.bus.did)
        assert directory.age().total_seconds() <= 60


async def test_without_the_functional_node_new_relations_wait_and_running_ones_go_on_for_a_while() -> None:
    async with space() as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        directory = s.planner.engine.directory
        s.world.network.faults = cut_off
        s.world.clock.advance(seconds=59)
        await directory.known(s.bus.did)
        s.world.clock.advance(seconds=2)
        with pytest.raises(Unavailable, match="new relations wait"):
            await directory.known(s.bus.did)
        assert (await directory.known(s.bus.did, fresh=False)).participant == s.bus.did
        assert (await s.ask(transfer, "in the grace")).status == 201
        s.world.clock.advance(seconds=GRACE.total_seconds())
        with pytest.raises(Unavailable):
            await directory.known(s.bus.did, fresh=False)
        assert (await s.ask(transfer, "after the grace")).status == 503
        s.world.network.faults = None
        await directory.known(s.bus.did)
        await s.world.quiet()


async def test_before_the_first_list_nobody_is_known() -> None:
    async with space() as s:
        s.world.network.faults = cut_off
        await s.planner.stop()
        await s.planner.start()
        with pytest.raises(Unavailable, match="unknown how old"):
            await s.planner.engine.directory.known(s.bus.did)


async def test_an_older_list_is_refused_after_a_restart_too() -> None:
    async with space() as s:
        engine = s.planner.engine
        await engine.directory.refresh()
        newest = await engine.store.read(newest_seen)
        assert newest == engine.directory.version > 0
        await engine.store.run(lambda tx: saw_list(tx, newest + 5))  # a newer one was seen, before it was rolled back
        await engine.store.run(lambda tx: saw_list(tx, newest))
        assert await engine.store.read(newest_seen) == newest + 5
        with pytest.raises(NotVerified):
            await engine.directory.refresh()
        await s.planner.stop()
        await s.planner.start()
        with pytest.raises(Unavailable, match="older than"):
            await s.planner.engine.directory.known(s.bus.did)


async def test_who_is_revoked_is_refused_with_the_next_message() -> None:
    async with space(TERMS, approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        url = f"{s.bus.engine.base}/negotiations/{theirs.key}"
        assert (await send(s, url)).status == 200
        await s.world.revoke(s.planner)
        s.world.clock.advance(seconds=61)
        answer = await send(s, url)
        assert answer.status == 401
        assert "REVOKED" in answer.body.decode()
        with pytest.raises(Unauthenticated, match="REVOKED"):
            await s.bus.engine.directory.known(s.planner.did)


async def test_who_missed_the_hint_knows_within_a_minute() -> None:
    async with space() as s:
        await s.bus.engine.directory.known(s.planner.did)
        s.world.network.faults = hints_lost
        await s.world.revoke(s.planner)
        await s.bus.engine.directory.known(s.planner.did)
        s.world.clock.advance(seconds=61)
        with pytest.raises(Unauthenticated):
            await s.bus.engine.directory.known(s.planner.did)


async def test_a_renewed_certificate_is_known_at_once() -> None:
    async with space() as s:
        before = await s.bus.engine.directory.known(s.planner.did)
        s.world.clock.advance(days=100)
        await s.planner.call("renew")
        mine, theirs = await s.both(await s.negotiation("after"))
        assert mine.state is theirs.state is State.FINALIZED
        after = await s.bus.engine.directory.known(s.planner.did)
        assert s.planner.engine.seal.thumbprint in after.keys.keys() - before.keys.keys()


async def test_a_certificate_of_somebody_else_signs_nothing_for_us() -> None:
    async with space() as s:
        _, theirs = await s.both(await s.negotiation())
        stranger = (await s.world.connector("stranger")).engine.seal
        url = f"{s.bus.engine.base}/negotiations/{theirs.key}"
        assert (await send(s, url)).status == 200
        answer = await send(s, url, replace(stranger, me=s.planner.did))
        assert answer.status == 401
        assert "does not sign with this certificate" in answer.body.decode()


async def test_an_unknown_participant_and_oneself_are_refused() -> None:
    async with space() as s:
        directory = s.planner.engine.directory
        with pytest.raises(Unauthenticated):
            await directory.known("did:web:nobody.example")
        with pytest.raises(Unauthenticated, match="ourselves"):
            await directory.known(s.planner.did)
        applicant = await s.world.applicant("applicant")
        with pytest.raises(Unauthenticated):
            await directory.known(applicant.did)


async def test_a_participant_is_found_by_its_identifier() -> None:
    async with space() as s:
        found = await s.planner.engine.directory.known(s.bus.engine.identifier)
        assert found.participant == s.bus.did
        assert found.aliases == (s.bus.engine.identifier, s.bus.settings.credit_code)
        assert found.endpoint == s.bus.settings.public_url
        assert found.signs


CALLBACKS = {
    "https://bus.example/dsp": True,
    "https://bus.example:443/elsewhere": True,
    "http://bus.example/dsp": False,
    "https://bus.example:8443/dsp": False,
    "https://user@bus.example/dsp": False,
    "https://bus.example.evil/dsp": False,
    "https://bus.example:x/dsp": False,
    "http://169.254.169.254/latest": False,
    "": False,
}


@pytest.mark.parametrize("callback", CALLBACKS)
async def test_a_callback_lies_at_the_senders_own_origin(callback: str) -> None:
    async with space() as s:
        caller = await s.planner.engine.directory.known(s.bus.did)
        check = s.planner.engine.directory.check_callback
        if CALLBACKS[callback]:
            await check(caller, callback)
        else:
            with pytest.raises(InvalidInput):
                await check(caller, callback)
        with pytest.raises(InvalidInput):
            await check(Caller("did:web:x"), callback)


async def test_a_certificate_in_a_document_that_is_not_its_owners_is_no_key() -> None:
    async with space() as s:
        stranger = await s.world.connector("stranger")
        own = s.bus.engine.seal.certificate
        caller = await s.planner.engine.directory.known(s.bus.did)
        assert list(caller.keys) == [thumbprint(own)]
        s.bus.engine.seal.certificate = stranger.engine.seal.certificate
        fresh = await s.world.connector("fresh")
        assert (await fresh.engine.directory.known(s.bus.did)).keys == {}
        s.bus.engine.seal.certificate = own
