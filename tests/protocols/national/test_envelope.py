"""The envelope: what is signed, what is refused, and that a refusal keeps its kind on the other side."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core import errors
from trustspace.core.errors import InvalidInput, NotVerified, TooLarge, TrustspaceError, Unauthenticated
from trustspace.protocols.national import codes
from trustspace.protocols.national.envelope import (
    Headers,
    Request,
    answer_body,
    answer_certificate,
    read_answer,
    read_request,
    refusal_body,
    seal,
    seal_answer,
)
from trustspace.protocols.national.profile import DRAFT, Profile

NOW = datetime(2026, 11, 24, 8, 0, 0, 123_456, tzinfo=UTC)
KEY = MemoryKey("caller")
NODE = MemoryKey("node")
BODY = '{"keywords":"公交 时刻表"}'.encode()
VECTORS = json.loads((Path(__file__).parents[3] / "specs/vectors/national.json").read_bytes())


def sealed(**more: str) -> Headers:
    headers = seal("SearchCatalogue", BODY, signer=KEY, sequence="0001", now=NOW, caller="5" * 32)
    return {**headers, **more}


def read(headers: Headers, body: bytes = BODY, *, now: datetime = NOW) -> Request:
    return read_request("SearchCatalogue", headers, body, now=now)


def test_a_call_says_who_and_what_and_holds() -> None:
    request = read(sealed())
    request.check(MemoryKey("other").public_der, KEY.public_der)
    assert (request.caller, request.data, request.sequence) == ("5" * 32, {"keywords": "公交 时刻表"}, "0001")
    assert request.sent == NOW.replace(microsecond=123_000)


def test_an_applicant_is_its_key() -> None:
    headers = seal("RegisterEnterprise", b"{}", signer=KEY, sequence="1", now=NOW)
    request = read_request("RegisterEnterprise", headers, b"{}", now=NOW)
    request.check(request.applicant)
    assert (request.applicant, request.caller) == (KEY.public_der, "")


def test_the_signed_bytes_and_the_signature_are_those_of_the_vectors() -> None:
    for vector in VECTORS["requests"]:
        body = vector["body"].encode()
        now = datetime.fromtimestamp(int(vector["headers"]["timestamp"]) / 1000, UTC)
        request = read_request(vector["headers"]["msgcode"], vector["headers"], body, now=now)
        request.check(bytes.fromhex(vector["public_der"]))
        assert request.signed.decode() == vector["signed"]


def test_header_names_are_taken_in_any_case() -> None:
    assert read({name.upper(): value for name, value in sealed().items()}).sequence == "0001"


@pytest.mark.parametrize(
    ("headers", "error", "code", "match"),
    [
        ({"msgcode": "GetProduct"}, codes.WrongName, "206007", "GetProduct"),
        ({"msgcode": ""}, codes.FieldMissing, "206001", "msgcode: .*missing"),
        ({"msgversion": "9.0"}, codes.WrongVersion, "206005", "msgversion: .*1.0.0"),
        ({"sequenceNum": "x" * 33}, codes.FieldTooLong, "206003", "sequenceNum: longer than 32"),
        ({"sequenceNum": "a b"}, InvalidInput, "206002", "sequenceNum"),
        ({"timestamp": "1"}, codes.WrongTime, "206006", "timestamp: 13 digits"),
        ({"timestamp": "١٢٣٤٥٦٧٨٩٠١٢٣"}, codes.WrongTime, "206006", "timestamp: 13 digits"),
        ({"signValue": "00"}, Unauthenticated, "106004", "signValue: 128"),
        ({"connectorId": ""}, Unauthenticated, "106004", "who calls"),
        ({"applicantKey": "AAAA"}, Unauthenticated, "106004", "who calls"),
        ({"connectorId": "", "applicantKey": "%"}, InvalidInput, "206002", "applicantKey"),
    ],
)
def test_a_wrong_header_is_named_and_has_its_code(
    headers: Headers, error: type[TrustspaceError], code: str, match: str
) -> None:
    with pytest.raises(error, match=match) as refusal:
        read(sealed(**headers))
    assert codes.code_of(refusal.value, codes.CATALOGUE) == code


@pytest.mark.parametrize(
    ("seconds", "way"), [(61, "61 s behind"), (-75, "75 s ahead of"), (60, ""), (-60, ""), (0, "")]
)
def test_the_clock_that_is_off_is_named_with_how_far(seconds: int, way: str) -> None:
    now = NOW.replace(microsecond=123_000) + timedelta(seconds=seconds)
    if not way:
        assert read(sealed(), now=now).caller
        return
    with pytest.raises(codes.WrongTime, match=way) as refusal:
        read(sealed(), now=now)
    assert "60 s are allowed" in refusal.value.hint


def test_bodies_that_are_no_object_are_refused() -> None:
    for body in (b"[]", b"{", b'{"a":1,"a":2}', b"\xff"):
        with pytest.raises(codes.Unreadable):
            read(sealed(), body)
    with pytest.raises(TooLarge):
        read(sealed(), b'{"a":"' + b"x" * (1 << 20) + b'"}')


@settings(max_examples=60)
@given(st.sampled_from(["msgcode", "msgversion", "timestamp", "sequenceNum", "body", "signValue", "key"]), st.data())
def test_nothing_that_was_signed_can_be_changed(part: str, data: st.DataObject) -> None:
    request, other = read(sealed()), MemoryKey("other").public_der
    name, profile = "SearchCatalogue", Profile(accepted=("1.0.0", "1.0.1"))
    headers = sealed()
    if part == "msgcode":
        name = headers["msgcode"] = "GetProduct"
    elif part == "msgversion":
        headers["msgversion"] = "1.0.1"
    elif part == "timestamp":
        headers["timestamp"] = str(int(headers["timestamp"]) + data.draw(st.integers(1, 1000)))
    elif part == "sequenceNum":
        headers["sequenceNum"] = "0002"
    elif part == "signValue":
        at = data.draw(st.integers(0, 127))
        digit = "0123456789abcdef"[(int(headers["signValue"][at], 16) + 1) % 16]
        headers["signValue"] = headers["signValue"][:at] + digit + headers["signValue"][at + 1 :]
    body = BODY.replace("公交".encode(), "地铁".encode()) if part == "body" else BODY
    changed = read_request(name, headers, body, now=NOW, profile=profile)
    assert changed.digest != request.digest or part in ("signValue", "key")
    with pytest.raises(Unauthenticated, match="does not fit"):
        changed.check(other if part == "key" else KEY.public_der)


def answered(body: bytes, *, sequence: str = "0001") -> Headers:
    return seal_answer("GetProduct", body, signer=NODE, certificate=b"certificate", sequence=sequence, now=NOW)


def opened(headers: Headers, body: bytes, *, sequence: str = "0001") -> object:
    return read_answer("GetProduct", headers, body, sequence=sequence, public_der=NODE.public_der)


def test_an_answer_belongs_to_its_call_and_its_node() -> None:
    body = answer_body(codes.CATALOGUE, {"productId": "6"})
    assert opened(answered(body), body) == {"productId": "6"}
    assert answer_certificate(answered(body)) == b"certificate"
    with pytest.raises(NotVerified, match="another call"):
        opened(answered(body), body, sequence="0002")
    with pytest.raises(NotVerified):
        opened(answered(body), body.replace(b'"6"', b'"7"'))
    with pytest.raises(NotVerified):
        read_answer("GetProduct", answered(body), body, sequence="0001", public_der=KEY.public_der)
    with pytest.raises(NotVerified, match="not signed"):
        answer_certificate({})


@pytest.mark.parametrize("body", [b'{"code":7}', b'{"code":""}', b'{"code":"000000"}', b'{"code":"000000","data":[]}'])
def test_an_answer_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(codes.Unreadable):
        opened(answered(body), body)


RAISED = [
    errors.InvalidInput,
    errors.TooLarge,
    errors.NotFound,
    errors.Conflict,
    errors.IllegalTransition,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.Refused,
    errors.NotVerified,
    errors.Unavailable,
    errors.StorageFull,
    errors.MisusedError,
    errors.TrustspaceError,
]


@pytest.mark.parametrize("kind", RAISED)
def test_a_refusal_is_the_same_error_with_the_same_words_on_the_other_side(kind: type[TrustspaceError]) -> None:
    body = refusal_body(codes.CONNECTOR, kind("no such thing", where="here", hint="look there"))
    with pytest.raises(TrustspaceError) as refusal:
        opened(answered(body), body)
    assert type(refusal.value) is kind
    assert str(refusal.value) == "here: no such thing (look there)"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("105005", errors.Unauthenticated),
        ("100007", errors.Forbidden),
        ("100003", errors.Unavailable),
        ("205999", errors.InvalidInput),
        ("305999", errors.Refused),
        ("999999", TrustspaceError),
        ("11003", TrustspaceError),
        ("", TrustspaceError),
    ],
)
def test_codes_of_others_become_the_nearest_error(code: str, kind: type[TrustspaceError]) -> None:
    error = codes.error_of(code, "", None)
    assert type(error) is kind
    assert code in error.what


def test_success_is_what_the_profile_says() -> None:
    assert DRAFT.succeeded("005000")
    assert not DRAFT.succeeded("005001")
    assert not DRAFT.succeeded("0")
    assert replace(DRAFT, success="10000").succeeded("10000")
