"""JSON that is deep, wide, doubled, endless, or not JSON to everybody: refused, soon, and in little memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from tests.services.spaces import count, space
from tests.threats.attacks import first_request, send, token_for
from tests.threats.forging import by_hand, call, controlled
from trustspace.adapters.storage.memory import MemoryStore
from trustspace.core.canon import MAX_BYTES, loads
from trustspace.core.contract import Negotiation
from trustspace.core.errors import InvalidInput
from trustspace.testing.registry import Registry

MIB = 1 << 20
NOT_JSON: dict[str, bytes] = {
    "nothing": b"", "space": b"  ", "a comma": b"[1,]", "two commas": b"[1,,2]", "a comma first": b"[,1]",
    "half": b'{"a":',
    "two values": b"{}{}", "a comment": b"{/**/}", "a line comment": b"{}//", "bare": b"{a:1}", "single": b"{'a':1}",
    "true": b"[True]", "nan": b"[NaN]", "minus nan": b"[-NaN]", "infinity": b"[Infinity]", "-infinity": b"[-Infinity]",
    "hex": b"[0x1]", "octal": b"[012]", "plus": b"[+1]", "point": b"[.5]", "no fraction": b"[1.]",
    "no exponent": b"[1e]",
    "two points": b"[1.2.3]", "minus": b"[-]", "a double minus": b"[--1]", "full width": "[１]".encode(),
    "tab in a text": b'["\t"]', "newline in a text": b'["\n"]', "NUL in a text": b'["\x00"]', "NUL after": b"{}\x00",
    "an escape": b'["\\x41"]', "half an escape": b'["\\u00"]', "a lone escape": b'["\\"]',
    "capital escape": b'["\\U0041"]',
    "open text": b'["a', "open array": b"[1", "open object": b'{"a":1', "closed twice": b"[]]", "crossed": b"[{]}",
    "a key of a number": b"{1:1}", "a key of nothing": b"{:1}", "no value": b'{"a"}', "two colons": b'{"a"::1}',
    "BOM": b"\xef\xbb\xbf{}", "UTF-16": '{"a":1}'.encode("utf-16"), "UTF-32": '{"a":1}'.encode("utf-32-be"),
    "latin": b'["\xe9"]', "overlong": b'["\xc0\xaf"]', "a surrogate in UTF-8": b'["\xed\xa0\x80"]',
    "too far": b'["\xf4\x90\x80\x80"]',
    "form feed": b"[\x0c1]", "no-break space": "[\u00a01]".encode(),
}  # fmt: skip
"""What some reader takes, and a strict one does not."""
AMBIGUOUS: dict[str, bytes] = {
    "a name twice": b'{"a":1,"a":2}',
    "a name twice, escaped": b'{"a":1,"\\u0061":2}',
    "a name twice, below": b'[{"x":{"a":1,"b":2,"a":1}}]',
    "an empty name twice": b'{"":1,"":1}',
    "a lone surrogate": b'["\\ud800"]',
    "a lone low surrogate": b'["\\udc00"]',
    "surrogates turned round": b'["\\udc00\\ud800"]',
    "a lone surrogate as a name": b'{"\\ud800":1}',
    "NUL": b'["a\\u0000b"]',
    "1e9999": b"[1e9999]",
    "-1e9999": b"[-1e9999]",
    "2^53": b"[9007199254740992]",
    "2^64": b"[18446744073709551616]",
    "4,000 digits": b"[" + b"9" * 4000 + b"]",
    "400 digits and a fraction": b"[" + b"9" * 400 + b".0]",
}
"""What is JSON, and one number or text here and another one there."""
BOMBS: dict[str, Callable[[], bytes]] = {
    "deep arrays": lambda: b"[" * 65 + b"]" * 65,
    "deep arrays, never closed": lambda: b"[" * (MIB - 1),
    "deep objects": lambda: b'{"a":' * 65 + b"1" + b"}" * 65,
    "deep objects, never closed": lambda: b'{"a":' * (MIB // 5),
    "deep after wide": lambda: b"[" + b"[]," * 999 + b"[" * 70 + b"]" * 71,
    "deep behind a text": lambda: b'["' + b"\\\\" * 500 + b'",' + b"[" * 70 + b"]" * 71,
    "wide array": lambda: b"[" + b"0," * (MIB // 2 - 2) + b"0]",
    "wide objects": lambda: b"[" + b'{"a":0},' * (MIB // 8 - 2) + b"0]",
    "empty arrays": lambda: b"[" + b"[]," * (MIB // 3 - 2) + b"0]",
    "empty texts": lambda: b"[" + b'"",' * (MIB // 3 - 2) + b"0]",
    "many names": lambda: b"{" + b",".join(b'"%d":0' % n for n in range(90_000)) + b"}",
    "numbers": lambda: b"[" + b"1e5," * (MIB // 4 - 2) + b"0]",
    "a long number": lambda: b"[" + b"1" * (MIB - 3) + b"]",
    "a long fraction": lambda: b"[0." + b"1" * (MIB - 12) + b"e9999999]",
    "over the limit": lambda: b'"' + b"a" * MIB + b'"',
    "quotes without end": lambda: b'["' + b'\\"' * (MIB // 2 - 4),
    "backslashes": lambda: b'["' + b"\\" * (MIB - 4),
}
HEAVY: dict[str, Callable[[], bytes]] = {
    "as deep as may be": lambda: b"[" * 64 + b"]" * 64,
    "as wide as may be": lambda: b"[" + b'{"abc":0},' * 21_000 + b"0]",
    "a long text": lambda: b'"' + b"a" * (MIB - 2) + b'"',
    "a text of escapes": lambda: b'"' + b"\\u00e9" * (MIB // 6 - 1) + b'"',
    "a text of brackets": lambda: b'["' + b"[{" * (MIB // 2 - 3) + b'"]',
}
"""The controls: large, and read."""


@pytest.mark.parametrize("name", [*NOT_JSON, *AMBIGUOUS])
def test_what_is_not_json_to_everybody_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        loads((NOT_JSON | AMBIGUOUS)[name])


def spent(data: bytes) -> tuple[str, float, int]:
    """How reading ended, in how many seconds at best of three, with how many bytes at its peak."""
    end, best = "", 60.0
    for _ in range(3):
        begun = time.process_time()
        end = outcome(data)
        best = min(best, time.process_time() - begun)
    tracemalloc.start()
    outcome(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return end, best, peak


def outcome(data: bytes) -> str:
    try:
        loads(data)
    except InvalidInput:
        return "refused"
    return "read"


@pytest.mark.parametrize("name", [*BOMBS, *HEAVY])
def test_nothing_takes_long_or_much(name: str) -> None:
    data = (BOMBS | HEAVY)[name]()
    assert len(data) <= MAX_BYTES or name == "over the limit"
    end, seconds, memory = spent(data)
    assert end == ("read" if name in HEAVY else "refused")
    assert seconds < 0.05, "of processor time"
    assert memory < 64 * MIB


@pytest.mark.anyio
async def test_no_listener_takes_them() -> None:
    async with space(approval="manual") as s:
        url, good, _ = await first_request(s)
        kinds = {**NOT_JSON, **AMBIGUOUS, **{name: make() for name, make in BOMBS.items()}}
        for name, body in kinds.items():
            answer = await send(s, url, body)
            assert answer.status in {400, 413}, name
            assert len(answer.body) < 1000, "what is refused is not sent back"
        hidden = good.replace(b'"callbackAddress"', b'"consumerPid":"urn:uuid:second","callbackAddress"')
        assert (await send(s, url, hidden)).status == 400, "a member of a message twice"
        assert await count(s.bus, Negotiation) == 0
        assert (await send(s, url, good)).status == 201, "the control"


@pytest.mark.anyio
async def test_no_token_is_made_of_them() -> None:
    async with space(approval="manual") as s:
        for entry in (await controlled(s))[1::4]:
            for name, text in {**NOT_JSON, **AMBIGUOUS}.items():
                assert (await call(s, entry, by_hand(s, entry, payload=text or b"x"))).status == 401, name
                assert (await call(s, entry, by_hand(s, entry, header=text or b"x"))).status == 401, name


@pytest.mark.anyio
async def test_no_data_plane_or_functional_node_takes_them() -> None:
    async with space() as s:
        transfer = await s.transfer(await s.contract())
        assert transfer.address is not None
        url, token = f"{transfer.address.endpoint}/uses", transfer.address.get("authorization")
        peer = s.world.network.peer()
        for name, body in {**NOT_JSON, **AMBIGUOUS}.items():
            answer = await peer.request("POST", url, body=body, headers={"authorization": token})
            assert answer.status == 400, name
        assert token_for(s, url, b"")
        assert (await s.ask(transfer, "control")).status == 201, "the control"
    registry = await Registry.open(MemoryStore(), seed="bombs")
    for name, body in {**NOT_JSON, **{name: make() for name, make in BOMBS.items()}}.items():
        status, _, _ = await registry.node.answer("RegisterEnterprise", {}, body)
        assert status in {400, 401, 403, 413}, name
