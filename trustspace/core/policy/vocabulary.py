"""What can be written in a policy here, as tables: actions, operands, operators, values, who enforces, and the words.

A term that is not in these tables is unknown: it is refused before signing, and never permits a use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from trustspace.core.errors import InvalidInput
from trustspace.core.policy.model import ODRL, OURS, Kind
from trustspace.core.policy.words import quote

DATE_TIME: Final = f"{ODRL}dateTime"
COUNT: Final = f"{ODRL}count"
PURPOSE: Final = f"{ODRL}purpose"
RECIPIENT: Final = f"{ODRL}recipient"
DELAY: Final = f"{ODRL}delayPeriod"
EVENT: Final = f"{ODRL}event"
USE: Final = "use"
DELETE: Final = f"{ODRL}delete"
INFORM: Final = f"{ODRL}inform"
DELIVERY: Final = f"{OURS}delivery"
"""The event that an obligation's delay is counted from: each delivery of the data (交付)."""


class Enforcement(StrEnum):
    """Who sees to it that a clause is kept; only what is not `UNKNOWN` is signed."""

    PROVIDER = "provider"
    CONSUMER = "consumer"
    EVIDENCE = "evidence"
    AGREED_TEXT = "agreed-text"
    UNKNOWN = "unknown"


WHO: Final[Mapping[Enforcement, tuple[str, str]]] = {
    Enforcement.PROVIDER: ("the provider's node, before any data leaves", "提供方节点，在数据发出之前"),
    Enforcement.CONSUMER: ("the consumer's node; the provider sees the evidence of it", "使用方节点；提供方可见其存证"),
    Enforcement.EVIDENCE: ("nobody prevents it; it is recorded", "无人事先阻止；事后有据可查"),
    Enforcement.AGREED_TEXT: ("nobody; it is agreed text between the parties", "由双方约定，系统不执行"),
    Enforcement.UNKNOWN: ("nobody here: it is refused", "此处无人能执行：拒绝"),
}
"""Each class in words for people, English and Chinese."""


@dataclass(frozen=True, slots=True)
class Words:
    """What an operand with an operator means, and how a failure reads; `{right}` and `{value}` are filled in."""

    en: str
    zh: str
    fails_en: str = ""
    fails_zh: str = ""


@dataclass(frozen=True, slots=True)
class Operand:
    """A left operand: where it may stand, its operators with their words, how a right operand is read, who enforces."""

    name: str
    places: frozenset[Kind]
    parse: Callable[[str], Any]
    enforced: Enforcement
    words: Mapping[str, Words]


@dataclass(frozen=True, slots=True)
class Action:
    """An action: what kinds of rule it may be in, who enforces it there, and the words for each."""

    enforced: Enforcement
    words: Mapping[Kind, Words]


def parse_instant(text: str) -> datetime:
    """An xsd:dateTime with an offset; `InvalidInput` for anything else: a time without one is several times."""
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidInput(f"{quote(text)} is not a time with an offset", hint="write it like 2027-12-31T00:00:00+08:00")


_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})",
)


MAX_COUNT: Final = 10**16
"""A count is under this."""


def parse_count(text: str) -> int:
    """A whole number of at most 16 digits (TC609-6-2025-14, C.6: N..16); `InvalidInput` for anything else."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text):
        raise InvalidInput(f"{quote(text)} is not a whole number of at most 16 digits")
    return int(text)


def parse_duration(text: str) -> timedelta:
    """An ISO 8601 duration of weeks, or of days, hours, minutes and seconds, from one second to 100 years.

    Months and years are refused with `InvalidInput`: how long they are depends on the calendar.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise InvalidInput(f"{quote(text)} is not a fixed length of time", hint="days, not months: P30D, PT12H, P2W")
    length = timedelta(**{unit: int(number) for unit, number in match.groupdict(default="0").items()})
    if not timedelta(0) < length <= _LONGEST:
        raise InvalidInput(f"{quote(text)} is not between one second and 100 years")
    return length


_LONGEST: Final = timedelta(days=36525)
_DURATION: Final = re.compile(
    r"P(?!\Z)(?:(?P<weeks>[0-9]{1,5})W|(?:(?P<days>[0-9]{1,5})D)?"
    r"(?:T(?!\Z)(?:(?P<hours>[0-9]{1,6})H)?(?:(?P<minutes>[0-9]{1,8})M)?(?:(?P<seconds>[0-9]{1,10})S)?)?)",
)


def parse_name(text: str) -> str:
    """A purpose or a party: any text that is not empty, compared exactly."""
    if not text:
        raise InvalidInput("an empty name")
    return text


def _parse_event(text: str) -> str:
    if text != DELIVERY:
        raise InvalidInput(f"{quote(text)} is not an event known here", hint=f"{DELIVERY} is")
    return text


_IN_RULES: Final = frozenset({Kind.PERMISSION, Kind.PROHIBITION})

_DATE_TIME_WORDS: Final = {
    "lt": Words(
        "before {right} (that instant is already too late)", "在{right}之前（该时刻起不可）",
        "it is {value}, and {right} was the first instant too late", "现在是{value}，自{right}起已过期",
    ),
    "lteq": Words(
        "until {right} inclusive", "至{right}为止（含）",
        "it is {value}, and {right} was the last instant allowed", "现在是{value}，最晚为{right}",
    ),
    "gteq": Words(
        "from {right} on", "自{right}起",
        "it is {value}, and it begins at {right}", "现在是{value}，{right}起才可",
    ),
    "gt": Words(
        "after {right}", "在{right}之后",
        "it is {value}, and it begins after {right}", "现在是{value}，{right}之后才可",
    ),
}  # fmt: skip
_COUNT_WORDS: Final = {
    "lteq": Words(
        "at most {right} uses under the contract, all together", "合约项下合计最多使用{right}次",
        "this would be use number {value}, and {right} are allowed", "这将是第{value}次使用，最多允许{right}次",
    ),
    "lt": Words(
        "fewer than {right} uses under the contract, all together", "合约项下合计使用少于{right}次",
        "this would be use number {value}, and fewer than {right} are allowed",
        "这将是第{value}次使用，须少于{right}次",
    ),
}  # fmt: skip
_DECLARED_EN: Final = "; the consumer declares it with each use, and what is then done with the data is only evidenced"
_DECLARED_ZH: Final = "；使用方每次使用时声明，之后的实际用途仅能存证"
_ONLY_PURPOSE: Final = Words(
    f"for the declared purpose {{right}}{_DECLARED_EN}", f"声明的用途为{{right}}{_DECLARED_ZH}",
    "declared purpose: {value}; allowed: {right}", "声明的用途：{value}；允许的用途：{right}",
)  # fmt: skip
_NOT_PURPOSE: Final = Words(
    f"for a declared purpose other than {{right}}{_DECLARED_EN}", f"声明的用途不是{{right}}{_DECLARED_ZH}",
    "declared purpose: {value}; allowed: any but {right}", "声明的用途：{value}；不允许：{right}",
)  # fmt: skip
_ONLY_PARTY: Final = Words(
    "by {right}", "使用者为{right}",
    "{value} asks, and it is only for {right}", "请求者为{value}，仅限{right}",
)  # fmt: skip
_NOT_PARTY: Final = Words(
    "by anyone but {right}", "使用者不是{right}",
    "{value} asks, and it is not for {right}", "请求者为{value}，不包括{right}",
)  # fmt: skip

OPERANDS: Final[Mapping[str, Operand]] = {
    DATE_TIME: Operand("dateTime", _IN_RULES, parse_instant, Enforcement.PROVIDER, _DATE_TIME_WORDS),
    COUNT: Operand("count", frozenset({Kind.PERMISSION}), parse_count, Enforcement.PROVIDER, _COUNT_WORDS),
    PURPOSE: Operand(
        "purpose", _IN_RULES, parse_name, Enforcement.PROVIDER,
        {"eq": _ONLY_PURPOSE, "isAnyOf": _ONLY_PURPOSE, "neq": _NOT_PURPOSE, "isNoneOf": _NOT_PURPOSE},
    ),
    RECIPIENT: Operand(
        "recipient", _IN_RULES, parse_name, Enforcement.PROVIDER,
        {"eq": _ONLY_PARTY, "isAnyOf": _ONLY_PARTY, "neq": _NOT_PARTY, "isNoneOf": _NOT_PARTY},
    ),
    DELAY: Operand(
        "delayPeriod", frozenset({Kind.OBLIGATION}), parse_duration, Enforcement.CONSUMER,
        {"lteq": Words("within {right} of each delivery", "每次交付后{right}之内")},
    ),
    EVENT: Operand(
        "event", frozenset({Kind.OBLIGATION}), _parse_event, Enforcement.CONSUMER,
        {"gt": Words("counted from each delivery", "自每次交付之时起算")},
    ),
}  # fmt: skip
"""The left operands (左操作数) known here, by IRI."""

ACTIONS: Final[Mapping[str, Action]] = {
    USE: Action(Enforcement.PROVIDER, {
        Kind.PERMISSION: Words("the data may be used", "可以使用数据"),
        Kind.PROHIBITION: Words("the data must not be used", "不得使用数据"),
    }),
    DELETE: Action(Enforcement.CONSUMER, {
        Kind.OBLIGATION: Words("the consumer must delete the data", "使用方必须删除数据"),
    }),
    INFORM: Action(Enforcement.PROVIDER, {
        Kind.DUTY: Words("before each use the consumer must notify the provider", "每次使用前，使用方须通知提供方"),
    }),
}  # fmt: skip
"""The actions (行为) known here, by the protocol's term or by IRI, each with the kinds of rule it may be in."""
