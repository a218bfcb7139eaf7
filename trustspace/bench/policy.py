"""How long a decision of four constraints takes, its report included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from trustspace.bench import machine
from trustspace.bench.figures import Figures, Run, percentile
from trustspace.core.policy import Policy, Request, decide, offer, use

NOW: Final = datetime(2026, 6, 1, 8, tzinfo=UTC)
PLANNER: Final = "did:web:planner.example"


def measure(*, runs: int = 5, count: int = 20_000) -> Figures:
    """`count` decisions a run, each of another request, one after the other on one core."""
    policy = four_constraints()
    requests = [_request(number) for number in range(100)]
    found = [_run(policy, requests, count) for _ in range(runs)]
    raw = {"signatures_per_second": machine.signatures()}
    settings = {"constraints": 4, "decisions": count}
    return Figures("policy", settings, found, raw, {"per_second": "signatures_per_second"})


def four_constraints() -> Policy:
    """A time limit, a count, a purpose and a named participant."""
    return offer(
        use(until="2027-12-31", count=1_000_000, purpose="trip-planning", participants=PLANNER), delete_after="P30D"
    )


def _request(number: int) -> Request:
    return Request("use", PLANNER, NOW + timedelta(seconds=number), purpose="trip-planning", used=number)


def _run(policy: Policy, requests: Sequence[Request], count: int) -> Run:
    taken = [_once(policy, requests[number % len(requests)]) for number in range(count)]
    return {
        "p50_us": percentile(taken, 0.5) * 1e6,
        "p99_us": percentile(taken, 0.99) * 1e6,
        "per_second": count / sum(taken),
    }


def _once(policy: Policy, request: Request) -> float:
    started = time.perf_counter()
    decide(policy, request)
    return time.perf_counter() - started
