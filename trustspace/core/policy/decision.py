"""The four-valued decision (四值判定) of one use, and the report that anybody can replay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from trustspace.core.canon import JsonObject
from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.policy.compiling import Program, Ruling, compile_policy
from trustspace.core.policy.model import Policy
from trustspace.core.policy.request import Request, request_from
from trustspace.core.policy.vocabulary import OPERANDS, Words
from trustspace.core.policy.words import fill, say, short

ENGINE: Final = "trustspace-policy/1"


class DecisionValue(StrEnum):
    """The four answers of a behaviour check (行为校验, TC609-6-2025-15, 7.1.2)."""

    PERMIT = "permit"
    CONDITIONAL = "conditional"
    DENY = "deny"
    DEFAULT_DENY = "default-deny"

    @property
    def chinese(self) -> str:
        """The answer in the standard's words."""
        return _CHINESE[self]


_CHINESE: Final = {
    DecisionValue.PERMIT: "允许",
    DecisionValue.CONDITIONAL: "有条件允许",
    DecisionValue.DENY: "拒绝",
    DecisionValue.DEFAULT_DENY: "默认拒绝",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, one sentence of why in English and Chinese, the report, and the duties to carry out first."""

    value: DecisionValue
    reason: str
    reason_zh: str
    report: JsonObject
    todo: tuple[str, ...] = ()

    @property
    def permitted(self) -> bool:
        """Whether the use goes ahead now; what was reserved in the report's counter is then to be saved with it."""
        return self.value is DecisionValue.PERMIT


def decide(policy: Policy, request: Request) -> Decision:
    """Decide one use in a closed world: what no permission allows is refused, and a prohibition beats a permission.

    A duty inside a permission comes before the use (前置义务): until it is fulfilled the answer is conditional.
    A policy with a term that nobody here enforces permits nothing. Never raises for a policy and a request that exist.
    """
    program = _compiled(policy)
    permissions = [judge(request) for judge in program.permissions]
    prohibitions = [judge(request) for judge in program.prohibitions]
    verdict = _refuse(program.problems) if program.problems else _weigh(permissions, prohibitions, request)
    rules = [ruling.entry for ruling in permissions + prohibitions] + [{**entry} for entry in program.obligations]
    return Decision(verdict.value, verdict.en, verdict.zh, _report(program, request, rules, verdict), verdict.todo)


def replay(policy: Policy, report: JsonObject) -> Decision:
    """Decide again what a report tells of; the same policy gives the same report, byte for byte.

    Raises `InvalidInput` where it is no report, `NotVerified` where it is of another policy or says something else.
    """
    if not isinstance(report, dict):
        raise InvalidInput("a decision report is an object", where="report")
    request = request_from(report)
    if report.get("policy") != f"sha256:{policy.digest}":
        raise NotVerified("the report is of another policy", where="report.policy")
    decision = decide(policy, request)
    different = sorted(
        name for name in report.keys() | decision.report if report.get(name) != decision.report.get(name)
    )
    if different:
        raise NotVerified(f"the policy does not decide this: {', '.join(different)}", where="report")
    return decision


_compiled = lru_cache(maxsize=1024)(compile_policy)


class _Verdict(NamedTuple):
    value: DecisionValue
    en: str
    zh: str
    todo: tuple[str, ...] = ()


def _report(program: Program, request: Request, rules: list[JsonObject], verdict: _Verdict) -> JsonObject:
    reserved = 1 if verdict.value is DecisionValue.PERMIT else 0
    return {
        "decision": str(verdict.value),
        "result_code": _CHINESE[verdict.value],
        "reason": verdict.en,
        "policy": f"sha256:{program.digest}",
        "request": request.to_json(),
        "clock": request.clock,
        "mode": {"duty": "pre", "behaviour": "closed", "conflict": "prohibit"},
        "rules": rules,
        "problems": list(program.problems),
        "todo": list(verdict.todo),
        "counter": {"name": "count", "reserved": reserved, "total": request.used + reserved},
        "engine": ENGINE,
    }


def _refuse(problems: tuple[str, ...]) -> _Verdict:
    listed = "; ".join(problems)
    return _Verdict(
        DecisionValue.DEFAULT_DENY, f"the policy cannot be enforced here: {listed}", f"策略含无法执行的条款：{listed}"
    )


def _weigh(permissions: list[Ruling], prohibitions: list[Ruling], request: Request) -> _Verdict:
    for ruling in prohibitions:
        if ruling.concerns and ruling.holds is not False:
            return _forbid(ruling.entry)
    for ruling in permissions:
        if ruling.concerns and ruling.holds and not ruling.todo:
            return _permit(ruling.entry, request)
    return _withhold([ruling for ruling in permissions if ruling.concerns], request)


def _withhold(concerned: list[Ruling], request: Request) -> _Verdict:
    """Why none of the permissions for this action allows the use now."""
    if not concerned:
        action = short(request.action)
        return _Verdict(DecisionValue.DEFAULT_DENY, f"no permission covers the action {action}", f"未授权行为{action}")
    waiting = next((ruling for ruling in concerned if ruling.holds), None)
    return _condition(waiting.todo) if waiting else _deny(min((ruling.entry for ruling in concerned), key=_distance))


def _permit(entry: JsonObject, request: Request) -> _Verdict:
    name, number = entry["rule"], request.used + 1
    return _Verdict(DecisionValue.PERMIT, f"{name} allows it, as use number {number}", f"{name}允许，第{number}次使用")


def _condition(todo: tuple[str, ...]) -> _Verdict:
    names = ", ".join(todo)
    return _Verdict(
        DecisionValue.CONDITIONAL,
        f"allowed once these duties are fulfilled: {names}",
        f"须先履行前置义务：{names}",
        todo,
    )


def _forbid(entry: JsonObject) -> _Verdict:
    name = entry["rule"]
    met = [f"{short(line['left'])} is {say(line['value'], 'en')}" for line in _atoms(entry["constraints"])]
    return _Verdict(
        DecisionValue.DENY,
        f"{name} forbids it" + (f": {', '.join(met)}" if met else ""),
        f"{name}禁止此使用",
    )


def _atoms(lines: Iterable[JsonObject]) -> list[JsonObject]:
    """The plain constraints among the lines, also those within logical ones."""
    return [atom for line in lines for atom in (_atoms(line["parts"]) if "parts" in line else [line])]


def _distance(entry: JsonObject) -> int:
    """How many constraints stand between the request and this permission: the nearest one is explained."""
    return sum(line["state"] != "satisfied" for line in entry["constraints"])


def _deny(entry: JsonObject) -> _Verdict:
    line = next(line for line in entry["constraints"] if line["state"] != "satisfied")
    en, zh = _failure(line)
    return _Verdict(DecisionValue.DENY, f"{line['id']}: {en}", f"{line['id']}：{zh}")


def _failure(line: JsonObject) -> tuple[str, str]:
    """Why a line of the report is not satisfied: what was met, and what is allowed."""
    if "parts" in line:
        failed = [_failure(part) for part in line["parts"] if part["state"] != "satisfied"]
        if line["logical"] == "xone" or not failed:
            return "exactly one of its alternatives must hold", "备选条件须恰好满足一项"
        return ", and ".join(en for en, _ in failed), "；".join(zh for _, zh in failed)
    words: Words = OPERANDS[line["left"]].words[line["op"]]
    return (
        fill(words.fails_en, "en", right=line["right"], value=line["value"]),
        fill(words.fails_zh, "zh", right=line["right"], value=line["value"]),
    )
