"""The provider alters the terms in the agreement and signs them so. Every leaf: tests/services/test_cheating.py."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.spaces import count, space
from trustspace.core.canon import Json, JsonObject
from trustspace.core.contract import Contract, State
from trustspace.testing.cheats import changed, leaves, resigned

pytestmark = pytest.mark.anyio
VALUES = st.one_of(st.text(max_size=8), st.integers(-9, 9), st.booleans(), st.lists(st.text(max_size=2), max_size=2))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=8, max_size=8), seed=st.integers(0, 1000))
async def test_any_leaf_with_any_value_ends_it(values: list[Json], seed: int) -> None:
    async with space() as s:
        seen: list[JsonObject] = []
        s.tricks.alter("agree", lambda message, _: seen.append(message) or message)  # type: ignore[func-returns-value]  # keeps it
        mine, _ = await s.both(await s.negotiation("control"))
        assert mine.state is State.FINALIZED, "the control"
        paths = sorted(map(str, leaves(seen[0]["agreement"]))), list(leaves(seen[0]["agreement"]))
        for at, value in enumerate(values):
            path = paths[1][(seed + at * 7) % len(paths[1])]
            s.tricks.alter("agree", resigned(changed(*path, to=value)))
            mine, theirs = await s.both(await s.negotiation(f"{at}"))
            assert mine.state is theirs.state is State.TERMINATED, (path, value)
            assert mine.reasons == theirs.reasons
        assert await count(s.planner, Contract) == 1
