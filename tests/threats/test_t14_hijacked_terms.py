"""No context gives a name of the protocol another meaning, or another name the meaning of one that is left out."""

from __future__ import annotations

from typing import Final

import pytest

from tests.services.spaces import count, space
from tests.threats.attacks import first_request, send
from trustspace.core.canon import Json, JsonObject, canonical, loads_object
from trustspace.core.contract import Negotiation
from trustspace.protocols.dsp.terms import CONTEXT

pytestmark = pytest.mark.anyio
ODRL, DSPACE = "http://www.w3.org/ns/odrl/2/", "https://w3id.org/dspace/2025/1/"
OTHER: Final = "https://evil.example/ns#"
HIJACKED: tuple[JsonObject, ...] = (
    {"permission": f"{ODRL}prohibition"},
    {"prohibition": f"{ODRL}permission"},
    {"permission": {"@id": f"{ODRL}obligation"}},
    {"permission": f"{OTHER}permission"},
    {"permission": {"@id": f"{OTHER}permission", "@type": "@id"}},
    {"permission": "odrl:prohibition"},
    {"permission": "prohibition"},
    {"constraint": f"{OTHER}remark"},
    {"constraint": None},
    {"permission": None},
    {"target": f"{OTHER}target"},
    {"target": "odrl:assigner"},
    {"assigner": "odrl:assignee"},
    {"assignee": "odrl:assigner"},
    {"action": f"{OTHER}action"},
    {"use": f"{ODRL}distribute"},
    {"eq": f"{ODRL}neq"},
    {"lteq": "odrl:gteq"},
    {"operator": f"{ODRL}rightOperand"},
    {"leftOperand": "odrl:rightOperand"},
    {"rightOperand": f"{OTHER}value"},
    {"duty": f"{OTHER}hint"},
    {"offer": f"{OTHER}offer"},
    {"consumerPid": f"{DSPACE}providerPid"},
    {"providerPid": "dspace:consumerPid"},
    {"callbackAddress": f"{OTHER}callback"},
    {"ContractRequestMessage": f"{DSPACE}ContractOfferMessage"},
    {"Offer": f"{ODRL}Agreement"},
    {"odrl": OTHER},
    {"dspace": OTHER},
    {"odrl": DSPACE},
    {"dct": {"@id": OTHER, "@prefix": True}},
    {"permission": {"@reverse": f"{ODRL}permission"}},
    {"permission": "@nest"},
    {"permission": "@type"},
    {"permission": ["odrl:permission"]},
    {"odrl:permission": f"{OTHER}permission"},
    {f"{ODRL}permission": f"{ODRL}prohibition"},
)


def placed(message: JsonObject, hijack: Json) -> list[JsonObject]:
    """The hijack beside the protocol's context, before it, alone, and in the offer itself and one of its rules."""
    within = {**message, "offer": {"@context": hijack, **message["offer"]}}
    [rule, *rest] = message["offer"]["permission"]
    deep = {**message, "offer": {**message["offer"], "permission": [{"@context": hijack, **rule}, *rest]}}
    return [*({**message, "@context": one} for one in ([CONTEXT, hijack], [hijack, CONTEXT], [hijack])), within, deep]


async def test_no_context_changes_what_a_name_means() -> None:
    assert len(HIJACKED) >= 30
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        message = loads_object(body)
        for hijack in HIJACKED:
            for attack in placed(message, hijack):
                assert (await send(s, url, canonical(attack))).status == 400, (hijack, attack["@context"])
        assert await count(s.bus, Negotiation) == 0
        assert (await send(s, url, body)).status == 201, "the control"


DISGUISED: tuple[JsonObject, ...] = (
    {"@nest": {"prohibition": [{"action": "use"}]}},
    {"@included": [{"prohibition": [{"action": "use"}]}]},
    {"@reverse": {"prohibition": {"@id": "urn:x"}}},
    {"@graph": [{"prohibition": [{"action": "use"}]}]},
    {f"{ODRL}prohibition": [{"action": "use"}], "odrl:prohibition": [{"action": "use"}]},
)
"""What a JSON-LD processor reads as rules of the offer, and a reader of plain JSON passes over."""


async def test_no_rule_hides_from_a_reader() -> None:
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        message = loads_object(body)
        for hidden in DISGUISED:
            attack = {**message, "offer": {**message["offer"], **hidden}}
            answer = await send(s, url, canonical(attack))
            assert answer.status == 400, hidden
        assert await count(s.bus, Negotiation) == 0


async def test_a_name_of_ones_own_is_understood_as_what_it_says() -> None:
    """The controls: prefixes of the message's own, and names that mean nothing here."""
    async with space(approval="manual") as s:
        url, body, _ = await first_request(s)
        message = loads_object(body)
        for number, context in enumerate(({"odrl": ODRL}, {"ex": OTHER}, {"note": f"{OTHER}note"}, {"o": ODRL})):
            good = {**message, "@context": [CONTEXT, context], "consumerPid": f"urn:uuid:control-{number}"}
            assert (await send(s, url, canonical(good))).status == 201, context
