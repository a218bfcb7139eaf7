"""The Dataspace Protocol's public kit against a node of ours: every case of every suite, counted."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from trustspace.core.errors import Unavailable
from trustspace.testing.conformance.kit import find_kit
from trustspace.testing.conformance.results import SUITES, Outcome
from trustspace.testing.conformance.run import run_kit

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """One run for all; without a kit a person's run skips it, and CI's fails."""
    try:
        kit = find_kit(os.environ)
    except Unavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI has to run the kit: {error}")
        pytest.skip(str(error))
    found, output = asyncio.run(run_kit(kit))
    sys.stdout.write(output)
    return found


@pytest.mark.parametrize("suite", SUITES)
def test_every_case_of_a_suite_passes(outcome: Outcome, suite: str) -> None:
    reasons = "\n".join(f"{name}: {why}" for name, why in outcome.failed.items() if name.startswith(f"{suite}:"))
    assert outcome.of(suite)[:2] == (SUITES[suite], 0), reasons


def test_nothing_is_left_out_but_the_two_that_the_kit_disables(outcome: Outcome) -> None:
    assert outcome.complaints == []
    assert outcome.line == "dsp: 65 passed, 0 failed, 2 skipped"
