"""What the management interface of a connector does: a method for each verb, by parts."""

from __future__ import annotations

from trustspace.node.doing.evidence import EvidenceDoing
from trustspace.node.doing.identity import IdentityDoing
from trustspace.node.doing.transfers import TransferDoing


class Operations(IdentityDoing, TransferDoing, EvidenceDoing):
    """Every verb of a connector; the parts stand in `node.doing`."""
