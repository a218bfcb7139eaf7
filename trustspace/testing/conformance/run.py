"""The run: a node made and served as anyone's, set up, and the kit set upon it."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from trustspace.core.errors import Unavailable
from trustspace.core.identity.did import did_from_url
from trustspace.core.policy import offer, use
from trustspace.node.client import Client, DataProduct
from trustspace.node.folder import initialise
from trustspace.node.serving import Listener, serve
from trustspace.node.settings import OPEN, settings_from
from trustspace.testing.conformance import plan
from trustspace.testing.conformance.kit import Kit
from trustspace.testing.conformance.results import Outcome, read_outcome
from trustspace.testing.conformance.trigger import NEGOTIATIONS, TRANSFERS, trigger_app

AGREEMENTS: Final = "agreements.json"
BASE: Final = "/dsp/2025-1"
LONGEST: Final = 900.0
"""Seconds that a run may take: every case that waits in vain takes its own patience."""
STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything of one run lies and listens."""

    folder: Path
    public: str
    listen: int

    @property
    def me(self) -> str:
        """The node's participant id."""
        return did_from_url(self.public)


async def run_kit(kit: Kit, *, only: str = "", told: Callable[[str], None] | None = None) -> tuple[Outcome, str]:
    """Run the kit against a node of its own; what became of it, and all that the kit printed.

    `only`: a text that the names of the cases have to hold. `told` gets each line as it comes. Raises `Unavailable`
    where the node does not come to listen.
    """
    with TemporaryDirectory() as folder:
        place = Place(Path(folder), f"http://127.0.0.1:{_free_port()}", _free_port())
        await _make(place)
        async with _served(place) as node:
            await _publish(node, place)
            async with serve([Listener(trigger_app(node))]) as (bound,):
                output = await _run(kit, _settings(place, bound.url), only, told)
    return read_outcome(output), output


async def _make(place: Place) -> None:
    settings = settings_from(
        kind="connector",
        name="conformance",
        public_url=place.public,
        identity=OPEN,
        agreements=(AGREEMENTS,),
        rules=plan.rules(),
    )
    await initialise(place.folder / "node", settings)
    made = plan.agreements(place.me, datetime.now().astimezone().isoformat(timespec="seconds"))
    (place.folder / "node" / AGREEMENTS).write_text(json.dumps(made), encoding="utf-8")


@asynccontextmanager
async def _served(place: Place) -> AsyncIterator[Client]:
    """The node, as `trustspace serve` runs it, and a client of its management interface."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "trustspace", "serve", str(place.folder / "node"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None  # noqa: S101 -- tells the type
        if not (await process.stdout.readline()).startswith(b"ready "):
            raise Unavailable("the node did not come to listen", where=str(place.folder))
        async with Client.of(place.folder / "node") as node:
            yield node
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)


async def _publish(node: Client, place: Place) -> None:
    file = place.folder / "data.csv"
    file.write_bytes(b"stop,time\n")
    for name in plan.datasets():
        product = DataProduct(title=name, files=[file], dataset=name, offer_id=plan.offer_of(name))
        await node.publish(product, offer(use()))


def _settings(place: Place, trigger: str) -> Path:
    """The kit's properties file."""
    given = plan.properties(
        me=place.me,
        root=place.public,
        base=place.public + BASE,
        trigger=(trigger + NEGOTIATIONS, trigger + TRANSFERS),
        listen=place.listen,
    )
    path = place.folder / "kit.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in given.items()), encoding="utf-8")
    return path


async def _run(kit: Kit, properties: Path, only: str, told: Callable[[str], None] | None) -> str:
    """Everything that the kit prints."""
    process = await asyncio.create_subprocess_exec(
        *kit.command(properties, only), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    lines = []
    assert process.stdout is not None  # noqa: S101 -- tells the type
    try:
        async with asyncio.timeout(LONGEST):
            async for line in process.stdout:
                lines.append(line.decode(errors="replace"))
                if told is not None:
                    told(lines[-1])
            await process.wait()
    except TimeoutError as error:
        raise Unavailable(f"the kit took more than {LONGEST:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return "".join(lines)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
