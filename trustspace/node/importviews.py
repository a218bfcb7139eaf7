"""What the import of agreements takes (合约导入)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trustspace.node.views import View


class AgreementImport(View):
    """An ODRL agreement that was made elsewhere, and what it does not say itself."""

    agreement: dict[str, Any]
    title: str = ""
    connector: str = Field(default="", description="base address of the counterparty's protocol")


class ImportRequest(View):
    """Agreements to take in: all of them or none; one that is here already stays as it is."""

    agreements: list[AgreementImport] = Field(min_length=1, max_length=1000)
