"""How a node is set up for the kit, with what any integrator has: products, imported agreements, rules.

The kit tells the node what to do by the ids of its datasets and agreements: each case has its own, `ACN0103` for
CN:01-03, `ATPC0203` for TP_C:02-03. What the node does with each is one row of `RULES`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

PEER: Final = "TCK_PARTICIPANT"
"""What the kit calls itself."""
DELAY: Final = 0.5
"""Seconds before each step of ours: the kit looks for a message only once its own call has returned."""
FORMAT: Final = "HttpData-PULL"
DATA: Final = "ATP0101"
"""The dataset of every agreement in which we are the provider."""
_NUMBERS: Final = {
    "CN": ("0101-0104", "0201-0207", "0301-0304"),
    "CN_C": ("0101-0104", "0201-0206", "0301-0306"),
    "TP": ("0101-0105", "0201-0205", "0301-0306"),
    "TP_C": ("0101-0105", "0201-0205", "0301-0306"),
}
_PREFIX: Final = {"CN": "ACN", "CN_C": "ACNC", "TP": "ATP", "TP_C": "ATPC"}


def names(suite: str) -> tuple[str, ...]:
    """The ids of a suite's cases, `ACN0101` and so on."""
    found = []
    for span in _NUMBERS[suite]:
        first, last = map(int, span.split("-"))
        found += [f"{_PREFIX[suite]}{number:04d}" for number in range(first, last + 1)]
    return tuple(found)


CATALOGUE: Final = ("CAT0101", "CAT0102")
ABSENT: Final = "CAT0103"


def datasets() -> tuple[str, ...]:
    """What is published: for the catalogue, for negotiations with us, and the data of the transfers from us."""
    return (*CATALOGUE, *names("CN"), DATA)


def offer_of(dataset: str) -> str:
    """The id of its offer; one case of the kit has the form written into it."""
    return f"CD123:{dataset}:456"


def agreements(me: str, timestamp: str) -> list[dict[str, Any]]:
    """The agreements of the transfers, as if made elsewhere: ours to provide, and ours to use."""
    ours = [_agreement(name, DATA, me, PEER, timestamp) for name in names("TP")]
    theirs = [_agreement(name, f"data-{name}", PEER, me, timestamp) for name in names("TP_C")]
    return ours + theirs


def _agreement(name: str, target: str, assigner: str, assignee: str, timestamp: str) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "Agreement",
        "target": target,
        "assigner": assigner,
        "assignee": assignee,
        "timestamp": timestamp,
        "permission": [{"action": "use"}],
    }


_Row = tuple[str, str, str, tuple[str, ...], dict[str, Any]]
_P, _C = "provider", "consumer"
_WHY: Final[dict[str, Any]] = {"reason": "no longer wanted"}
_FIRST: Final[dict[str, Any]] = {"round": 1}

_NEGOTIATIONS: Final[tuple[_Row, ...]] = (
    ("requested", _P, "offer", ("0101", "0102", "0103", "0204", "0205", "0206", "0302", "0303", "0304"), _FIRST),
    ("requested", _P, "terminate", ("0102",), _WHY),
    ("requested", _P, "agree", ("0104", "0203", "0207", "0301"), {}),
    ("requested", _P, "terminate", ("0201",), _WHY),
    ("requested", _P, "hold", ("0202", "0304"), {}),
    ("offered", _P, "terminate", ("0205",), _WHY),
    ("accepted", _P, "agree", ("0103",), {}),
    ("accepted", _P, "terminate", ("0206",), _WHY),
    ("accepted", _P, "hold", ("0303",), {}),
    ("verified", _P, "finalize", ("0103", "0104", "0301"), {}),
    ("verified", _P, "terminate", ("0207",), _WHY),
)
_REQUESTS: Final[tuple[_Row, ...]] = (
    ("requested", _C, "terminate", ("0202",), _WHY),
    ("offered", _C, "accept", ("0101", "0205", "0304", "0305", "0306"), {}),
    ("offered", _C, "counter", ("0102",), {}),
    ("offered", _C, "terminate", ("0103",), _WHY),
    ("offered", _C, "hold", ("0204", "0302", "0303"), {}),
    ("agreed", _C, "verify", ("0101", "0104", "0206"), {}),
    ("agreed", _C, "terminate", ("0203",), _WHY),
    ("agreed", _C, "hold", ("0306",), {}),
)
_STARTED: Final = ("0101", "0102", "0103", "0104", "0201", "0202", "0203", "0204", "0303", "0304", "0305", "0306")
_TRANSFERS: Final[tuple[_Row, ...]] = (
    ("transfer requested", _P, "start", _STARTED, {}),
    ("transfer requested", _P, "terminate", ("0105",), _WHY),
    ("transfer requested", _P, "hold", ("0205", "0301", "0302"), {}),
    ("transfer started", _P, "terminate", ("0101",), _WHY),
    ("transfer started", _P, "complete", ("0102",), {}),
    ("transfer started", _P, "suspend", ("0103", "0104"), _FIRST),
    ("transfer started", _P, "complete", ("0104",), {}),
    ("transfer suspended", _P, "terminate", ("0103",), _WHY),
    ("transfer suspended", _P, "start", ("0104",), {}),
)
_PULLS: Final[tuple[_Row, ...]] = (
    ("transfer requested", _C, "terminate", ("0205",), _WHY),
    ("transfer started", _C, "terminate", ("0201",), _WHY),
    ("transfer started", _C, "complete", ("0202",), {}),
    ("transfer started", _C, "suspend", ("0203",), {}),
    ("transfer suspended", _C, "terminate", ("0203",), _WHY),
)


def rules() -> list[dict[str, Any]]:
    """What the node does by itself in each case, as `settings.toml` has it."""
    return [
        *_rules("product", "CN", _NEGOTIATIONS),
        *_rules("product", "CN_C", _REQUESTS),
        *_rules("agreement", "TP", _TRANSFERS),
        *_rules("agreement", "TP_C", _PULLS),
    ]


def _rules(by: str, suite: str, rows: Iterable[_Row]) -> list[dict[str, Any]]:
    return [
        {"on": on, "role": role, "then": then, by: [_PREFIX[suite] + name for name in cases], "after": DELAY, **more}
        for on, role, then, cases, more in rows
    ]


def properties(*, me: str, root: str, base: str, trigger: tuple[str, str], listen: int) -> dict[str, str]:
    """The kit's own settings: who we are and where, where it is heard itself, and which id each case uses."""
    kit = "dataspacetck."
    found = {
        f"{kit}launcher": "org.eclipse.dataspacetck.dsp.system.DspSystemLauncher",
        f"{kit}host": "127.0.0.1",
        f"{kit}port": str(listen),
        f"{kit}callback.address": f"http://127.0.0.1:{listen}",
        f"{kit}dsp.connector.agent.id": me,
        f"{kit}dsp.connector.http.url": base,
        f"{kit}dsp.connector.http.base.url": root,
        f"{kit}dsp.connector.http.headers.authorization": f"Bearer {PEER}",
        f"{kit}dsp.connector.negotiation.initiate.url": trigger[0],
        f"{kit}dsp.connector.transfer.initiate.url": trigger[1],
        f"{kit}dsp.default.wait": "7",
    }
    for at, name in enumerate((*CATALOGUE, ABSENT), 1):
        found[f"CAT_01_0{at}_DATASETID"] = name
    for suite in _NUMBERS:
        for name in names(suite):
            found |= _of_case(suite, name)
    return found


def _of_case(suite: str, name: str) -> dict[str, str]:
    number = name.removeprefix(_PREFIX[suite])
    case = f"{suite}_{number[:2]}_{number[2:]}"
    if suite.startswith("TP"):
        return {f"{case}_AGREEMENTID": name, f"{case}_FORMAT": FORMAT}
    return {f"{case}_DATASETID": name} | ({f"{case}_OFFERID": offer_of(name)} if suite == "CN" else {})
