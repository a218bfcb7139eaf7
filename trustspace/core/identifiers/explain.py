"""What is this text? Part by part, in English and Chinese, with the reason where it is not valid. Never raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from trustspace.core.identifiers.alternates import recognise
from trustspace.core.identifiers.check import STAR, Algorithm, check_character
from trustspace.core.identifiers.codes import PROVINCES, Kind, place_name
from trustspace.core.identifiers.explanation import Explanation, Part, cut, shown, veil
from trustspace.core.identifiers.parse import CODE_LENGTH, CONTRACT_LENGTH, parse, parse_contract, split
from trustspace.core.identifiers.profile import DEFAULT, LOOSE_SEPARATORS, SEPARATOR, Profile
from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason
from trustspace.core.identifiers.subjects import (
    check_credit_code,
    check_organisation_code,
    check_resident_number,
    is_credit_code,
    is_resident,
    mask,
)

_SUBJECT: Final = ("subject", "主体标识码", 18)
_TAIL: Final = (("serial", "随机码", 8), ("check", "校验码", 1))
_PLACE: Final = ("place", "区域/行业代码", 4)
_IDENTIFIER: Final = (("type", "类型码", 1), _SUBJECT, _PLACE, *_TAIL)
_CONTRACT: Final = (("types", "合约类型码、业务节点类型码", 2), _SUBJECT, _PLACE, ("time", "时间码", 14), *_TAIL)
_CREDIT: Final = (
    ("department", "登记管理部门代码", 1),
    ("category", "机构类别代码", 1),
    ("division", "登记管理机关行政区划码", 6),
    ("organisation", "主体标识码（组织机构代码）", 9),
    ("check", "校验码", 1),
)
_DEPARTMENTS: Final = {
    "1": ("public institution establishment", "机构编制"),
    "2": ("foreign affairs", "外交"),
    "3": ("judicial administration", "司法行政"),
    "4": ("culture", "文化"),
    "5": ("civil affairs", "民政"),
    "6": ("tourism", "旅游"),
    "7": ("religion", "宗教"),
    "8": ("trade unions", "工会"),
    "9": ("market regulation", "工商（市场监管）"),
    "A": ("military establishment", "中央军委改革和编制办公室"),
    "N": ("agriculture", "农业"),
    "Y": ("other", "其他"),
}
_SERIAL: Final = ("says nothing: makes the code unique", "无含义，仅保证唯一")


def explain(text: str, *, profile: Profile = DEFAULT) -> Explanation:
    """What `text` is, valid or not under the profile; total, and with no resident number in the answer."""
    alternate = _alternate(text)
    if alternate:
        return alternate
    code, separator, _ = split(text)
    if len(code) == CODE_LENGTH:
        return _identifier(text, profile)
    by_length = {CONTRACT_LENGTH: _contract, 18: _subject, 9: _organisation}
    return _unknown(text) if separator else by_length.get(len(text), _other)(text, profile)


def _other(text: str, profile: Profile) -> Explanation:
    hyphened = len(text) == 10 and text[8] == "-"
    return _organisation(text[:8] + text[9], profile) if hyphened else _unknown(text)


def _identifier(text: str, profile: Profile) -> Explanation:
    code, separator, extension = split(text)
    error = _error(lambda: parse(text, profile=profile))
    kind = Kind(code[0]) if code[0] in "".join(Kind) else None
    found = recognise(extension)
    parts = cut(code, _IDENTIFIER, {"type": _names(kind), **_common(code, code[1:19], code[19:23], profile)})
    if separator:
        parts += (_extension(extension, found[0].english if found else ""),)
    answer = Explanation(
        text=_shown_code(code, 1) + separator + shown(extension),
        form=kind.word if kind else "identifier",
        what=f"identifier of a {kind.english}" if kind else "identifier of an unknown type",
        chinese=f"{kind.chinese}标识码" if kind else "标识码（类型未知）",
        parts=parts,
        diagnostics=_diagnostics(code, code[1:19], error, profile) + _separator_note(separator, error),
        alternates=(found[0].word,) if found else (),
    )
    return _judged(answer, error)


def _contract(text: str, profile: Profile) -> Explanation:
    error = _error(lambda: parse_contract(text, profile=profile))
    time = text[24:38]
    meanings = {"types": ("opaque: the text gives no values", "文本未给出取值"), "time": (_clock(time), _clock(time))}
    answer = Explanation(
        text=_shown_code(text, 2),
        form="contract",
        what="contract identifier",
        chinese="合约标识码",
        parts=cut(text, _CONTRACT, {**meanings, **_common(text, text[2:20], text[20:24], profile)}),
        diagnostics=_diagnostics(text, text[2:20], error, profile),
    )
    return _judged(answer, error)


def _subject(text: str, profile: Profile) -> Explanation:
    return _resident(text) if is_resident(text) else _credit(text, profile)


def _resident(text: str) -> Explanation:
    error = _error(lambda: check_resident_number(text))
    answer = Explanation(
        text=mask(text),
        form="resident-number",
        what="resident number of a person, masked",
        chinese="公民身份号码（已脱敏）",
        parts=(Part("province", "省级区划", text[:2], 1, 2, *PROVINCES[text[:2]]),),
        diagnostics=("it identifies a person: it never stands in an identifier, a file or a log",),
    )
    return _judged(answer, error)


def _credit(text: str, _profile: Profile) -> Explanation:
    error = _error(lambda: check_credit_code(text))
    personal = error is not None and set(text) <= set("0123456789Xx")  # a mistyped resident number looks so
    meanings = {
        "department": _DEPARTMENTS.get(text[0], ("", "")),
        "division": place_name(text[2:6]),
        "check": _fit(error is None, "GB 32100, MOD 31-3"),
    }
    answer = Explanation(
        text=mask(text) if personal else shown(text),
        form="credit-code",
        what="unified social credit code of an organisation",
        chinese="统一社会信用代码",
        parts=() if personal else cut(text, _CREDIT, meanings),
    )
    return _judged(answer, error)


def _organisation(text: str, _profile: Profile) -> Explanation:
    error = _error(lambda: check_organisation_code(text))
    layout = (("organisation", "本体代码", 8), ("check", "校验码", 1))
    answer = Explanation(
        text=shown(text),
        form="organisation-code",
        what="organisation code",
        chinese="组织机构代码",
        parts=cut(text, layout, {"check": _fit(error is None, "GB 11714, MOD 11")}),
        diagnostics=("an organisation is named by its 18-character credit code, which holds this one",),
    )
    return _judged(answer, error)


def _alternate(text: str) -> Explanation | None:
    found = recognise(text)
    if found is None:
        return None
    alternate, parts = found
    return Explanation(
        text=shown(text),
        form=alternate.word,
        what=alternate.english,
        chinese=alternate.chinese,
        parts=tuple(_veiled(part) for part in parts),
        diagnostics=("well-formed; an alternate, carried beside an identifier and never in its place",),
        alternates=(alternate.word,),
    )


def _unknown(text: str) -> Explanation:
    code, separator, _ = split(text)
    length = f"{len(code)} characters before {separator!r}" if separator else f"{len(text)} characters"
    reason = (
        f"{length}: an identifier has 32, a contract identifier 47, a credit code 18 (it is none of the known forms)"
    )
    return Explanation(
        text=shown(text),
        form="unknown",
        what="none of the known forms",
        chinese="无法识别",
        valid=False,
        reason=reason,
        reason_code=Reason.UNKNOWN,
        diagnostics=_hints(text),
    )


def _hints(text: str) -> tuple[str, ...]:
    """What a text of no known form may have been meant to be."""
    rules = (
        ("%E2%80%A2" in text.upper(), f"this is the form for URLs: %E2%80%A2 stands for {SEPARATOR}"),
        (text != text.strip(), "there is white space at an end"),
        (
            bool(re.fullmatch("[67][0-9A-Z]{44}", text)),
            "some trading platforms write such codes; no rule is known for them",
        ),
        (text.startswith("did:"), "a decentralised identifier of a method that is no alternate here"),
    )
    return tuple(hint for holds, hint in rules if holds)


def _shown_code(text: str, subject: int) -> str:
    """A code fit to be shown: its subject masked where that is a resident number; the rest as it stands."""
    return veil(text.encode(errors="backslashreplace").decode(), subject)


def _common(code: str, subject: str, place: str, profile: Profile) -> dict[str, tuple[str, str]]:
    """What subject, place, serial and check mean, in identifiers and contract identifiers alike."""
    owner = ("an organisation, by its credit code", "统一社会信用代码")
    other = (
        "no credit code: a person's pseudonym or a registrar's own code",
        "非统一社会信用代码：加密主体码或平台分配码",
    )
    return {
        "subject": owner if is_credit_code(subject) else other,
        "place": place_name(place),
        "serial": _SERIAL,
        "check": _fit(_fits(code, profile.check), profile.check),
    }


def _diagnostics(code: str, subject: str, error: InvalidIdentifier | None, profile: Profile) -> tuple[str, ...]:
    other = Algorithm.MOD_37_2 if profile.check is Algorithm.MOD_37_36 else Algorithm.MOD_37_36
    credit = _error(lambda: check_credit_code(subject))
    rules = (
        (error is not None and _fits(code, other), f"its check fits {other}; valid is only what fits {profile.check}"),
        (code[-1] == STAR, f"its check is {STAR}, which is never assigned here"),
        (
            credit is not None and not is_resident(subject),
            f"its subject is no valid credit code: {credit and credit.what}",
        ),
    )
    return tuple(note for holds, note in rules if holds)


def _separator_note(separator: str, error: InvalidIdentifier | None) -> tuple[str, ...]:
    loose = error is None and separator in LOOSE_SEPARATORS
    return (f"{separator!r} was accepted for {SEPARATOR}, which is what is written",) if separator and loose else ()


def _extension(extension: str, meaning: str) -> Part:
    first = CODE_LENGTH + 2
    return Part("extension", "扩展码", shown(extension), first, first + max(len(extension), 1) - 1, meaning)


def _veiled(part: Part) -> Part:
    return Part(part.name, part.chinese, shown(part.value), part.first, part.last, part.meaning, part.meaning_chinese)


def _names(kind: Kind | None) -> tuple[str, str]:
    return (kind.english, kind.chinese) if kind else ("", "")


def _clock(time: str) -> str:
    return f"{time[:4]}-{time[4:6]}-{time[6:8]} {time[8:10]}:{time[10:12]}:{time[12:]}" if time.isdigit() else ""


def _fit(fits: bool, rule: str) -> tuple[str, str]:
    return (f"fits {rule}", f"符合 {rule}") if fits else (f"does not fit {rule}", f"不符合 {rule}")


def _fits(code: str, algorithm: Algorithm) -> bool:
    try:
        return check_character(code[:-1], algorithm) == code[-1]
    except InvalidIdentifier:
        return False


def _error(check: Callable[[], object]) -> InvalidIdentifier | None:
    try:
        check()
    except InvalidIdentifier as error:
        return error
    return None


def _judged(answer: Explanation, error: InvalidIdentifier | None) -> Explanation:
    return replace(answer, valid=False, reason=str(error), reason_code=error.reason) if error else answer
