"""Agreements made elsewhere: how a file with them is read, and how a node takes them in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from pydantic import ValidationError

from trustspace.core.canon import loads
from trustspace.core.contract import Contract, imported
from trustspace.core.errors import InvalidInput, MisusedError
from trustspace.node.importviews import ImportRequest
from trustspace.node.settings import settings_error
from trustspace.services.importing import take_in

if TYPE_CHECKING:
    from trustspace.node.engine import Engine

LIMIT: Final = 1 << 20


async def import_agreements(engine: Engine, request: ImportRequest) -> list[Contract]:
    """Take them in: all of them or none."""
    now, contracts = engine.clock.now(), []
    for at, one in enumerate(request.agreements):
        where = f"agreements[{at}].agreement"
        made = imported(
            one.agreement, me=engine.me, now=now, title=one.title, address=one.connector.rstrip("/"), where=where
        )
        contracts.append(made)
    required = engine.negotiations.house.require_signatures
    return await take_in(engine.store, contracts, require_signatures=required)


async def import_seeds(engine: Engine) -> None:
    """Take in the files that the settings name; those that were taken in at an earlier start stay as they are."""
    for name in engine.settings.agreements:
        request = await anyio.to_thread.run_sync(read_agreements, engine.folder.path / name)
        await import_agreements(engine, request)


def read_agreements(path: Path) -> ImportRequest:
    """The agreements in a JSON file: one or a list; each an ODRL agreement, or `{"agreement": …, "connector": …}`.

    Raises `MisusedError` where it cannot be read, `InvalidInput` where it is not that.
    """
    try:
        value = loads(path.read_bytes(), where=str(path), limit=LIMIT)
    except OSError as error:
        raise MisusedError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    items = value if isinstance(value, list) else [value]
    try:
        return ImportRequest.model_validate({"agreements": [_wrapped(item, str(path)) for item in items]})
    except ValidationError as error:
        raise settings_error(error, str(path)) from error


def _wrapped(item: Any, where: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise InvalidInput("an ODRL agreement is expected, or a list of them", where=where)
    return {"agreement": item} if item.get("@type") == "Agreement" else item
