"""Fetching from a provider that speaks only the protocol: one plain request to the address that it gave."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from trustspace.core.errors import Refused, StorageFull, Unavailable
from trustspace.core.transfer import DataAddress, Transfer
from trustspace.core.usage import Use
from trustspace.ports import Content
from trustspace.services.transfer import ENDPOINT_TYPE

if TYPE_CHECKING:
    from trustspace.node.engine import Engine

Progress = Callable[[int], None] | None
LONGEST_NAME: Final = 100


async def fetch_plainly(engine: Engine, use: Use, transfer: Transfer, progress: Progress) -> tuple[Content, datetime]:
    """Bring the bytes into the node's files, under their own digest; what they are, and when they were here.

    Nobody said what they should be: whole is what the connection brought to its end. Raises `Refused` with the
    provider's status, `Unavailable` where the connection broke, `StorageFull`.
    """
    address = _usable(transfer)
    part = engine.folder.files / f".{secrets.token_hex(8)}.part"
    try:
        async with engine.peer.stream("GET", address.endpoint, headers=_authorization(address)) as answer:
            if answer.status != 200:
                kind = Unavailable if answer.status >= 500 else Refused
                raise kind(f"the provider answered {answer.status}", where=address.endpoint)
            digest, size = await _write(part, answer.chunks, progress)
            media_type = answer.headers.get("content-type", "application/octet-stream")
        await anyio.Path(part).replace(engine.folder.files / digest)
    except OSError as error:
        kind = StorageFull if error.errno == errno.ENOSPC else Unavailable
        raise kind(f"the data could not be stored: {error.strerror}", where=use.key) from error
    finally:
        await anyio.Path(part).unlink(missing_ok=True)
    return Content(digest, size, media_type, _name(transfer)), engine.steady.now()


def _usable(transfer: Transfer) -> DataAddress:
    address = transfer.address
    if address is None or not address.endpoint:
        raise Refused("the provider gave no address for the data", where=transfer.key)
    if address.endpoint_type not in {ENDPOINT_TYPE, "HTTP"}:
        raise Refused(f"data at {address.endpoint_type} cannot be fetched here", where=transfer.key)
    return address


def _authorization(address: DataAddress) -> dict[str, str]:
    """The header that the address asks for; `Refused` where it is more than one header."""
    value = address.get("authorization")
    if not value:
        return {}
    if not value.isprintable() or not value.isascii():
        raise Refused("the authorization that the provider gave is no header", where=address.endpoint)
    named = address.get("authType").lower() == "bearer" and not value.lower().startswith("bearer ")
    return {"authorization": f"Bearer {value}" if named else value}


def _name(transfer: Transfer) -> str:
    """A name to save it under: nothing that the provider says becomes a path."""
    return "".join(sign if sign.isalnum() else "-" for sign in transfer.agreement)[-LONGEST_NAME:].strip("-") or "data"


async def _write(part: Path, chunks: AsyncIterator[bytes], progress: Progress) -> tuple[str, int]:
    """The digest and size of what was written, durably."""
    seen, size = hashlib.sha256(), 0
    async with await anyio.open_file(part, "xb") as file:
        async for chunk in chunks:
            seen.update(chunk)
            size += await file.write(chunk)
            if progress is not None:
                progress(size)
        await file.flush()
        await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
    return seen.hexdigest(), size
