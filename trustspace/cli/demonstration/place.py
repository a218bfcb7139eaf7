"""The folder of a demonstration: which file, which ports, one driver at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from trustspace.cli.demonstration.actors import ALL, Actor
from trustspace.cli.demonstration.journal import Journal
from trustspace.core.errors import MisusedError, Unavailable

NAME: Final = "demo.json"
LOCK: Final = "demo.lock"
PORTS: Final = range(20_000, 30_000)
"""Below the ports that systems give to outgoing connections, so that ours are still free when a node comes back."""


@dataclass(frozen=True, slots=True)
class Place:
    """A demonstration's folder, locked for this driver. `digest` (SHA-256) and `size` are those of the file."""

    root: Path
    file: Path
    digest: str
    size: int
    ports: dict[str, int]
    journal: Journal
    lock: int

    @classmethod
    def open(cls, folder: Path | None, file: Path) -> Self:
        """Take a folder (a new temporary one by default); `MisusedError` where the file or the folder will not do."""
        digest, size = _digest(file)
        root = (folder or Path(tempfile.mkdtemp(prefix="trustspace-demo-"))).absolute()
        lock = _lock(root)
        try:
            ports = _settled(root, {"file": file.name, "sha256": digest})
            return cls(root, file.absolute(), digest, size, ports, Journal(root / "journal.json"), lock)
        except BaseException:
            os.close(lock)
            raise

    def node(self, actor: Actor) -> Path:
        """The folder of a node."""
        return self.root / actor.key

    def url(self, actor: Actor) -> str:
        """The public address of a node."""
        return f"https://{self.bind(actor)}"

    def bind(self, actor: Actor) -> str:
        """Where a node listens in public."""
        return f"127.0.0.1:{self.ports[actor.key]}"

    @property
    def roots(self) -> Path:
        """The root certificates of the data space (PEM), as the auditor was given them."""
        return self.root / "roots.pem"

    @property
    def received(self) -> Path:
        """What the trip planner fetched."""
        return self.root / "received" / self.file.name

    def pack(self, actor: Actor) -> Path:
        """The evidence pack that a node exported."""
        return self.root / "evidence" / f"{actor.key}.asice"

    @property
    def tampered(self) -> Path:
        """The altered packs."""
        return self.root / "tampered"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.lock)


def _digest(file: Path) -> tuple[str, int]:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest(), file.stat().st_size
    except OSError as error:
        raise MisusedError(f"cannot be read: {error.strerror}", where=str(file), hint="give a file") from error


def _lock(root: Path) -> int:
    """The folder is made, and belongs to this process until the descriptor is closed."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        _check_ours(root)
        descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MisusedError(f"cannot be used: {error.strerror}", where=str(root), hint="choose another --dir") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Unavailable("another demo runs here", where=str(root), hint="wait, or choose another --dir") from error
    return descriptor


def _check_ours(root: Path) -> None:
    if not (root / LOCK).exists() and any(root.iterdir()):
        raise MisusedError("this folder has something else in it", where=str(root), hint="choose an empty --dir")


def _settled(root: Path, about: dict[str, Any]) -> dict[str, int]:
    """The ports of this demonstration, chosen once: the nodes' names contain them."""
    path = root / NAME
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps({**about, "ports": _free_ports()}, indent=1), encoding="utf-8")
        draft.replace(path)
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["sha256"] != about["sha256"]:
        raise MisusedError(
            f"this folder shows another file ({kept['file']})", where=str(root), hint="choose another --dir"
        )
    return {actor.key: int(kept["ports"][actor.key]) for actor in ALL}


def _free_ports() -> dict[str, int]:
    candidates = random.sample(PORTS, 200)
    free = [port for port in candidates if _is_free(port)]
    return {actor.key: port for actor, port in zip(ALL, free, strict=False)}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
