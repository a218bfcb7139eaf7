"""Who takes part. The organisations are invented; their codes are valid in form and assigned to nobody here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Actor:
    """One node and the organisation that runs it; `key` names its folder."""

    key: str
    label: str
    organisation: str
    credit_code: str
    contact: str
    address: str


FUNCTIONAL: Final = Actor(
    "functional-node",
    "functional node",
    "福州区域功能节点（演示）",
    "91350100MADE00011D",
    "节点值班室 0591-0000-0001",
    "福建省福州市",
)
BUS: Final = Actor(
    "bus-company",
    "bus company",
    "榕城公共交通集团有限公司",
    "91350100MADE0002X5",
    "数据部 0591-0000-0002",
    "福建省福州市鼓楼区",
)
PLANNER: Final = Actor(
    "trip-planner",
    "trip planner",
    "畅行出行规划科技有限公司",
    "91350100MADE000385",
    "运营部 0591-0000-0003",
    "福建省福州市台江区",
)
ALL: Final = (FUNCTIONAL, BUS, PLANNER)
OUTSIDER: Final = "hand-made client"
AUDITOR: Final = "auditor"
