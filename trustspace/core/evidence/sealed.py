"""Checking a pack, first half: the seal around it, the parties, the agreement and the contract's signatures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from trustspace.core.canon import canonical, loads_object
from trustspace.core.contract.offer import CONSUMER_IDENTIFIER, PROVIDER_IDENTIFIER
from trustspace.core.errors import NotVerified
from trustspace.core.evidence import layout
from trustspace.core.evidence.layout import MANIFEST, SEAL, SIDES, SUMS, About
from trustspace.core.evidence.leaves import moment
from trustspace.core.evidence.opened import Opened, need
from trustspace.core.identity.cms import SignerFacts

SKEW: Final = timedelta(minutes=5)
"""How far in the future a pack may have been exported."""
_IDENTIFIERS: Final = {"provider": PROVIDER_IDENTIFIER, "consumer": CONSUMER_IDENTIFIER}
_ROLES: Final = {"provider": "assigner", "consumer": "assignee"}


def check_seal(pack: Opened) -> SignerFacts:
    """The exporter's signature is over the manifest, and the manifest is the one that these members have."""
    given, expected = pack.members[MANIFEST], layout.manifest(pack.members)
    try:
        facts = pack.cms(SEAL, given)
    except NotVerified:
        if given == expected:
            raise
        pack.cms(SEAL, expected)
        raise NotVerified("altered: the seal is over another manifest", where=MANIFEST) from None
    if given != expected:
        raise _difference(given, pack)
    need(pack.members[SUMS] == layout.sums(pack.members), "lists other digests than the members have", SUMS)
    return facts


def check_exporter(about: About, seal: SignerFacts, now: datetime) -> None:
    """The pack was sealed by the party whose log it shows, when it says so."""
    identifier, exported = seal.certificate.identifier, moment(about.exported)
    expected = about.party(about.exporter).identifier
    need(identifier == expected, f"sealed by {identifier}, who is not the exporter {expected}", SEAL)
    need(seal.signed_at == exported.replace(microsecond=0), "sealed at another time than pack.json says", SEAL)
    need(exported <= now + SKEW, f"exported in the future, at {about.exported}", "pack.json")


def check_agreement(pack: Opened, about: About) -> None:
    """The agreement is the contract that the pack is about, between the two parties that it names."""
    where = "agreement.json"
    agreement = loads_object(pack.members[where], where=where)
    need(canonical(agreement) == pack.members[where], "not in canonical form", where)
    need(agreement.get("@id") == about.contract, "is another agreement than the pack is about", where)
    for side in SIDES:
        party = about.party(side)
        need(agreement.get(_ROLES[side]) == party.did, f"names another {side} than the pack", where)
        named = agreement.get(_IDENTIFIERS[side], party.identifier)
        need(named == party.identifier, f"names another identifier of the {side} than the pack", where)


def check_contract(pack: Opened, about: About) -> int:
    """The contract's signatures, the consumer's only on top of the provider's; returns how many there are."""
    made = [side for side in SIDES if any(name in pack.members for name in _files(side))]
    expected_files = _files("provider") if made == ["provider"] else (*_files("provider"), *_files("consumer"))
    for name in expected_files if made else ():
        need(name in pack.members, "the member is missing", name)
    for side in made:
        listing, signature = _files(side)
        expected = layout.signed_list(side, pack.members["agreement.json"], pack.members["signatures/provider.p7s"])
        need(pack.members[listing] == expected, "lists something else than was to be signed", listing)
        signer = pack.cms(signature, expected).certificate.identifier
        need(signer == about.party(side).identifier, f"signed by {signer}, who is not the {side}", signature)
    return len(made)


def _files(side: str) -> tuple[str, str]:
    return f"signatures/{side}.sums", f"signatures/{side}.p7s"


def _difference(manifest: bytes, pack: Opened) -> NotVerified:
    """Which member is not as the manifest (whose signature holds) says."""
    text = manifest.decode("utf-8", "replace")
    names = layout.listed(manifest)
    for name in sorted(pack.members.keys() - {"mimetype", MANIFEST, SEAL}):
        if name not in names:
            return NotVerified("was not there when the pack was sealed", where=name)
        if layout.reference(name, pack.members[name]) not in text:
            return NotVerified("altered since the pack was sealed", where=name)
    for name in names:
        if name not in pack.members:
            return NotVerified("the member is missing", where=name)
    return NotVerified("is not in the form that a manifest has", where=MANIFEST)
