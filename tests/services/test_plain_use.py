"""Who must name the digest of what it delivers, and who cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.services.spaces import space
from trustspace.core.canon import loads_object
from trustspace.core.contract import Signed
from trustspace.core.errors import Refused
from trustspace.core.transfer import DataAddress
from trustspace.node.doing.uses import granted
from trustspace.services.plain_use import is_plain

pytestmark = pytest.mark.anyio


async def test_whoever_signed_the_contract_names_the_digest_of_the_data() -> None:
    async with space() as s:
        contract = await s.contract()
        transfer = await s.transfer(contract)
        assert isinstance(transfer.address, DataAddress)
        bare = replace(transfer, address=replace(transfer.address, properties=transfer.address.properties[:2]))
        unsigned = replace(contract, signed=Signed.UNSIGNED)
        assert not is_plain(contract, bare), "a signed contract is no way around the digest"
        assert is_plain(unsigned, bare)
        assert not is_plain(unsigned, transfer), "it names one, unsigned as it is"
        asked = {"use": "monday", "purpose": "trip-planning"}
        told = loads_object((await s.ask(transfer, "monday")).body)
        assert granted(contract, transfer, asked, told).digest, "the control"
        for digest in ("", told["digest"]):
            with pytest.raises(Refused, match="other data"):
                granted(contract, bare, asked, {**told, "digest": digest})
