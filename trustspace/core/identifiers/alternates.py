"""Neighbouring identifier systems, recognised by their form: carried beside an identifier, never in its place.

None of them has a check that could be computed here: the front and back code has two check characters, but the draft
names no algorithm for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trustspace.core.identifiers.codes import place_name
from trustspace.core.identifiers.explanation import Part
from trustspace.core.identifiers.industries import INDUSTRIES
from trustspace.core.identifiers.subjects import is_date


@dataclass(frozen=True, slots=True)
class Alternate:
    """A system: its word, names, the pattern whose groups are the parts, and what the parts mean."""

    word: str
    english: str
    chinese: str
    pattern: re.Pattern[str]
    parts: tuple[tuple[str, str], ...]
    meaning: Callable[[str, str], str] = lambda _name, _value: ""
    holds: Callable[[re.Match[str]], bool] = lambda _match: True


def _bid_meaning(name: str, value: str) -> str:
    keys = {"e": "an Ed25519 key", "z": "an SM2 key"}
    return keys.get(value[0], "") if name == "suffix" else ""


def _catalogue_meaning(name: str, value: str) -> str:
    if name == "division":
        return place_name(value[:4])[0]
    types = {"D": "a table (表)", "F": "a file (文件)", "A": "an API (接口)", "S": "a service (服务)"}
    return types[value] if name == "type" else ""


def _registration_meaning(name: str, value: str) -> str:
    return INDUSTRIES.get(value, ("", ""))[0] if name == "industry" else ""


ALTERNATES: Final = (
    Alternate(
        "bid",
        "BID of 星火链网, a decentralised identifier",
        "星火链网标识 BID",
        re.compile(r"did:bid:(?:([0-9a-zA-Z]{4}):)?([0-9a-zA-Z]{22,42})"),
        (("sub-chain", "子链 AC 号"), ("suffix", "后缀")),
        _bid_meaning,
    ),
    Alternate(
        "catalogue-code",
        "front and back code of a catalogue (NDI-TR-2025-06 draft, 8.1)",
        "目录前段码/后段码",
        re.compile(r"([0-9]{6})([0-9A-Z]{18}|[0-9A-Z]{9})/([DFAS])([0-9]{6})([0-9A-Z]{2})"),
        (
            ("division", "行政区划代码"),
            ("organisation", "组织机构代码"),
            ("type", "类型"),
            ("serial", "顺序号"),
            ("check", "校验码"),
        ),
        _catalogue_meaning,
    ),
    Alternate(
        "handle",
        "Handle of the digital object architecture",
        "Handle 标识",
        re.compile(r"(?:hdl:|handle:)?([0-9]+(?:\.[0-9A-Za-z]+)*)/([^\s/][^\s]*)"),
        (("prefix", "前缀"), ("suffix", "后缀")),
        lambda name, value: "a prefix of China (86)" if name == "prefix" and value.split(".")[0] == "86" else "",
    ),
    Alternate(
        "registration-code",
        "code of an earlier resource registration",
        "数据资源登记码",
        re.compile(r"([0-9]{2})([0-9]{2})([0-9]{8})([0-9A-Z]{8})"),
        (("registration type", "登记类型"), ("industry", "行业分类"), ("date", "日期码"), ("random", "随机码")),
        _registration_meaning,
        lambda match: is_date(match[3]),
    ),
)


def recognise(text: str) -> tuple[Alternate, tuple[Part, ...]] | None:
    """The system that `text` is a code of, by its form, and its parts; None where there is none."""
    for alternate in ALTERNATES:
        match = alternate.pattern.fullmatch(text)
        if match and alternate.holds(match):
            return alternate, _parts(alternate, match)
    return None


def _parts(alternate: Alternate, match: re.Match[str]) -> tuple[Part, ...]:
    return tuple(
        Part(
            name, chinese, match[group], match.start(group) + 1, match.end(group), alternate.meaning(name, match[group])
        )
        for group, (name, chinese) in enumerate(alternate.parts, 1)
        if match[group] is not None
    )
