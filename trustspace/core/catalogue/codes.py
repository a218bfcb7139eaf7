"""The code tables of the unified catalogue (NDI-TR-2025-06 draft, 7 and 8.2), as data: code to name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from trustspace.core.errors import InvalidInput, Refused

DELIVERY_FORMS: Final = {
    "001": "数据集",
    "002": "API产品",
    "003": "数据应用",
    "004": "数据报告",
    "005": "数据对象",
    "006": "其他",
}
"""产品交付形式, table 3."""
UPDATE_FREQUENCIES: Final = {
    "001": "realTime",
    "002": "daily",
    "003": "weekly",
    "004": "monthly",
    "005": "quarterly",
    "006": "semiannual",
    "007": "annual",
    "008": "irregular",
    "009": "historical",
}
"""更新频率, table 4."""
SECURITY_LEVELS: Final = {"001": "1级 公开", "002": "2级 内部", "003": "3级 敏感", "004": "4级 机密", "005": "5级 绝密"}
"""安全等级, table 6; 005 is a state secret and is refused."""
TOPICS: Final = {
    "A0000": "基础",
    "A0100": "人口",
    "A0200": "法人",
    "A0300": "自然资源与空间地理",
    "A0400": "宏观经济",
    "A0500": "科教",
    "B0000": "行业",
    "B0100": "农业",
    "B0200": "工信",
    "B0300": "交通运输",
    "B0400": "商贸",
    "B0500": "金融",
    "C0000": "民生",
    "C0100": "教育文化",
    "C0500": "生态",
    "D0000": "政务",
    "D0100": "审批",
    "D0200": "公共服务",
    "D0300": "监管执法",
    "D0400": "信用",
    "D0500": "应急",
}
"""主题分类: the major and middle classes whose names we know; a class below or beside them is taken by its form."""
_TOPIC: Final = re.compile(r"[A-DS-V][0-9]{4}")
_ABOVE_ALL: Final = "005"


def check_code(code: str, table: Mapping[str, str], where: str) -> None:
    """Raise `InvalidInput` that lists the table unless the code stands in it; an empty code says nothing and passes."""
    if code and code not in table:
        choices = ", ".join(f"{key} {name}" for key, name in table.items())
        raise InvalidInput(f"there is no {where} {code!r}", where=where, hint=f"one of: {choices}")


def check_topic(code: str) -> None:
    """Raise `InvalidInput` unless it is empty or a letter A–D (主题) or S–V (应用场景) and four digits."""
    if code and not _TOPIC.fullmatch(code):
        raise InvalidInput(f"{code!r} is no topic", where="topic", hint="for example B0300 交通运输")


def check_security(code: str) -> None:
    """Raise `InvalidInput` for an unknown level, and `Refused` for state secrets (005 绝密)."""
    check_code(code, SECURITY_LEVELS, "security level")
    if code == _ABOVE_ALL:
        raise Refused("a product of level 005 (绝密) is not taken into a catalogue", where="security level")
