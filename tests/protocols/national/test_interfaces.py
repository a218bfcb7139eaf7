"""The table of interfaces: every field checked, every value the same on the other side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.canon import JsonObject
from trustspace.core.catalogue import Product, Resolution, approve, submit
from trustspace.core.errors import InvalidInput
from trustspace.core.identity.registration import Connector, Enterprise, Standing, State
from trustspace.protocols.national import messages as m
from trustspace.protocols.national.codes import FieldMissing, FieldTooLong, Unreadable, WrongName
from trustspace.protocols.national.interfaces import INTERFACES, check_fields, interface

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
ENTERPRISE = Enterprise(enterprise_name="公交公司", credit_code="91350100M000100Y43", phone="0591", address="1 Road")
CONNECTOR = Connector(
    connector_name="bus",
    did="did:web:bus.example",
    public_url="https://bus.example",
    hosts=("bus.example", "2001:db8::7"),
    software="trustspace 0.1.0",
)
PRODUCT = Product(
    title="时刻表",
    dataset="urn:d",
    endpoint="https://bus.example/dsp",
    keywords=("公交", "GTFS"),
    contains_personal_info=True,
    offer='{"@type":"Offer"}',
    size=7,
    edition=3,
)


def checked(name: str, data: JsonObject) -> JsonObject:
    return check_fields(interface(name), data)


def test_what_a_client_writes_passes_the_table_and_is_read_the_same() -> None:
    requests = {"tlsRequest": "AAAA", "signingRequest": "BBBB"}
    assert m.read_enterprise(checked("RegisterEnterprise", m.write_enterprise(ENTERPRISE))) == ENTERPRISE
    fields = checked("RegisterConnector", m.write_connector(CONNECTOR) | requests)
    assert m.read_connector(fields) == CONNECTOR
    assert m.read_requests(fields) == (b"\0\0\0", b"\x04\x10\x41")
    assert m.read_product(checked("RegisterProduct", m.write_product(PRODUCT))) == PRODUCT


def test_what_a_node_writes_is_read_the_same() -> None:
    standing = Standing(application="k", state=State.RETURNED, reason="why")
    assert m.read_standing(m.write_standing(standing)) == standing
    entry = approve(
        submit(PRODUCT, key="k", owner="o", owner_name="n", owner_did="did:web:d", now=NOW), "6", by="li", now=NOW
    )
    read = m.read_entry(m.write_entry(entry))
    assert replace(read, history=entry.history) == entry
    assert m.read_results(m.write_results([entry], 21)) == (21, [read])
    resolution = Resolution(
        identifier="6",
        kind="product",
        owner_name="n",
        owner_code="9",
        connector="5",
        did="did:web:d",
        address="https://d",
        state="ACTIVE",
        entry=read,
    )
    assert m.read_resolution(m.write_resolution(resolution)) == resolution


def test_names_are_taken_in_any_case_and_unknown_ones_are_left_out() -> None:
    fields = {name.lower(): value for name, value in m.write_enterprise(ENTERPRISE).items()} | {"somethingNew": 1}
    assert m.read_enterprise(checked("RegisterEnterprise", fields)) == ENTERPRISE
    with pytest.raises(InvalidInput, match="twice"):
        checked("GetProduct", {"productId": "6", "productid": "7"})


@pytest.mark.parametrize(
    ("name", "data", "error", "match"),
    [
        ("GetProduct", {}, FieldMissing, "productId: .*mandatory"),
        ("GetProduct", {"productId": ""}, FieldMissing, "productId"),
        ("GetProduct", {"productId": "6" * 66}, FieldTooLong, r"productId: longer than 65 characters \(66\)"),
        ("GetProduct", {"productId": 6}, InvalidInput, "productId: expected: text"),
        (
            "RegisterProduct",
            {**m.write_product(PRODUCT), "dataSize": True},
            InvalidInput,
            "dataSize: expected: whole number",
        ),
        ("RegisterProduct", {**m.write_product(PRODUCT), "offer": "x"}, InvalidInput, "offer: expected: object"),
        ("RegisterProduct", {**m.write_product(PRODUCT), "keywords": ["k" * 65]}, FieldTooLong, "keywords"),
        (
            "RegisterProduct",
            {**m.write_product(PRODUCT), "keywords": [1]},
            InvalidInput,
            "keywords: expected: list of texts",
        ),
        ("RegisterProduct", {**m.write_product(PRODUCT), "keywords": ["k"] * 65}, InvalidInput, "keywords"),
    ],
)
def test_a_wrong_field_is_named(name: str, data: JsonObject, error: type[InvalidInput], match: str) -> None:
    with pytest.raises(error, match=match):
        checked(name, data)


def test_an_unknown_interface_is_answered_with_those_there_are() -> None:
    with pytest.raises(WrongName, match="RegisterPerson") as refusal:
        interface("RegisterPerson")
    assert "SearchCatalogue" in refusal.value.hint


@pytest.mark.parametrize(
    "data",
    [
        {"status": "GONE"},
        {"status": 1},
        {"status": "LISTED", "updateTime": "now"},
        {"status": "LISTED", "updateTime": 1 << 60},
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(data: JsonObject) -> None:
    with pytest.raises(Unreadable):
        m.read_entry(data)


@pytest.mark.parametrize("rows", [None, {}, [1]])
def test_results_that_are_no_list_are_refused(rows: object) -> None:
    with pytest.raises(Unreadable, match="resultData"):
        m.read_results({"total": "1", "resultData": rows})


@pytest.mark.parametrize("number", ["-1", "1.5", "٣", "9" * 10, ""])
def test_a_page_is_counted_in_whole_numbers(number: str) -> None:
    with pytest.raises(InvalidInput, match="offset"):
        m.read_page({"offset": number})


@given(st.dictionaries(st.text(max_size=20), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text())))
def test_checking_fields_is_total(data: JsonObject) -> None:
    for row in INTERFACES.values():
        try:
            assert set(check_fields(row, data)) <= {field.name for field in row.fields}
        except InvalidInput:
            continue


def test_the_specification_lists_every_interface_and_field() -> None:
    text = (Path(__file__).parents[3] / "specs/national.md").read_text("utf-8")
    for row in INTERFACES.values():
        assert f"`{row.name}`" in text, row.name
        assert row.chinese in text
        for field in row.fields:
            assert field.name in text, (row.name, field.name)
