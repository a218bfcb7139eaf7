from __future__ import annotations

import pytest

from trustspace.core.canon import canonical
from trustspace.core.contract import check_understood
from trustspace.core.errors import Refused

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
