"""Checking a pack without any node: who signed what, and that nothing was altered, dropped, swapped or left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trustspace.core.errors import InvalidInput, NotVerified
from trustspace.core.evidence import layout, logged, sealed
from trustspace.core.evidence.archive import read_archive
from trustspace.core.evidence.facts import PackFacts
from trustspace.core.evidence.layout import FOLDERS, SIDES, About
from trustspace.core.evidence.opened import Opened, need


def verify_pack(data: bytes, roots: Sequence[bytes] | None, *, now: datetime) -> PackFacts:
    """Check a pack against the root certificates (DER). Raises `NotVerified`, whose `where` is the member.

    Without roots those that the pack brings itself are taken: then it is consistent, and its signers are unknown.
    """
    try:
        members = read_archive(data)
        layout.check_names(members)
        return _check(Opened(members, roots), now, signers_known=roots is not None)
    except InvalidInput as error:
        raise NotVerified(error.what, where=error.where or "archive", hint=error.hint) from error


def _check(pack: Opened, now: datetime, *, signers_known: bool) -> PackFacts:
    """All checks, in the order in which one rests on another."""
    seal = sealed.check_seal(pack)
    about = About.read(pack.members["pack.json"])
    sealed.check_exporter(about, seal, now)
    pack.check_certificates()
    sealed.check_agreement(pack, about)
    signatures = sealed.check_contract(pack, about)
    checkpoint, leaves = logged.check_log(pack, about)
    logged.check_complete(leaves, about)
    signed = logged.check_signed(pack, leaves)
    logged.check_kept(pack, leaves)
    logged.check_statements(pack, leaves, about)
    cosigned = logged.check_witness(pack, about, checkpoint)
    peer_size = logged.check_peer(pack, about)
    instructions = layout.instructions(about, signed if signatures == len(SIDES) else None)
    need(pack.members["VERIFY.txt"] == instructions, "these are not the instructions for this pack", "VERIFY.txt")
    return PackFacts(
        about=about,
        signers_known=signers_known,
        signatures=signatures,
        leaves=len(leaves),
        log_size=checkpoint.size,
        counts={folder: len(pack.folder(folder)) for folder in FOLDERS},
        withheld=sum(leaf.data.get("withheld") is True for leaf in leaves.values()),
        cosigned=cosigned,
        peer_size=peer_size,
    )
