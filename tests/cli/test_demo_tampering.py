from __future__ import annotations

from collections import Counter

import pytest

from tests.core.evidence.world import BUS, NOW, ROOTS, Authority, Signer, material, members_of, seal, story
from trustspace.cli.demonstration.tampering import Altered, Sealer, corpus
from trustspace.core.errors import NotVerified
from trustspace.core.evidence.verify import verify_pack

PACK = seal(material(story()))
STRANGER = Signer(BUS.did, BUS.identifier, "stranger", Authority("strange", "Region 99"))
CORPUS = corpus(PACK, Sealer(BUS.key, BUS.certificate), Sealer(STRANGER.key, STRANGER.certificate))


@pytest.mark.parametrize("altered", CORPUS, ids=lambda one: one.name)
def test_every_altered_pack_is_refused_and_the_member_named(altered: Altered) -> None:
    with pytest.raises(NotVerified) as caught:
        verify_pack(altered.data, ROOTS, now=NOW)
    assert altered.names(caught.value.where), f"{caught.value.where}: {caught.value}"


def test_each_member_is_altered_dropped_and_swapped() -> None:
    sorts, members = Counter(one.sort for one in CORPUS), len(members_of(PACK))
    assert sorts["altered"] == sorts["dropped"] == members
    assert sorts["swapped"] > members // 2
    assert sorts["re-signed"] >= 3
    assert sorts["truncated"] >= 4


def test_an_exporter_that_changes_nothing_seals_the_pack_as_it_was() -> None:
    verify_pack(PACK, ROOTS, now=NOW)
    assert Sealer(BUS.key, BUS.certificate).seal(members_of(PACK)) == members_of(PACK)
