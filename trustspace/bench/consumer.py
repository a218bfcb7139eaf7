"""The consuming process of `bench transfer`: pulls, verifies and writes once, and says how long that took."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import uvloop

from trustspace.adapters.dataplane.pull import pull
from trustspace.adapters.dataplane.sink import FileSink
from trustspace.adapters.http.addresses import AddressPolicy
from trustspace.adapters.http.peer import AiohttpPeer
from trustspace.adapters.http.tls import client_context
from trustspace.bench.machine import peak_rss_mb
from trustspace.ports import Content


async def main(url: str, content: Content, roots: bytes, target: Path) -> dict[str, float]:
    """Pull the content; seconds and MB."""
    peer = AiohttpPeer(client_context(roots), policy=AddressPolicy.of(["127.0.0.0/8"]))
    try:
        started = time.perf_counter()
        await pull(peer, f"{url}/data", content, FileSink(target))
        taken = time.perf_counter() - started
        theirs = json.loads((await peer.request("GET", f"{url}/memory")).body)
    finally:
        await peer.close()
    return {"seconds": taken, "consumer_rss_mb": peak_rss_mb(), "provider_rss_mb": theirs}


if __name__ == "__main__":
    told, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    wanted = Content(told["digest"], told["size"], "application/octet-stream", "data.bin")
    pem = (folder / "root.pem").read_bytes() if told["url"].startswith("https") else b""
    sys.stdout.write(json.dumps(uvloop.run(main(told["url"], wanted, pem, folder / "pulled.bin"))))
