"""An entry's life: the table, what is reviewed again, what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.catalogue import (
    MACHINE,
    TOPICS,
    Actor,
    Entry,
    Product,
    State,
    Verb,
    approve,
    check_topic,
    delist,
    list_,
    return_,
    revoke,
    submit,
    update,
)
from trustspace.core.errors import IllegalTransition, InvalidInput, Refused

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
PRODUCT = Product(title="城市公交时刻表", dataset="urn:d", endpoint="https://bus.example/dsp")
CODE = "691350100M000100Y430054BUS00001E"


def entry() -> Entry:
    return submit(PRODUCT, key="k", owner="o", owner_name="公交公司", owner_did="did:web:bus.example", now=NOW)


MOVES = {
    "return": lambda e: return_(e, "why", by="li", now=NOW),
    "approve": lambda e: approve(e, CODE, by="li", now=NOW),
    "amend": lambda e: update(e, replace(e.product, title=e.product.title + "新"), now=NOW),
    "refresh": lambda e: update(e, replace(e.product, edition=e.product.edition + 1), now=NOW),
    "list": lambda e: list_(e, actor=Actor.OWNER, now=NOW),
    "list by node": lambda e: list_(e, actor=Actor.NODE, now=NOW, by="li"),
    "delist": lambda e: delist(e, "", actor=Actor.OWNER, now=NOW),
    "delist by node": lambda e: delist(e, "why", actor=Actor.NODE, now=NOW, by="li"),
    "revoke": lambda e: revoke(e, "why", actor=Actor.OWNER, now=NOW),
    "revoke by node": lambda e: revoke(e, "why", actor=Actor.NODE, now=NOW, by="li"),
}


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=12))
def test_whatever_is_done_only_listed_entries_are_found_and_a_code_stays(names: list[str]) -> None:
    now, code = entry(), ""
    for name in names:
        try:
            after = MOVES[name](now)
        except IllegalTransition:
            continue
        assert not code or after.code == code
        assert len(after.history) == len(now.history) + 1
        assert bool(after.terms) == (after.state is State.LISTED)
        now, code = after, after.code
        assert bool(code) or now.state in (State.SUBMITTED, State.RETURNED, State.REVOKED)


def test_revoked_is_the_only_end() -> None:
    assert [state for state in State if MACHINE.final(state)] == [State.REVOKED]
    assert "LISTED --> DELISTED: node delist" in MACHINE.mermaid()


def test_an_approved_entry_has_its_code_and_who_approved_it() -> None:
    after = approve(entry(), CODE, by="li", now=NOW + timedelta(days=1))
    assert (after.state, after.code, after.history[-1].who) == (State.APPROVED, CODE, "li")
    assert approve(update(after, replace(PRODUCT, title="其他"), now=NOW), "other", by="li", now=NOW).code == CODE


def test_a_listed_entry_is_found_by_owner_code_and_keyword() -> None:
    shown = list_(approve(entry(), CODE, by="li", now=NOW), actor=Actor.OWNER, now=NOW)
    assert {"公交", "时刻", CODE.lower()} <= shown.terms


def test_a_delivery_before_approval_is_a_change_like_any_other() -> None:
    assert update(entry(), replace(PRODUCT, edition=2), now=NOW).history[-1].state is State.SUBMITTED
    assert MACHINE.after(State.LISTED, Actor.OWNER, Verb.REFRESH) is State.LISTED


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"title": "  "}, "title: .*empty"),
        ({"dataset": ""}, "dataset: .*empty"),
        ({"endpoint": ""}, "endpoint: .*empty"),
        ({"industry": "3501"}, "industry: 3501 is a region"),
        ({"industry": "0098"}, "industry: .*大类"),
        ({"region": "0054"}, "region: 0054 is an industry"),
        ({"topic": "B300"}, "topic: .*no topic.*B0300"),
        ({"delivery_form": "007"}, "delivery form: .*API产品"),
        ({"update_frequency": "daily"}, "update frequency: .*002 daily"),
        ({"security_level": "1"}, "security level: .*公开"),
        ({"size": -1}, "size"),
        ({"edition": 0}, "edition"),
        ({"restricted": True, "offer": "{}"}, "offer"),
    ],
)
def test_a_wrong_field_is_named_with_what_could_stand_there(fields: dict[str, object], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        Product(**{"title": "t", "dataset": "d", "endpoint": "e", **fields})  # type: ignore[arg-type]  # wrong on purpose


def test_known_codes_pass_and_secrets_do_not() -> None:
    full = replace(PRODUCT, industry="0054", region="3501", topic="B0300", update_frequency="002")
    assert "0054" in full.terms
    for code in TOPICS:
        check_topic(code)
    with pytest.raises(Refused, match="绝密"):
        replace(PRODUCT, security_level="005")


def test_a_refusal_needs_its_reason() -> None:
    with pytest.raises(InvalidInput, match="empty"):
        return_(entry(), " ", by="li", now=NOW)
    shown = list_(approve(entry(), CODE, by="li", now=NOW), actor=Actor.OWNER, now=NOW)
    with pytest.raises(InvalidInput, match="empty"):
        delist(shown, "", actor=Actor.NODE, now=NOW)
