from __future__ import annotations

from enum import StrEnum

import pytest

from trustspace.core.errors import IllegalTransition, MisusedError, NotFound, TrustspaceError
from trustspace.core.machine import Machine


class Light(StrEnum):
    RED = "RED"
    GREEN = "GREEN"
    BROKEN = "BROKEN"


class Who(StrEnum):
    CLOCK = "clock"
    STORM = "storm"


class Does(StrEnum):
    START = "start"
    SWITCH = "switch"
    BREAK = "break"


LIGHTS = Machine[Light, Who, Does](
    "traffic light",
    {
        (None, Who.CLOCK, Does.START): Light.RED,
        (Light.RED, Who.CLOCK, Does.SWITCH): Light.GREEN,
        (Light.GREEN, Who.STORM, Does.BREAK): Light.BROKEN,
    },
)


def test_a_move_leads_where_its_row_says() -> None:
    assert LIGHTS.after(None, Who.CLOCK, Does.START) is Light.RED
    assert LIGHTS.after(Light.RED, Who.CLOCK, Does.SWITCH) is Light.GREEN


def test_a_move_without_a_row_is_refused_with_what_would_be_allowed() -> None:
    with pytest.raises(IllegalTransition, match="storm may not break in state RED") as caught:
        LIGHTS.after(Light.RED, Who.STORM, Does.BREAK)
    assert caught.value.hint == "allowed: clock switch"


def test_a_state_that_no_row_leaves_is_final() -> None:
    assert LIGHTS.final(Light.BROKEN)
    assert not LIGHTS.final(Light.RED)
    with pytest.raises(IllegalTransition) as caught:
        LIGHTS.after(Light.BROKEN, Who.CLOCK, Does.SWITCH)
    assert caught.value.hint == "allowed: nothing, it ended"


def test_the_diagram_is_the_table() -> None:
    assert LIGHTS.mermaid().splitlines() == [
        "stateDiagram-v2",
        "    [*] --> RED: clock start",
        "    RED --> GREEN: clock switch",
        "    GREEN --> BROKEN: storm break",
        "    BROKEN --> [*]",
    ]


def test_an_error_is_one_line_of_where_what_and_hint() -> None:
    assert str(NotFound("it is not there", where="shelf 3", hint="look on shelf 4")) == (
        "shelf 3: it is not there (look on shelf 4)"
    )
    assert str(MisusedError("no")) == "no"


def test_every_error_has_a_code_of_its_own_and_an_http_status() -> None:
    kinds: list[type[TrustspaceError]] = [TrustspaceError, *_below(TrustspaceError)]
    ours = [kind for kind in kinds if kind.__module__ == "trustspace.core.errors"]
    assert len({kind.code for kind in ours}) == len(ours)
    assert all(400 <= kind.status <= 507 for kind in ours)


def _below(kind: type[TrustspaceError]) -> list[type[TrustspaceError]]:
    return [found for child in kind.__subclasses__() for found in (child, *_below(child))]
