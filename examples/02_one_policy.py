"""One usage policy (使用策略): written, checked, explained, and asked about."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from trustspace.core.errors import Refused
from trustspace.core.policy import Request, check_enforceable, clauses, decide, due, from_odrl, offer, to_odrl, use


def main() -> None:
    policy = offer(use(purpose="trip-planning", count=10, until="2027-12-31"), delete_after="P30D")
    print(json.dumps(to_odrl(policy), indent=1))  # goes into a Dataspace Protocol offer as it is

    check_enforceable(policy)
    for clause in clauses(policy, language="zh"):
        print(f"{clause.path}: {clause.text}（{clause.who}）")

    now = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    for purpose, used in (("trip-planning", 9), ("trip-planning", 10), ("advertising", 0)):
        decision = decide(policy, Request("use", "did:web:planner.example", now, purpose=purpose, used=used))
        print(f"{decision.value.chinese} {decision.value}: {decision.reason}")

    [deletion] = due(policy, anchor=now)
    print(f"delete by {deletion.due.isoformat()}")

    rule = {"leftOperand": "urn:example:mood", "operator": "eq", "rightOperand": "good"}
    try:
        check_enforceable(from_odrl({"permission": [{"action": "use", "constraint": [rule]}]}))
    except Refused as refusal:
        print(f"not signed: {refusal}")


if __name__ == "__main__":
    main()
