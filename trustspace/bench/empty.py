"""The serving process of the floor: an empty handler that verifies, syncs and signs as a node has to, and no more."""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count
from pathlib import Path
from typing import Final

import uvloop
from starlette.types import Receive, Scope, Send

from trustspace.adapters.http.tls import server_context
from trustspace.adapters.keys import MemoryKey
from trustspace.bench.least import Journal, Shared
from trustspace.core.identity.keys import verify
from trustspace.node.serving import Listener, serve

ANSWER: Final = b"a" * 200
"""About as long as an acknowledgement."""
SIGNATURE, SIGNED, TIMES, SIGNER = b"x-signature", b"x-signed", b"x-times", b"x-signer"


class Empty:
    """The handler: the body's signature is verified `x-times`, a page is synced, the answer has a signed receipt."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._key, self._number = journal, MemoryKey("floor server"), count()
        self._sign = Shared(self._signature)

    @property
    def public_der(self) -> bytes:
        """The key of the receipts."""
        return self._key.public_der

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        body = await _body(receive)
        public, signature = (bytes.fromhex(headers[name].decode()) for name in (SIGNER, SIGNATURE))
        for _ in range(int(headers[TIMES])):
            verify(public, self._key.algorithm, signature, body)
        await self._journal.sync()
        signed, receipt = await self._sign()
        told = [(b"content-length", b"%d" % len(ANSWER)), (SIGNED, signed), (SIGNATURE, receipt)]
        await send({"type": "http.response.start", "status": 200, "headers": told})
        await send({"type": "http.response.body", "body": ANSWER})

    async def _signature(self) -> tuple[bytes, bytes]:
        signed = b"%d" % next(self._number)
        return signed, self._key.sign(signed).hex().encode()


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def main(folder: Path, tls: bool) -> None:
    """Serve until standard input ends."""
    context = server_context(folder / "tls.pem", folder / "key.pem") if tls else None
    journal = Journal(folder / "server.journal")
    empty = Empty(journal)
    async with serve([Listener(empty, tls=context)]) as [bound]:
        sys.stdout.write(json.dumps({"url": bound.url, "key": empty.public_der.hex()}) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
    journal.close()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2] == "tls"))
