"""Taking in agreements that were made elsewhere (合约导入): all of a file or none of it, each once."""

from __future__ import annotations

from collections.abc import Sequence

from trustspace.core.contract import Contract
from trustspace.core.errors import Conflict, Refused
from trustspace.ports import Store, Tx
from trustspace.services.logging import log
from trustspace.services.signatures import note_signed


async def take_in(store: Store, contracts: Sequence[Contract], *, require_signatures: bool) -> list[Contract]:
    """Keep imported contracts in one transaction; one that is here already stays as it is.

    Raises `Refused` where contracts have to be signed here, `Conflict` where an id stands for another agreement.
    """
    if require_signatures:
        raise Refused(
            "an imported agreement is not signed, and signatures are required here",
            where="require_signatures",
            hint="negotiate it here, or set require_signatures = false in settings.toml",
        )
    return await store.run(lambda tx: [_keep(tx, contract) for contract in contracts])


def _keep(tx: Tx, contract: Contract) -> Contract:
    known = tx.get(Contract, contract.key)
    if known is None:
        _log_imported(tx, contract)
        note_signed(tx, contract)
        return tx.save(contract, expect=0)
    if known.digest != contract.digest:
        raise Conflict("there is another contract of this id here", where=contract.key, hint="see contracts show")
    return known


def _log_imported(tx: Tx, contract: Contract) -> None:
    data = {"agreement": tx.keep(contract.agreement.encode()), "peer": contract.peer}
    log(tx, "agreement-imported", time=contract.created, subjects=(contract.key,), data=data)
