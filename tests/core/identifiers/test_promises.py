"""What each check system promises to catch, held by exhaustion over its states and by properties over whole codes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.core.identifiers import (
    ALPHANUMERIC,
    Algorithm,
    check_character,
    credit_code_check,
    organisation_check,
    resident_check,
)
from trustspace.core.identifiers.check import CREDIT_ALPHABET

HYBRID, PURE = Algorithm.MOD_37_36, Algorithm.MOD_37_2
few = settings(max_examples=25, deadline=None)
Check = Callable[[str], str]

bodies = st.text(ALPHANUMERIC, min_size=31, max_size=31)
contract_bodies = st.text(ALPHANUMERIC, min_size=46, max_size=46)
credit_bodies = st.text(CREDIT_ALPHABET, min_size=17, max_size=17)
resident_bodies = st.text("0123456789", min_size=17, max_size=17)


def hybrid(body: str) -> str:
    return check_character(body, HYBRID)


def pure(body: str) -> str:
    return check_character(body, PURE)


def holds(code: str, check: Check, alphabet: str) -> bool:
    """Whether the code is valid; a body outside its alphabet (a check moved into it) is caught by the alphabet."""
    return set(code[:-1]) <= set(alphabet) and check(code[:-1]) == code[-1]


def substitutions(code: str, alphabet: str) -> list[str]:
    return [code[:i] + new + code[i + 1 :] for i, old in enumerate(code) for new in alphabet if new != old]


def exchange(code: str, i: int, j: int) -> str:
    characters = list(code)
    characters[i], characters[j] = characters[j], characters[i]
    return "".join(characters)


def exchanges(code: str, distances: range) -> list[tuple[int, str]]:
    """Every exchange of two different characters that stand so many places apart, with the first one's position."""
    return [
        (i, exchange(code, i, i + distance))
        for distance in distances
        for i in range(len(code) - distance)
        if code[i] != code[i + distance]
    ]


def total(text: str) -> int:
    """The running sum of the hybrid system after `text`, 1 to 36, computed apart from the library."""
    product = 36
    for character in text:
        product = 2 * ((product + ALPHANUMERIC.index(character)) % 36 or 36) % 37
    return product


@few
@given(bodies)
def test_both_systems_catch_every_substitution_of_one_character(body: str) -> None:
    for check in (hybrid, pure):
        found = [code for code in substitutions(body + check(body), ALPHANUMERIC) if holds(code, check, ALPHANUMERIC)]
        assert found == []


@few
@given(bodies)
def test_pure_37_2_catches_every_exchange_in_32_characters(body: str) -> None:
    assert not [code for _, code in exchanges(body + pure(body), range(1, 32)) if holds(code, pure, ALPHANUMERIC)]


@few
@given(contract_bodies)
def test_pure_37_2_misses_in_47_characters_only_exchanges_36_places_apart(body: str) -> None:
    code = body + pure(body)
    near = exchanges(code, range(1, 36)) + exchanges(code, range(37, 47))
    assert not [changed for _, changed in near if holds(changed, pure, ALPHANUMERIC)]
    inside = [changed for i, changed in exchanges(code, range(36, 37)) if i + 36 < 46]
    assert all(holds(changed, pure, ALPHANUMERIC) for changed in inside)


@few
@given(bodies)
def test_pure_37_2_misses_a_circular_shift_only_of_a_leading_v(body: str) -> None:
    code = body + pure(body)
    shifted = code[1:] + code[0]
    if code != shifted and set(code) <= set(ALPHANUMERIC):
        assert holds(shifted, pure, ALPHANUMERIC) is (code[0] == "V")


@few
@given(bodies | contract_bodies)
def test_hybrid_37_36_misses_an_exchange_of_neighbours_only_where_the_sums_are_18_and_19(body: str) -> None:
    code = body + hybrid(body)
    for i, changed in exchanges(code, range(1, 2)):
        sums = {(total(code[:i]) + ALPHANUMERIC.index(character)) % 36 for character in code[i : i + 2]}
        assert holds(changed, hybrid, ALPHANUMERIC) is (sums == {18, 19})


def test_hybrid_37_36_misses_2_of_1260_neighbouring_pairs_in_each_of_its_36_states() -> None:
    openings = {total(character): character for character in ALPHANUMERIC}
    assert len(openings) == 36
    pairs = ["".join(pair) for pair in permutations(ALPHANUMERIC, 2)]
    for opening in openings.values():
        ends = {pair: hybrid(opening + pair) for pair in pairs}
        assert (len(pairs), sum(ends[pair] == ends[pair[::-1]] for pair in pairs)) == (1260, 2)


@few
@given(credit_bodies)
def test_mod_31_3_catches_every_substitution_and_every_exchange_but_of_the_first_and_the_check(body: str) -> None:
    code = body + credit_code_check(body)
    changed = substitutions(code, CREDIT_ALPHABET) + [text for _, text in exchanges(code, range(1, 17))]
    assert not [text for text in changed if holds(text, credit_code_check, CREDIT_ALPHABET)]
    assert holds(exchange(code, 0, 17), credit_code_check, CREDIT_ALPHABET)


@few
@given(resident_bodies)
def test_mod_11_2_catches_every_substitution_and_every_exchange_but_of_ten_places(body: str) -> None:
    code, digits = body + resident_check(body), "0123456789"
    near = [text for _, text in exchanges(code, range(1, 10)) + exchanges(code, range(11, 18))]
    changed = substitutions(code[:-1], digits)
    assert not [text for text in changed if resident_check(text) == code[-1]]
    assert not [text for text in near if holds(text, resident_check, digits)]
    assert all(holds(text, resident_check, digits) for i, text in exchanges(code, range(10, 11)) if i + 10 < 17)


def test_the_organisation_code_lets_letters_eleven_apart_pass_and_the_credit_code_around_it_does_not() -> None:
    assert organisation_check("MB0L0469") == organisation_check("MM0L0469")
    assert credit_code_check("12430000MB0L04692") != credit_code_check("12430000MM0L04692")
