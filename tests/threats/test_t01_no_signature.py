"""No signature, an empty one, `alg: none`, or one that does not fit: nobody comes in anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tests.services.spaces import space
from tests.threats.forging import by_hand, call, controlled
from trustspace.core.canon import encode64
from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.identity.did import from_jwk
from trustspace.core.identity.keys import from_der, verify
from trustspace.core.identity.tokens import open_jws

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "specs/vectors/wycheproof.json").read_text(encoding="utf-8")
)
ES256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.anyio
async def test_nothing_but_the_right_signature_comes_in() -> None:
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            head, payload, signature = by_hand(s, entry).split(".")
            none = by_hand(s, entry, head={"alg": "none"}).rpartition(".")[0]
            attacks = {
                "no signature": f"{head}.{payload}.",
                "no part for it": f"{head}.{payload}",
                "none, and no signature": f"{none}.",
                "none, and a signature": f"{none}.{signature}",
                "zeros": by_hand(s, entry, sign=lambda _: bytes(64)),
                "the order": by_hand(s, entry, sign=lambda _: ES256_ORDER.to_bytes(32, "big") * 2),
                "of something else": by_hand(s, entry, sign=lambda data: s.planner.engine.key.sign(data + b"x")),
                "somebody else's": by_hand(s, entry, sign=s.bus.engine.key.sign),
                "five parts": f"{head}.{payload}.{signature}.{signature}.{signature}",
                "two signatures": f"{head}.{payload}.{signature}.{signature}",
                "as JSON": json.dumps({"protected": head, "payload": payload, "signature": signature}),
                "nothing": "",
            }
            for name, token in attacks.items():
                assert (await call(s, entry, token)).status == 401, (name, entry.path)


@pytest.mark.anyio
async def test_a_name_of_none_in_any_letters_is_none() -> None:
    async with space(approval="manual") as s:
        for entry in await controlled(s):
            for name in ("None", "NONE", "nOnE", "", "es256", "ES256 ", "EdDSA", "RS256", "PS256", "ES384", "ES256K"):
                for sign in (None, lambda _: b"\0"):
                    token = by_hand(s, entry, head={"alg": name}, sign=sign)
                    assert (await call(s, entry, token)).status == 401, (name, entry.path)


def outcomes(group: str, check: Any) -> dict[str, list[int]]:
    """The numbers of the vectors of a group that came out otherwise than they should, by what they should."""
    wrong: dict[str, list[int]] = {"valid": [], "invalid": []}
    for each in VECTORS[group]:
        for number, message, signature, result in each["tests"]:
            try:
                check(bytes.fromhex(each["key"]), bytes.fromhex(message), bytes.fromhex(signature))
                held = "valid"
            except NotVerified:
                held = "invalid"
            if held != result:
                wrong[result].append(number)
    return wrong


GROUPS = {
    "ES256": (262, lambda key, message, signature: verify(key, "ES256", signature, message)),
    "EdDSA": (151, lambda key, message, signature: verify(key, "EdDSA", signature, message)),
    "ECDSA in DER": (484, lambda key, message, signature: verify(key, "ES256", from_der(signature), message)),
}


@pytest.mark.parametrize("group", GROUPS)
def test_the_public_vectors_come_out_as_they_should(group: str) -> None:
    number, check = GROUPS[group]
    assert sum(len(each["tests"]) for each in VECTORS[group]) == number
    assert outcomes(group, check) == {"valid": [], "invalid": []}


@pytest.mark.parametrize("group", ["ES256", "EdDSA"])
def test_a_signature_over_no_token_is_none_of_a_token(group: str) -> None:
    """The vectors' signatures under a header and payload that they were not made for."""
    text = f"{encode64(json.dumps({'alg': group}).encode())}.{encode64(b'{}')}"
    for each in VECTORS[group][:20]:
        for _, _, signature, _ in each["tests"]:
            with pytest.raises((InvalidInput, NotVerified)):
                open_jws(f"{text}.{encode64(bytes.fromhex(signature))}", public_der=bytes.fromhex(each["key"]))


@pytest.mark.parametrize("vector", VECTORS["JWS"]["tests"], ids=lambda one: one["name"])
def test_the_public_vectors_of_whole_tokens(vector: dict[str, str]) -> None:
    key = from_jwk(VECTORS["JWS"]["key"])
    assert key is not None
    if vector["result"] == "valid":
        assert open_jws(vector["jws"], public_der=key)[1] == b"foo"
        return
    with pytest.raises((InvalidInput, NotVerified)):
        open_jws(vector["jws"], public_der=key)


def test_keys_of_the_vectors_are_read_in_their_one_spelling() -> None:
    for group in GROUPS:
        for each in VECTORS[group]:
            key = load_der_public_key(bytes.fromhex(each["key"]))
            assert key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex() == each["key"]
