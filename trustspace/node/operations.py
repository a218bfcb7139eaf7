"""What the management interface of a connector does, part by part: a method for each verb."""

from __future__ import annotations

import anyio

from trustspace.node.doing.contracts import ContractDoing
from trustspace.node.doing.evidence import EvidenceDoing
from trustspace.node.doing.identity import IdentityDoing
from trustspace.node.doing.products import ProductDoing
from trustspace.node.doing.uses import UseDoing
from trustspace.node.engine import Engine


class Operations(IdentityDoing, ProductDoing, ContractDoing, UseDoing, EvidenceDoing):
    """Every verb of a connector."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.registering = anyio.Lock()
