"""Making the three folders and starting the three processes; done anew in each run, as far as it was not done."""

from __future__ import annotations

import shutil

from trustspace.cli.demonstration import processes
from trustspace.cli.demonstration.actors import FUNCTIONAL, Actor
from trustspace.cli.demonstration.journal import Told
from trustspace.cli.demonstration.place import Place
from trustspace.cli.demonstration.stage import Stage


async def start(stage: Stage, actor: Actor) -> Told:
    """Make a node's folder unless it is there, and start its process."""
    from trustspace.node.folder import fingerprint

    place = stage.place
    await _make(place, actor)
    node = await processes.start(actor, place.node(actor), place.root / f"{actor.key}.log")
    await stage.nodes.add(node)
    told = f"listens at {place.url(actor)}, process {node.pid}"
    if actor is not FUNCTIONAL:
        return Told(place.url(actor), (told,))
    return Told(f"sha256:{fingerprint(place.node(actor))}", (told, "the identifier is its root's fingerprint"))


def made(place: Place, actor: Actor) -> bool:
    """Whether a node's folder is there."""
    return (place.node(actor) / "settings.toml").exists()


async def _make(place: Place, actor: Actor) -> None:
    """Folders are made whole or not at all."""
    from trustspace.node.folder import Folder, fingerprint, initialise
    from trustspace.node.settings import FunctionalNodeSettings, Settings

    folder, functional = place.node(actor), place.node(FUNCTIONAL)
    if not made(place, actor):
        trusted = FunctionalNodeSettings()
        if actor is not FUNCTIONAL:
            trusted = FunctionalNodeSettings(url=place.url(FUNCTIONAL), fingerprint=fingerprint(functional))
        settings = Settings(
            kind="functional" if actor is FUNCTIONAL else "connector",
            name=actor.organisation,
            credit_code=actor.credit_code,
            public_url=place.url(actor),
            public_bind=place.bind(actor),
            functional_node=trusted,
            database_pages=None,
        )
        await initialise(folder, settings)
    if actor is FUNCTIONAL:
        shutil.copyfile(Folder(folder).certificate("root"), place.roots)
