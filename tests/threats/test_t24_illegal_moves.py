"""What may not come now is answered 400 with the typed error and the state as it is, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from tests.services.spaces import log_kinds, said, space
from tests.threats.attacks import send
from trustspace.core.contract import ContractEvent, ContractTermination, ContractVerification, Event, Role, State, Verb
from trustspace.core.contract.negotiation import MACHINE
from trustspace.core.transfer import TransferCompletion, TransferTermination
from trustspace.protocols import dsp

pytestmark = pytest.mark.anyio


async def test_nothing_moves_a_negotiation_that_has_ended() -> None:
    async with space() as s:
        mine, theirs = await s.both(await s.negotiation())
        url, pids = f"{s.bus.engine.base}/negotiations/{theirs.key}", (mine.key, theirs.key)
        leaves = len(await log_kinds(s.bus, theirs.key))
        for path, message in (
            ("agreement/verification", ContractVerification(*pids)),
            ("events", ContractEvent(*pids, Event.ACCEPTED)),
            ("termination", ContractTermination(*pids)),
        ):
            answer = await send(s, f"{url}/{path}", dsp.encode(message))
            assert answer.status == 400, path
            assert said(answer)["@type"] == "ContractNegotiationError"
            assert (said(answer)["consumerPid"], said(answer)["providerPid"]) == pids
            assert State.FINALIZED in said(answer)["reason"][0], "the state as it is"
        assert await s.bus.engine.negotiations.get(theirs.key) == theirs
        assert len(await log_kinds(s.bus, theirs.key)) == leaves


async def test_what_comes_too_early_moves_nothing_and_may_come_later() -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        mine, theirs = await s.both(pid)
        url = f"{s.bus.engine.base}/negotiations/{theirs.key}"
        early = await send(s, f"{url}/agreement/verification", dsp.encode(ContractVerification(mine.key, theirs.key)))
        assert early.status == 400
        assert await s.bus.engine.negotiations.get(theirs.key) == theirs
        await s.bus.call("approve", theirs.key)
        mine, theirs = await s.both(pid)
        assert mine.state is theirs.state is State.FINALIZED, "the control"


async def test_nothing_moves_a_transfer_that_has_ended() -> None:
    async with space() as s:
        mine = await s.transfer(await s.contract())
        await s.planner.engine.transfers.complete(mine.key)
        await s.world.quiet()
        pids, url = (mine.key, mine.peer_pid), f"{s.bus.engine.base}/transfers/{mine.peer_pid}"
        ended = await s.bus.engine.transfers.get(mine.peer_pid)
        for path, message in (("termination", TransferTermination(*pids, "late")),):
            answer = await send(s, f"{url}/{path}", dsp.encode(message))
            assert answer.status == 400
            assert said(answer)["@type"] == "TransferError"
        again = await send(s, f"{url}/completion", dsp.encode(TransferCompletion(*pids)))
        assert again.status == 200, "the control: those very bytes were taken before"
        assert await s.bus.engine.transfers.get(mine.peer_pid) == ended


MOVES: Final[dict[str, Callable[[str, str], object]]] = {
    "agreement/verification": ContractVerification,
    "events": lambda consumer, provider: ContractEvent(consumer, provider, Event.ACCEPTED),
    "termination": ContractTermination,
}
VERBS: Final = {Verb.VERIFY: "agreement/verification", Verb.ACCEPT: "events", Verb.TERMINATE: "termination"}
ALLOWED: Final = {
    (state, VERBS[verb]) for (state, role, verb) in MACHINE.moves if role is Role.CONSUMER and verb in VERBS
}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("path", MOVES)
async def test_each_message_in_each_state_is_taken_exactly_where_the_table_says_so(state: State, path: str) -> None:
    async with space(approval="manual") as s:
        pid = await s.negotiation(wait=0.0)
        _, theirs = await s.both(pid)
        placed = replace(theirs, state=state, todo="")
        before = await s.bus.store.run(lambda tx: tx.save(placed, expect=theirs.version))
        body = dsp.encode(MOVES[path](pid, theirs.key))
        answer = await send(s, f"{s.bus.engine.base}/negotiations/{theirs.key}/{path}", body)
        assert answer.status == (200 if (state, path) in ALLOWED else 400), said(answer)
        if answer.status == 400:
            assert state in said(answer)["reason"][0]
            assert await s.bus.engine.negotiations.get(theirs.key) == before
