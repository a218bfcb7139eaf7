"""The story, step by step. The names are kept in the journal and told to machines: they stay what they are."""

from __future__ import annotations

from typing import Final

from trustspace.cli.demonstration import beyond, contracting, proving, publishing, registering, using
from trustspace.cli.demonstration.actors import AUDITOR, BUS, FUNCTIONAL, OUTSIDER, PLANNER
from trustspace.cli.demonstration.publishing import TITLE, TRIAL
from trustspace.cli.demonstration.stage import Step

_NODE, _BUS, _PLANNER = FUNCTIONAL.label, BUS.label, PLANNER.label

STORY: Final = (
    Step("bus-applies", _BUS, "applies for an identity 登记", registering.apply_complete),
    Step("planner-applies", _PLANNER, "applies, without a contact", registering.apply_incomplete),
    Step("planner-returned", _NODE, "returns the application with a reason 退回", registering.send_back),
    Step("planner-mends", _PLANNER, "mends it and applies again", registering.mend),
    Step("bus-approved", _NODE, "approves the bus company 审核通过", registering.approve(BUS)),
    Step("planner-approved", _NODE, "approves the trip planner 审核通过", registering.approve(PLANNER)),
    Step("bus-certified", _BUS, "fetches its certificates", registering.certify(BUS)),
    Step("planner-certified", _PLANNER, "fetches its certificates", registering.certify(PLANNER)),
    Step("publish", _BUS, "publishes the file under a policy", publishing.publish(TITLE, "demo-timetable")),
    Step("code", _NODE, "approves the entry and assigns its code 赋码", publishing.enter(TITLE)),
    Step("listed", _BUS, "lists the product 上架", publishing.listed("publish")),
    Step("search", _PLANNER, "searches in Chinese", publishing.search),
    Step("offer", _PLANNER, "reads the offer clause by clause", publishing.read),
    Step("negotiate", _PLANNER, "negotiates, and both sign 签约", contracting.negotiate("code", "demo-timetable")),
    Step("signatures", _PLANNER, "checks the signatures and whose keys they are", contracting.signatures),
    Step("logs", _PLANNER, "and the bus company check each other's log", contracting.check_logs),
    Step("transfer", _PLANNER, "opens a transfer", using.open_transfer("negotiate", "demo")),
    Step("fetch", _PLANNER, "uses the contract once and fetches the data", using.fetch),
    Step("receipts", _BUS, "has the signed receipts, and so has the planner", using.receipts),
    Step("wrong-purpose", OUTSIDER, "asks for another purpose with the valid token", beyond.wrong_purpose),
    Step("last-use", OUTSIDER, "asks twice at once where one use is left", beyond.last_use),
    Step("trial", _BUS, "publishes the file again, for two seconds", publishing.publish(TRIAL, "demo-trial")),
    Step("trial-code", _NODE, "approves that entry too", publishing.enter(TRIAL)),
    Step("trial-listed", _BUS, "lists it", publishing.listed("trial")),
    Step(
        "trial-contract", _PLANNER, "negotiates the second contract", contracting.negotiate("trial-code", "demo-trial")
    ),
    Step("trial-transfer", _PLANNER, "opens a transfer under it", using.open_transfer("trial-contract", "demo")),
    Step("too-late", OUTSIDER, "asks with the valid token after the contract's end", beyond.too_late),
    Step("denials", AUDITOR, "finds the same signed denials in both logs", beyond.denials),
    Step("evidence-bus", _BUS, "exports its evidence 存证", proving.export(BUS)),
    Step("evidence-planner", _PLANNER, "exports its evidence 存证", proving.export(PLANNER)),
    Step("count", AUDITOR, "reads the sizes of the three logs", proving.count),
    Step("verify", AUDITOR, "verifies both packs; no node runs any more", proving.verify, nodes=False),
    Step("tamper", AUDITOR, "verifies packs that were altered", proving.tamper, nodes=False),
)
