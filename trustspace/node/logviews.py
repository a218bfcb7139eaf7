"""What the management interface shows of the evidence logs (存证), ours and those of others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from trustspace.node.views import View


class PeerLogView(View):
    """What this node last saw of another's log."""

    peer: str
    size: int
    root: str
    seen: datetime
    consistent: bool
    reason: str = ""


class LogView(View):
    """This node's evidence log (存证)."""

    size: int
    root: str
    checkpoint: str = Field(description="the signed note")
    peers: list[PeerLogView] = Field(default_factory=list)


class LogEntryView(View):
    """One entry of the log."""

    index: int
    kind: str
    time: datetime
    unsigned: bool = Field(default=False, description="no receipt of the peer's, or not both signatures")
    subjects: list[str]
    data: dict[str, Any]


class LogPage(View):
    """Entries of the log, oldest first."""

    total: int
    results: list[LogEntryView]
