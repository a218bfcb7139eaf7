"""What a bench ran on, and what that machine can do at most: signatures, syncs, copies a second."""

from __future__ import annotations

import hashlib
import os
import platform
import sqlite3
import ssl
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from trustspace.adapters.keys import MemoryKey
from trustspace.core.identity.keys import verify

SECONDS: Final = 0.4
CHUNK: Final = 1 << 20
GIGA: Final = 1e9
PACKAGES: Final = ("trustspace", "cryptography", "uvicorn", "uvloop", "aiohttp", "pydantic")


def describe() -> dict[str, object]:
    """Cores, processor, system and versions; `load` is what else was running (one-minute average)."""
    return {
        "cores": os.cpu_count(),
        "processor": processor(),
        "system": platform.platform(terse=True),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "packages": {name: version(name) for name in PACKAGES},
    }


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def signatures() -> float:
    """ES256 signatures a second on one core."""
    key = MemoryKey("bench")
    return rate(lambda: key.sign(b"bench" * 100))


def verifications() -> float:
    """ES256 verifications a second on one core."""
    key, data = MemoryKey("bench"), b"bench" * 100
    public, signature = key.public_der, key.sign(data)
    return rate(lambda: verify(public, key.algorithm, signature, data))


def fsyncs(folder: Path) -> float:
    """How often a second 4096 bytes can be appended and synced, one after the other, in that folder."""
    path = folder / "fsyncs"
    with path.open("wb", buffering=0) as file:

        def once() -> None:
            file.write(bytes(4096))
            os.fsync(file.fileno())

        found = rate(once)
    path.unlink()
    return found


def limits(folder: Path) -> dict[str, float]:
    """What a negotiation cannot do without, by itself: signatures, verifications and syncs a second."""
    return {
        "fsyncs_per_second": fsyncs(folder),
        "signatures_per_second": signatures(),
        "verifications_per_second": verifications(),
    }


def copies(source: Path) -> float:
    """Gigabytes a second of a plain copy beside the source, synced, in chunks of 1 MiB, without hashing."""
    target, started = source.with_name("copy"), time.perf_counter()
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK):
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    taken = time.perf_counter() - started
    target.unlink()
    return source.stat().st_size / GIGA / taken


def hashes() -> float:
    """Gigabytes a second of SHA-256 on one core."""
    chunk = bytes(CHUNK)
    return rate(lambda: hashlib.sha256(chunk).digest()) * CHUNK / GIGA


def rate(once: Callable[[], object], seconds: float = SECONDS) -> float:
    """How often a second something can be done, by doing it for that long."""
    count, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        once()
        count += 1
    return count / taken


def rss_mb(pid: int) -> float:
    """The memory (MB) that a process has now; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmRSS:")[2].split(maxsplit=1)[0]) * 1024 / 1e6
    except (OSError, IndexError, ValueError):
        return 0.0


def peak_rss_mb() -> float:
    """The most memory (MB) that this process has had; what its parent had before does not count, where known."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024 / 1e6
    except (OSError, IndexError, ValueError):
        import resource

        unit = 1 if platform.system() == "Darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
