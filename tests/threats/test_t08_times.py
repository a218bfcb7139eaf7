"""Times are whole seconds of this age and nothing else, wherever a token, statement, list or answer tells one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.services.spaces import count, space
from tests.threats.forging import by_hand, call, controlled
from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core.canon import canonical, loads_object
from trustspace.core.contract import State
from trustspace.core.errors import InvalidInput, MisusedError, NotVerified, Refused
from trustspace.core.evidence.receipts import batch, read_receipt
from trustspace.core.identity import tokens
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.participants import encode, verify_list
from trustspace.core.identity.tokens import MAX_SKEW, TokenKind
from trustspace.core.usage import Use
from trustspace.node.doing.uses import granted
from trustspace.testing.cheats import changed, resigned

pytestmark = pytest.mark.anyio
SECONDS: Final = 1_795_478_400
RAW: Final = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1E309", "01795478400", "+1795478400", "1_795_478_400", "0x6b0",
    "1795478400.", ".5", "--1", "1,795", "undefined",
)  # fmt: skip
"""Numbers for some readers; JSON for none, or too large for a double."""
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, "", "0", "1795478400", "soon", "NaN", "1e9", "\u0661\u0667", [], [SECONDS], {}, {"iat": SECONDS},
    -1, -SECONDS, SECONDS * 1000, 253_402_300_800, (1 << 53) - 1, 1 << 53, (1 << 63) - 1, 1 << 63, -(1 << 63), 1 << 64,
    10**30, SECONDS + 0.5, SECONDS + 0.0, 1e300, 5e-324, -0.0,
)  # fmt: skip
"""JSON, and no time in whole seconds."""


async def test_every_entry_reads_the_same_times() -> None:
    assert len(RAW) + len(VALUES) >= 40
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            for name in ("iat", "exp", "nbf"):
                for value in VALUES:
                    token = by_hand(s, entry, change={name: value})
                    assert (await call(s, entry, token)).status == 401, (name, value, entry.path)
                whole = json.dumps(_claims(s.planner.did, s.bus.did, name))
                for raw in RAW:
                    token = by_hand(s, entry, payload=whole.replace("4711", raw).encode())
                    assert (await call(s, entry, token)).status == 401, (name, raw, entry.path)
            for name in ("iat", "exp"):
                token = by_hand(s, entry, payload=_without(s.planner.did, s.bus.did, name))
                assert (await call(s, entry, token)).status == 401, (name, entry.path)


def _claims(issuer: str, audience: str, name: str) -> dict[str, Any]:
    right = {"iss": issuer, "sub": issuer, "aud": audience, "iat": SECONDS, "exp": SECONDS + 60, "jti": "1"}
    return right | {"digest": "0" * 64, name: 4711}


def _without(issuer: str, audience: str, name: str) -> bytes:
    claims = _claims(issuer, audience, name)
    del claims[name]
    return canonical(claims)


@pytest.mark.parametrize(("begins", "lives", "good"), [
    (0, 60, True), (60, 60, True), (-119, 60, True), (0, 1, True),
    (61, 60, False), (-120, 60, False), (0, 61, False), (0, 3600, False), (0, 0, False), (0, -1, False),
    (-3600, 3660, False), (3600, 60, False),
])  # fmt: skip
async def test_a_token_lives_a_minute_and_no_longer(begins: int, lives: int, good: bool) -> None:
    async with space(approval="manual") as s:
        now = int(s.world.clock.now().timestamp())
        for entry in await controlled(s):
            change = {"iat": now + begins, "exp": now + begins + lives}
            status = (await call(s, entry, by_hand(s, entry, change=change))).status
            assert status == (entry.good if good else 401), entry.path


@pytest.mark.parametrize("skew", [61, 3600, -1])
async def test_no_setting_allows_clocks_to_be_further_apart(skew: int) -> None:
    async with space(approval="manual") as s:
        entry = (await controlled(s))[0]
        token, key = by_hand(s, entry), s.planner.engine.key.public_der
        right: dict[str, Any] = {"public_der": key, "typ": TokenKind.REQUEST, "issuer": s.planner.did}
        right |= {"audience": s.bus.did}
        right |= {"now": s.world.clock.now(), "digest": tokens.claimed(token).digest}
        assert tokens.verify(token, skew=MAX_SKEW, **right).jti, "the control"
        with pytest.raises(MisusedError):
            tokens.verify(token, skew=skew, **right)


TEXTS: Final[tuple[Any, ...]] = (
    "", "soon", "NaN", "1795478400", "2026-11-24", "2026-11-24T08:00:00", "2026-11-24 08:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-11-24T24:00:01Z", "2026-02-30T00:00:00Z", "9999-12-31T23:59:60Z", "10000-01-01T00:00:00Z", "\u0662\u0660",
    "2026-11-24T08:00:00+25:00", "P1D", "2026-11-24T08:00:00Z\u0000", None, True, 1_795_478_400, 1e9, [], {},
)  # fmt: skip


@pytest.mark.parametrize("member", ["issued", "expires"])
async def test_the_list_of_participants_tells_true_times(member: str) -> None:
    async with space() as s:
        registry, now = s.world.functional.registry, s.world.clock.now()
        issued, roots = (await registry.node.participants.current()).list, [registry.authority.root]
        key, certificate = MemoryKey("world signing"), s.world.functional.folder.read_certificate("signing") or b""

        def signed(members: dict[str, Any]) -> bytes:
            name = tokens.TokenKind.PARTICIPANTS
            return tokens.sign_statement(key, thumbprint(certificate), name, canonical(members), [certificate]).encode()

        right = loads_object(encode(issued))
        assert verify_list(signed(right), roots, now=now).version == issued.version, "the control"
        far = now + timedelta(hours=5)
        for value in (*TEXTS, "2026-11-24T08:00:00+08:00", far.strftime("%Y-%m-%dT%H:%M:%S.5Z")):
            with pytest.raises((InvalidInput, NotVerified)):
                verify_list(signed({**right, member: value}), roots, now=now)


async def test_receipts_and_denials_tell_true_times() -> None:
    async with space() as s:
        seal, peer = s.bus.engine.seal, await s.planner.engine.directory.known(s.bus.did)
        contract = await s.contract()
        said = {"received": "0" * 64, "answered": "1" * 64, "status": 200, "state": "X", "sender": "a", "receiver": "b"}
        said |= {"process": "p", "time": "2026-11-24T08:00:00.000000Z"}
        told = {
            "kind": "denied",
            "agreement": contract.key,
            "use": "u",
            "decision": "deny",
            "reason": "no",
            "report": {},
        }

        async def denied(time: Any) -> Use:
            statement = seal.statement("denial", canonical({**told, "time": time}))
            return await s.planner.engine.books.refused(statement, peer)

        for time in TEXTS:
            if not isinstance(time, str) or "Z" not in time:
                [receipt] = batch([canonical({**said, "time": time})], seal.key, seal.thumbprint)
                with pytest.raises(InvalidInput):
                    read_receipt(receipt, public_der=seal.key.public_der)
            if time != "2026-11-24 08:00:00Z":  # a space for the T: RFC 3339 lets it be
                with pytest.raises(InvalidInput):
                    await denied(time)
        assert await count(s.planner, Use) == 0
        assert (await denied("2026-11-24T08:00:00Z")).reason == "no", "the control"
        assert read_receipt(batch([canonical(said)], seal.key, seal.thumbprint)[0], public_der=seal.key.public_der)


@pytest.mark.parametrize("time", [one for one in TEXTS if isinstance(one, str) and "\0" not in one])
async def test_an_agreement_of_no_time_is_not_signed(time: str) -> None:
    async with space() as s:
        assert (await s.both(await s.negotiation("control")))[0].state is State.FINALIZED, "the control"
        s.tricks.alter("agree", resigned(changed("timestamp", to=time)))
        mine, theirs = await s.both(await s.negotiation("attack"))
        assert mine.state is State.TERMINATED
        assert theirs.state is State.TERMINATED


@pytest.mark.parametrize("member", ["at", "expires", "number", "size"])
async def test_a_granted_use_without_its_time_or_number_is_none(member: str) -> None:
    async with space() as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        told = loads_object((await s.ask(transfer, "monday")).body)
        asked = {"use": "monday", "purpose": "trip-planning"}
        assert granted(contract, transfer, asked, told).number == 1, "the control"
        for value in TEXTS if member in {"at", "expires"} else VALUES[:16]:
            if value in (1_795_478_400, "1795478400", 0) and member in {"number", "size"}:
                continue
            if value not in ("2026-11-24 08:00:00Z", "2026-11-24T08:00:00Z\0"):  # the reader of JSON refuses NUL
                with pytest.raises(Refused):
                    granted(contract, transfer, asked, {**told, member: value})
        with pytest.raises(Refused):
            granted(contract, transfer, asked, {name: one for name, one in told.items() if name != member})
