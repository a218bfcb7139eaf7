from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.core.canon import canonical
from trustspace.core.errors import InvalidInput, MisusedError
from trustspace.core.identifiers import (
    ALPHANUMERIC,
    DEFAULT,
    DRAFT,
    STAR,
    InvalidIdentifier,
    Kind,
    Profile,
    Reason,
    ResidentNumber,
    check_character,
    check_place,
    credit_code_check,
    explain,
    file_form,
    from_url_form,
    make,
    make_contract,
    parse,
    parse_contract,
    place_name,
    url_form,
)

SUBJECT = "91350100M000100Y43"
RESIDENT = "11010519491231002X"
CONNECTOR = "591350100M000100Y4335017K2M9Q4TS"
RESOURCE = "791350100M000100Y433501BUS00001X"
LOOSE = Profile(separators="•·.")
ANY_SUBJECT = Profile(other_subjects=True)
REGION, INDUSTRY = "3501", "0054"
serials = st.text(ALPHANUMERIC, min_size=8, max_size=8)
extensions = st.text(ALPHANUMERIC, max_size=32)
at = datetime(2025, 6, 10, 4, tzinfo=UTC)


def place_of(kind: Kind) -> str:
    return INDUSTRY if kind is Kind.INDUSTRY_NODE else REGION


@settings(deadline=None)
@given(st.sampled_from(Kind), serials, extensions, st.sampled_from((DEFAULT, DRAFT)))
def test_what_is_made_is_read_back_the_same_in_every_form(
    kind: Kind, serial: str, extension: str, profile: Profile
) -> None:
    extension = extension if kind.extensible else ""
    try:
        made = make(kind, subject=SUBJECT, place=place_of(kind), serial=serial, extension=extension, profile=profile)
    except InvalidIdentifier:
        assert check_character(f"{kind}{SUBJECT}{place_of(kind)}{serial}", profile.check) == STAR
        return
    assert parse(made.text, profile=profile) == made
    assert from_url_form(url_form(made), profile=profile) == made
    assert url_form(made).isascii()
    assert file_form(made).replace("_", "").isalnum()
    assert file_form(made).isascii()
    assert len(made.code) == 32
    assert made.is_industry is (kind is Kind.INDUSTRY_NODE)


def test_the_dot_is_escaped_in_urls_and_never_in_a_file_name() -> None:
    resource = parse(RESOURCE + "•12")
    assert url_form(resource) == RESOURCE + "%E2%80%A2" + "12"
    assert file_form(resource) == RESOURCE + "_12"
    assert from_url_form(RESOURCE + "%e2%80%a212") == resource
    with pytest.raises(InvalidIdentifier, match="not UTF-8"):
        from_url_form(RESOURCE + "%E2%8012")


def test_a_made_contract_identifier_has_the_time_of_china_and_is_read_back() -> None:
    made = make_contract(subject=SUBJECT, place=REGION, at=at, serial="7K2M9Q4T")
    assert made.text == "C491350100M000100Y433501202506101200007K2M9Q4T3"
    assert parse_contract(made.text) == made
    with pytest.raises(MisusedError, match="zone"):
        make_contract(subject=SUBJECT, place=REGION, at=at.replace(tzinfo=None), serial="7K2M9Q4T")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subject": "91350100M000100Y44"}, Reason.CHECK),
        ({"subject": RESIDENT}, Reason.CHECK),
        ({"subject": RESIDENT, "profile": ANY_SUBJECT}, Reason.RESIDENT),
        ({"place": "9901"}, Reason.PLACE),
        ({"place": "350"}, Reason.PLACE),
        ({"place": "３５０１"}, Reason.PLACE),
        ({"serial": "7K2M9Q4"}, Reason.LENGTH),
        ({"serial": "7k2m9q4t"}, Reason.LOWER_CASE),
        ({"serial": "00000199", "profile": DRAFT}, Reason.CHECK_STAR),
        ({"extension": "1"}, Reason.EXTENSION),
    ],
)
def test_a_wrong_part_is_refused_when_it_is_assigned(change: dict[str, object], reason: Reason) -> None:
    given = {"subject": SUBJECT, "place": REGION, "serial": "7K2M9Q4T", "extension": "", "profile": DEFAULT}
    parts = SimpleNamespace(**(given | change))
    with pytest.raises(InvalidIdentifier) as caught:
        make(
            Kind.CONNECTOR,
            subject=parts.subject,
            place=parts.place,
            serial=parts.serial,
            extension=parts.extension,
            profile=parts.profile,
        )
    assert caught.value.reason is reason
    assert RESIDENT not in str(caught.value)


def test_a_profile_may_assign_to_subjects_without_a_credit_code_and_reading_takes_them() -> None:
    made = make(Kind.CONNECTOR, subject="P" * 18, place=REGION, serial="7K2M9Q4T", profile=ANY_SUBJECT)
    answer = explain(parse(made.text).text)
    assert answer.valid
    assert any("no valid credit code" in note for note in answer.diagnostics)


def test_other_separators_are_read_only_by_option_and_the_bullet_is_written() -> None:
    assert parse(RESOURCE + "·12", profile=LOOSE).text == RESOURCE + "•12"
    answer = explain(RESOURCE + ".12", profile=LOOSE)
    assert answer.valid
    assert any("was accepted" in note for note in answer.diagnostics)


def test_the_other_algorithm_is_a_diagnostic_and_never_a_second_chance() -> None:
    draft = CONNECTOR[:-1] + "1"
    assert not explain(draft).valid
    assert any("fits MOD 37-2" in note for note in explain(draft).diagnostics)
    assert any("fits MOD 37,36" in note for note in explain(CONNECTOR, profile=DRAFT).diagnostics)
    star = explain("591350100M000100Y43350100000199*", profile=DRAFT)
    assert star.valid
    assert any("never assigned" in note for note in star.diagnostics)


def test_lower_case_is_refused_with_the_upper_case_form_as_the_hint() -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        parse(CONNECTOR.lower())
    assert CONNECTOR in caught.value.hint
    with pytest.raises(InvalidIdentifier, match="if X is meant"):
        make(Kind.CONNECTOR, subject=RESIDENT.lower(), place=REGION, serial="7K2M9Q4T")


def test_places_are_named_in_both_languages() -> None:
    assert place_name("0054") == ("Road transport", "道路运输业")
    assert place_name("3500") == ("Fujian", "福建省")
    assert place_name("3501")[1] == "福建省 3501"
    assert place_name("9901") == place_name("0099") == ("", "")
    check_place(Kind.BUSINESS_NODE, "0054")
    with pytest.raises(InvalidInput, match="has a region"):
        check_place(Kind.NATIONAL_NODE, "0054")


def test_a_resident_number_is_checked_and_masked_and_not_stored() -> None:
    number = ResidentNumber(RESIDENT)
    assert f"{number} {number!r}" == "11**************** ResidentNumber(11****************)"
    with pytest.raises(MisusedError, match="not stored"):
        pickle.dumps(number)
    assert number.pseudonym(lambda text: "P" + text[:0] + "1" * 17) == "P" + "1" * 17
    with pytest.raises(InvalidIdentifier, match="is a resident number"):
        number.pseudonym(lambda text: text)
    with pytest.raises(InvalidIdentifier):
        number.pseudonym(lambda _: "short")
    with pytest.raises(InvalidIdentifier):
        ResidentNumber("110105194912310021")


@pytest.mark.parametrize(
    "text",
    [
        RESIDENT,
        RESIDENT.lower(),
        RESIDENT[:-1] + "1",
        "110105194902310021",
        "5" + RESIDENT + "35017K2M9Q4TS",
        "5" + RESIDENT.lower() + "35017K2M9Q4Ts",
        "C4" + RESIDENT + "3501202506101200007K2M9Q4T3",
        f"his number is {RESIDENT}, he says",
        f"86.1000/{RESIDENT}",
        f"{RESOURCE}•{RESIDENT}",
    ],
)
def test_no_answer_shows_a_resident_number(text: str) -> None:
    answer = json.dumps(explain(text).as_json(), ensure_ascii=False)
    assert RESIDENT[6:17] not in answer
    assert "1949" not in answer


@pytest.mark.parametrize(
    ("text", "form", "valid", "said"),
    [
        ("MB0L0469-2", "organisation-code", True, "fits GB 11714"),
        ("MB0L0469=2", "unknown", False, "10 characters"),
        ("did:web:bus.example", "unknown", False, "decentralised"),
        (RESOURCE + "%E2%80%A212", "unknown", False, "form for URLs"),
        (CONNECTOR + " ", "unknown", False, "white space"),
        ("6" + "2" * 44, "unknown", False, "no rule is known"),
        ("12.34", "unknown", False, "2 characters before '.'"),
        ("X" * 32, "identifier", False, "is no type"),
        ("X" * 47, "contract", False, "is not four digits"),
        (RESOURCE + "•", "resource", False, "0 characters"),
        (RESOURCE + "•1215202502281BH95JZY", "resource", True, "earlier resource registration"),
        ("did:bid:abcd:zf2AhAW5vFqVHhTDc7ESLQr3Xbz4n", "bid", True, "SM2"),
        ("\udc80" * 32, "identifier", False, "position 1"),
        ("z" * 100_000, "unknown", False, "100000 characters"),
    ],
)
def test_explain_says_what_a_text_is(text: str, form: str, valid: bool, said: str) -> None:
    answer = explain(text)
    assert (answer.form, answer.valid) == (form, valid)
    assert said in json.dumps(answer.as_json(), ensure_ascii=False)


near = st.builds(
    lambda text, at, new: text[:at] + new + text[at + 1 :],
    st.sampled_from((CONNECTOR, RESOURCE + "•12", SUBJECT, RESIDENT, "MB0L04692", "350100MB0L04692/D000001A2")),
    st.integers(0, 40),
    st.text(max_size=3),
)


@settings(deadline=None)
@given(st.text() | near | st.text(max_size=50).map("did:bid:".__add__), st.sampled_from((DEFAULT, DRAFT, LOOSE)))
def test_explain_is_total_and_agrees_with_parse(text: str, profile: Profile) -> None:
    answer = explain(text, profile=profile)
    assert canonical(answer.as_json())
    assert answer.valid is (answer.reason == "")
    assert "\n" not in answer.reason
    try:
        parse(text, profile=profile)
    except InvalidInput:
        assert not answer.valid or answer.form not in {kind.word for kind in Kind}
    else:
        assert answer.valid


def test_each_part_of_an_explanation_names_the_characters_it_stands_for() -> None:
    answer = explain(RESOURCE + "•12")
    assert [answer.text[part.first - 1 : part.last] for part in answer.parts] == [part.value for part in answer.parts]


def test_a_check_over_other_characters_or_lengths_is_refused() -> None:
    with pytest.raises(InvalidIdentifier, match="16 characters where the check is made over 17"):
        credit_code_check(SUBJECT[:16])
    with pytest.raises(InvalidIdentifier, match="'I' at position 1"):
        credit_code_check("I" + SUBJECT[:16])
