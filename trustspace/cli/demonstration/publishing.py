"""From a file to an entry in the catalogue (数据产品登记), and from words to an offer that one can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from trustspace.cli.demonstration.actors import BUS
from trustspace.cli.demonstration.journal import Told
from trustspace.cli.demonstration.stage import Act, Stage, must, until
from trustspace.core.policy import CHINA, Policy, offer, use
from trustspace.node.client import DataProduct
from trustspace.node.views import ClauseView, DecisionRequest, EntryPage, EntryView, ProductView

TITLE: Final = "城市公交时刻表"
TRIAL: Final = "公交线网限时试用"
WORDS: Final = "公交 时刻表"
PURPOSE: Final = "trip-planning"
COUNT: Final = 2
"""One use by the planner's node; then one is left for two that ask at the same time."""
AHEAD: Final = timedelta(seconds=2)


def publish(title: str, key: str) -> Act:
    """The bus company publishes the file under a policy; an entry is submitted to the functional node."""

    async def act(stage: Stage) -> Told:
        now = datetime.now(UTC)
        made = await _own(stage, title)
        if made is None:
            product = DataProduct(
                title=title,
                files=[stage.place.file],
                description="GTFS 格式的线路、站点与时刻",
                keywords=("公交", "时刻表", "GTFS") if title == TITLE else ("公交", "试用"),
                industry="0054",
                topic="B0300",
            )
            made = await stage.bus.publish(product, _policy(title, now), key=key)
        must(made.digest == stage.place.digest, "the product has another digest than the file", made.product)
        lines = (f"{title}, {made.size} bytes, sha256 {made.digest}",)
        return Told(made.product, lines, {"product": made.product, "digest": made.digest})

    return act


def enter(title: str) -> Act:
    """The functional node's reviewer approves the entry: the product gets its code."""

    async def act(stage: Stage) -> Told:
        seen = await _entry(stage, title)
        if seen.state == "submitted":
            seen = await stage.operator.call("approve_entry", seen.entry, request=DecisionRequest())
        must(len(seen.code) == 32, f"no code was assigned to {title}", seen.entry)
        return Told(seen.code, (f"{title} of {seen.owner}",), {"code": seen.code, "entry": seen.entry})

    return act


def listed(step: str) -> Act:
    """The bus company's node sees the approval and lists the product."""

    async def act(stage: Stage) -> Told:
        product = stage.fact(step, "product")

        async def look() -> ProductView:
            seen: ProductView = await stage.bus.call("product", product)
            return seen

        seen = await until(look, lambda one: one.state == "listed", "the listing")
        return Told(seen.code, (f"{seen.title}: {seen.state} 已上架",))

    return act


async def search(stage: Stage) -> Told:
    """The trip planner searches in Chinese."""
    page: EntryPage = await stage.planner.search_page(WORDS)
    found = [one for one in page.results if one.code == stage.fact("code", "code")]
    must(len(found) == 1, f"{WORDS} does not find {TITLE}")
    return Told(found[0].code, (f"“{WORDS}” finds {found[0].title} of {found[0].owner_name or found[0].owner}",))


async def read(stage: Stage) -> Told:
    """The trip planner reads the offer, clause by clause."""
    seen = await stage.planner.show(stage.fact("code", "code"))
    must(seen.acceptable, f"the offer is not acceptable: {seen.reason}", seen.offer)
    must(seen.provider == stage.fact("bus-certified", "did"), "the offer is of another provider", seen.provider)
    lines = tuple(line for clause in seen.clauses for line in _clause(clause))
    return Told(seen.offer, lines, {"provider": seen.provider})


def _policy(title: str, now: datetime) -> Policy:
    if title == TRIAL:
        return offer(use(purpose=PURPOSE, until=(now + AHEAD).astimezone(CHINA)))
    return offer(use(purpose=PURPOSE, count=COUNT, until=f"{now.year + 1}-12-31"), delete_after="P30D")


def _clause(clause: ClauseView) -> tuple[str, str]:
    return f"{clause.text} — {clause.enforced_by}", f"    {clause.text_zh} — {clause.enforced_by_zh}"


async def _own(stage: Stage, title: str) -> ProductView | None:
    own: list[ProductView] = await stage.bus.call("products")
    return next((one for one in own if one.title == title), None)


async def _entry(stage: Stage, title: str) -> EntryView:
    owner = stage.fact(f"{BUS.key.partition('-')[0]}-certified", "identifier")
    page: EntryPage = await stage.operator.call("entries", limit="1000")
    found = [one for one in page.results if one.title == title and one.owner == owner]
    must(len(found) == 1, f"{len(found)} entries called {title}")
    return found[0]
