from __future__ import annotations

import pytest

from trustspace.core.canon import canonical
from trustspace.core.contract import Offer, check_understood, read_offer
from trustspace.core.errors import InvalidInput, Refused
from trustspace.core.policy import from_odrl

RULES = {"permission": [{"action": "use"}]}
AGREEMENT = {"@id": "a", "@type": "Agreement", "permission": [], "urn:trustspace:v1:offer": "o"}


def test_an_agreement_of_known_members_is_understood() -> None:
    check_understood(canonical(AGREEMENT))


@pytest.mark.parametrize("name", ["conflict", "inheritFrom", "profile", "urn:trustspace:v1:more"])
def test_a_member_that_is_not_read_is_not_signed(name: str) -> None:
    with pytest.raises(Refused, match=name):
        check_understood(canonical({**AGREEMENT, name: "x"}))


@pytest.mark.parametrize("kind", [{}, {"@type": "Offer"}])
def test_another_type_is_not_signed(kind: dict[str, str]) -> None:
    with pytest.raises(Refused, match="Agreement"):
        check_understood(canonical({"@id": "a", **kind}))


@pytest.mark.parametrize("name", ["dct:title", "http://purl.org/dc/terms/description"])
def test_what_only_describes_may_stand_there(name: str) -> None:
    check_understood(canonical({**AGREEMENT, name: {"@value": "时刻表", "@language": "zh"}}))


def test_what_the_offer_said_already_may_stand_there_and_nothing_else() -> None:
    offer = Offer("o", "t", from_odrl(RULES), (("profile", "urn:p"), ("urn:x:note", "n")))
    check_understood(canonical({**AGREEMENT, "profile": "urn:p", "urn:x:note": "n"}), offer)
    for name, value in (("profile", "urn:q"), ("urn:x:note", None), ("urn:x:other", "n")):
        with pytest.raises(Refused, match=name):
            check_understood(canonical({**AGREEMENT, name: value}), offer)


@pytest.mark.parametrize("name", ["conflict", "duty", "http://www.w3.org/ns/odrl/2/inheritFrom"])
def test_an_offer_with_a_word_that_changes_its_rules_is_not_read(name: str) -> None:
    value = {"@id": "o", "@type": "Offer", **RULES}
    assert read_offer({**value, "urn:x:note": "n", "more": "m"}).extra == (("urn:x:note", "n"),)
    with pytest.raises(InvalidInput, match=name):
        read_offer({**value, name: "x"})
