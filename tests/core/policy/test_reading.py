from __future__ import annotations

from typing import Any

import pytest

from trustspace.core.errors import InvalidInput, TooLarge
from trustspace.core.policy import Constraint, Logical, Policy, Rule, clauses, from_odrl, problems, to_odrl
from trustspace.core.policy.model import ODRL


def with_constraint(constraint: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": [constraint]}]}


PURPOSE = {"leftOperand": f"{ODRL}purpose", "operator": "eq", "rightOperand": "a"}


def test_the_place_of_a_mistake_is_named_under_the_message() -> None:
    with pytest.raises(InvalidInput, match=r"^offer\.permission\[0\]\.action: a text is expected"):
        from_odrl({"permission": [{}]}, where="offer")


def test_a_policy_is_an_object() -> None:
    members: Any = []
    with pytest.raises(InvalidInput, match="an ODRL policy is an object"):
        from_odrl(members)


def test_members_of_the_offer_are_left_to_its_reader() -> None:
    members = {"@id": "urn:o", "@type": "Offer", "target": "urn:t", "permission": [{"action": "use"}]}
    assert to_odrl(from_odrl(members)) == {"permission": [{"action": "use"}]}


def test_a_policy_has_a_limit() -> None:
    with pytest.raises(TooLarge, match="over 256"):
        from_odrl({"permission": [{"action": "use"}] * 257})
    assert len(from_odrl({"permission": [{"action": "use"}] * 256}).permissions) == 256


def test_nesting_has_a_limit() -> None:
    nested: Any = PURPOSE
    for _ in range(8):
        nested = {"and": [nested]}
    assert not problems(from_odrl(with_constraint(nested)))
    with pytest.raises(TooLarge, match="nested deeper"):
        from_odrl(with_constraint({"and": [nested]}))


@pytest.mark.parametrize("value", [{"@value": "10", "@id": "x"}, {"@id": 1}, {"@value": 1}, {}, None, True, [["a"]]])
def test_a_value_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="a right operand is"):
        from_odrl(with_constraint({**PURPOSE, "rightOperand": value}))


def test_a_counterpartys_text_is_shown_and_obeyed_by_nobody() -> None:
    evil = f"urn:\x1b[2J{'x' * 1000}"
    policy = from_odrl(with_constraint({**PURPOSE, "leftOperand": evil}))
    shown = [str(problems(policy)[0]), clauses(policy)[1].text_en]
    assert all("\x1b" not in text and len(text) < 250 for text in shown)
    assert policy.permissions[0].constraints[0] == Constraint(evil, "eq", "a")


def test_order_matters_only_where_it_is_meant() -> None:
    def sequence(kind: str, *names: str) -> Policy:
        parts = tuple(Constraint(f"{ODRL}purpose", "eq", name) for name in names)
        return Policy((Rule("use", (Logical(kind, parts),)),))

    assert sequence("or", "a", "b") == sequence("or", "b", "a")
    assert sequence("andSequence", "a", "b") != sequence("andSequence", "b", "a")
