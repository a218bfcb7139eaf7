"""The first character of an identifier and the four that name its place: tables from the standards."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from trustspace.core.identifiers.industries import INDUSTRIES
from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason


class Kind(StrEnum):
    """类型码: what an identifier names (NDI-TR-2025-04 draft, 4.2 and 4.3)."""

    NATIONAL_NODE = "1"
    REGIONAL_NODE = "2"
    INDUSTRY_NODE = "3"
    BUSINESS_NODE = "4"
    CONNECTOR = "5"
    PRODUCT = "6"
    RESOURCE = "7"

    @property
    def word(self) -> str:
        """The name for commands and JSON: `connector`, `business-node`, …"""
        return self.name.lower().replace("_", "-")

    @property
    def english(self) -> str:
        """The name in English prose."""
        return _NAMES[self][0]

    @property
    def chinese(self) -> str:
        """The name in the standard: 接入连接器, 数据产品, …"""
        return _NAMES[self][1]

    @property
    def extensible(self) -> bool:
        """Whether `•` and an extension (扩展码) may follow: data products and data resources only."""
        return self in (Kind.PRODUCT, Kind.RESOURCE)


_NAMES: Final = {
    Kind.NATIONAL_NODE: ("national functional node", "全域功能节点"),
    Kind.REGIONAL_NODE: ("regional functional node", "区域功能节点"),
    Kind.INDUSTRY_NODE: ("industry functional node", "行业功能节点"),
    Kind.BUSINESS_NODE: ("business node", "业务节点"),
    Kind.CONNECTOR: ("connector", "接入连接器"),
    Kind.PRODUCT: ("data product", "数据产品"),
    Kind.RESOURCE: ("data resource", "数据资源"),
}
_REGION_ONLY: Final = frozenset({Kind.NATIONAL_NODE, Kind.REGIONAL_NODE})

PROVINCES: Final = {
    "11": ("Beijing", "北京市"),
    "12": ("Tianjin", "天津市"),
    "13": ("Hebei", "河北省"),
    "14": ("Shanxi", "山西省"),
    "15": ("Inner Mongolia", "内蒙古自治区"),
    "21": ("Liaoning", "辽宁省"),
    "22": ("Jilin", "吉林省"),
    "23": ("Heilongjiang", "黑龙江省"),
    "31": ("Shanghai", "上海市"),
    "32": ("Jiangsu", "江苏省"),
    "33": ("Zhejiang", "浙江省"),
    "34": ("Anhui", "安徽省"),
    "35": ("Fujian", "福建省"),
    "36": ("Jiangxi", "江西省"),
    "37": ("Shandong", "山东省"),
    "41": ("Henan", "河南省"),
    "42": ("Hubei", "湖北省"),
    "43": ("Hunan", "湖南省"),
    "44": ("Guangdong", "广东省"),
    "45": ("Guangxi", "广西壮族自治区"),
    "46": ("Hainan", "海南省"),
    "50": ("Chongqing", "重庆市"),
    "51": ("Sichuan", "四川省"),
    "52": ("Guizhou", "贵州省"),
    "53": ("Yunnan", "云南省"),
    "54": ("Tibet", "西藏自治区"),
    "61": ("Shaanxi", "陕西省"),
    "62": ("Gansu", "甘肃省"),
    "63": ("Qinghai", "青海省"),
    "64": ("Ningxia", "宁夏回族自治区"),
    "65": ("Xinjiang", "新疆维吾尔自治区"),
    "71": ("Taiwan", "台湾省"),
    "81": ("Hong Kong", "香港特别行政区"),
    "82": ("Macao", "澳门特别行政区"),
}
"""GB/T 2260: the first two digits of a division code."""


def is_industry(place: str) -> bool:
    """Whether the four characters are an industry code (`00` + GB/T 4754 大类) rather than a region code."""
    return place.startswith("00")


def check_place(kind: Kind | None, place: str, *, where: str = "") -> None:
    """`InvalidInput` for four characters that are no 区域代码 or 行业代码, or not of the sort that `kind` has."""
    if len(place) != 4 or not (place.isascii() and place.isdigit()):
        raise _place_error(f"{place!r} is not four digits", where)
    if is_industry(place):
        if place[2:] not in INDUSTRIES:
            raise _place_error(f"{place} names no division (大类 01–97) of GB/T 4754", where)
        if kind in _REGION_ONLY:
            raise _place_error(f"{place} is an industry, but a {kind.english} ({kind.chinese}) has a region", where)
        return
    if place[:2] not in PROVINCES:
        raise _place_error(f"{place} begins with {place[:2]}, which is no province of GB/T 2260", where)
    if kind is Kind.INDUSTRY_NODE:
        raise _place_error(f"{place} is a region, but an {kind.english} ({kind.chinese}) has an industry", where)


def _place_error(what: str, where: str) -> InvalidIdentifier:
    hint = "a region is the first four digits of GB/T 2260, as 3501; an industry is 00 and the GB/T 4754 大类, as 0054"
    return InvalidIdentifier(Reason.PLACE, what, where=where, hint=hint)


def place_name(place: str) -> tuple[str, str]:
    """What a place code names, in English and Chinese; ('', '') for a code that names nothing."""
    if is_industry(place):
        return INDUSTRIES.get(place[2:], ("", ""))
    english, chinese = PROVINCES.get(place[:2], ("", ""))
    if not english or place[2:] in ("", "00"):
        return english, chinese
    return f"{english}, division {place[2:]}", f"{chinese} {place}"
