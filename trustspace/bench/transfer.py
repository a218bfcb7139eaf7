"""A large file from one process to another: pulled, its SHA-256 checked while it streams, written and synced."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trustspace.bench import certificate, machine
from trustspace.bench.figures import Figures, Run
from trustspace.bench.process import output, running
from trustspace.bench.provider import FILE

BLOCK = 16 << 20


async def measure(*, runs: int = 3, size: int = 1 << 30, tls: bool = True) -> Figures:
    """`size` bytes a run; both processes and the disk are on this machine."""
    with TemporaryDirectory(prefix="trustspace-bench-") as name:
        folder = Path(name)
        write(folder / FILE, size)
        certificate.make(folder)
        async with running("trustspace.bench.provider", name, "tls" if tls else "plain") as (_, told):
            found = [await _run(folder, told) for _ in range(runs)]
        raw = {"copy_gigabytes_per_second": machine.copies(folder / FILE)}
    raw["sha256_gigabytes_per_second"] = machine.hashes()
    ratios = {"gigabytes_per_second": "copy_gigabytes_per_second"}
    return Figures("transfer", {"tls": tls, "bytes": size}, found, raw, ratios)


async def _run(folder: Path, told: dict[str, Any]) -> Run:
    found = await output("trustspace.bench.consumer", json.dumps(told), str(folder))
    (folder / "pulled.bin").unlink()
    return {
        "gigabytes_per_second": told["size"] / machine.GIGA / found["seconds"],
        "peak_rss_mb": max(found["consumer_rss_mb"], found["provider_rss_mb"]),
        "consumer_rss_mb": found["consumer_rss_mb"],
        "provider_rss_mb": found["provider_rss_mb"],
    }


def write(path: Path, size: int) -> None:
    """A file of that many bytes that no layer below can shorten, on the disk before anything is measured."""
    block, left = os.urandom(min(BLOCK, max(size, 1))), size
    with path.open("wb") as file:
        while left > 0:
            left -= file.write(block[:left])
        file.flush()
        os.fsync(file.fileno())
