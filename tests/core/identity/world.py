"""A small data space of keys and certificates, made from seeds, that the identity tests look at."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.adapters.keys.private import PrivateKey
from trustspace.core.identity.certificates import Profile, issue

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
NODE_ID, BUS_ID = "1110000091110000MA0000000000001A", "3330000091330000MA0000000000002B"

ROOT_KEY, NODE_KEY, BUS_KEY, OTHER_KEY = (MemoryKey(name) for name in ("root", "node", "bus", "other"))


def make_root(key: PrivateKey = ROOT_KEY, name: str = "区域功能节点", days: int = 3650) -> bytes:
    return issue(
        key,
        None,
        key.public_der,
        profile=Profile.ROOT,
        common_name=name,
        unit=NODE_ID,
        serial=1,
        not_before=NOW - YEAR,
        not_after=NOW + timedelta(days=days),
    )


ROOT = make_root()


def make_leaf(
    key: PrivateKey = BUS_KEY,
    profile: Profile = Profile.SIGNING,
    *,
    hosts: Sequence[str] = (),
    unit: str = BUS_ID,
    name: str = "bus.example",
    serial: int = 2,
    start: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + YEAR,
    issuer: PrivateKey = ROOT_KEY,
    root: bytes = ROOT,
) -> bytes:
    return issue(
        issuer,
        root,
        key.public_der,
        profile=profile,
        common_name=name,
        unit=unit,
        hosts=hosts,
        serial=serial,
        not_before=start,
        not_after=end,
    )


SIGNING = make_leaf()
TLS = make_leaf(profile=Profile.TLS, hosts=["bus.example", "127.0.0.1", "::1"], serial=3)
NODE_SIGNING = make_leaf(NODE_KEY, unit=NODE_ID, name="node.example", serial=4)


def openssl(*arguments: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the openssl of this machine."""
    program = shutil.which("openssl")
    assert program is not None
    return subprocess.run([program, *map(str, arguments)], input=data, capture_output=True, check=False, timeout=30)


def write_pem(path: Path, certificate_der: bytes) -> Path:
    path.write_bytes(openssl("x509", "-inform", "DER", data=certificate_der).stdout)
    return path
