"""Registration end to end: from a first application to a renewed, moved and revoked identity."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.core.canon import decode64
from trustspace.core.errors import (
    Conflict,
    Forbidden,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotVerified,
    TrustspaceError,
    Unauthenticated,
    Unavailable,
)
from trustspace.core.identifiers import Kind, parse
from trustspace.core.identity.certificates import Profile, verify_chain
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.participants import ParticipantStatus
from trustspace.core.identity.registration import State
from trustspace.services.participants import ListDesk
from trustspace.services.registration import check_requests
from trustspace.testing.registry import Company, Registry

BUS = "91350100M000100Y43"
PLANNER = "12430000MB0L046927"


async def two() -> tuple[Registry, Company, Company]:
    registry = await Registry.open()
    bus = registry.company("bus", credit_code=BUS, title="新港公交公司")
    return registry, bus, registry.company("planner", credit_code=PLANNER)


def test_two_companies_register_and_one_is_returned_and_mends() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        desk = registry.node.registration
        assert await bus.client.roots() == (registry.authority.root,)
        assert (await bus.apply()).state is State.SUBMITTED
        first = await planner.apply()
        await desk.return_(first.application, "the address is missing", by="li")
        told = await planner.client.status()
        assert (told.state, told.reason) == (State.RETURNED, "the address is missing")
        planner.enterprise = replace(planner.enterprise, address="1 Ferry Road")
        assert (await planner.apply()).state is State.SUBMITTED
        waiting, total = await desk.list(state=State.SUBMITTED)
        assert total == 2
        assert [one.enterprise.address for one in waiting] == ["", "1 Ferry Road"]
        for one in waiting:
            await desk.approve(one.key, by="li")
        for company in (bus, planner):
            standing = await company.fetch()
            assert standing.state is State.ACTIVE
            identifier = parse(standing.identifier)
            assert (identifier.kind, identifier.subject) == (Kind.CONNECTOR, company.enterprise.credit_code)
            now, roots = registry.clock.now(), [registry.authority.root]
            tls = verify_chain(decode64(standing.tls_certificate), roots, at=now, purpose=Profile.TLS)
            signing = verify_chain(decode64(standing.signing_certificate), roots, at=now)
            assert tls.hosts == company.connector.hosts
            assert (tls.identifier, signing.identifier) == (standing.identifier, standing.identifier)
            assert signing.public_der == company.signing.public_der
        steps = [step.state for step in (await planner.application()).history]
        assert steps == [State.SUBMITTED, State.RETURNED, State.SUBMITTED, State.APPROVED, State.ACTIVE]

    anyio.run(story)


def test_the_list_shows_who_is_in_force_and_each_change_makes_a_new_edition() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        await bus.register()
        await planner.register()
        members, _ = await planner.client.participant_list()
        assert members.node == registry.identifier
        certificate = thumbprint(decode64((await bus.client.status()).signing_certificate))
        assert members.check_certificate("did:web:bus.example", certificate).credit_code == BUS
        again, _ = await planner.client.participant_list(newest_seen_version=members.version)
        assert again == members
        registry.clock.advance(seconds=31)
        fresh, _ = await planner.client.participant_list()
        assert (fresh.version, fresh.age(registry.clock.now()).total_seconds()) == (members.version, 0)
        await registry.node.registration.revoke(bus.identifier, "sold", by="li")
        after, _ = await planner.client.participant_list(newest_seen_version=members.version + 1)
        found = after.find(bus.identifier)
        assert found is not None
        assert found.status is ParticipantStatus.REVOKED
        assert certificate in after.revoked_certificates
        with pytest.raises(NotVerified, match="older than"):
            await planner.client.participant_list(newest_seen_version=after.version + 1)

    anyio.run(story)


def test_the_next_message_of_a_revoked_connector_is_refused_with_the_reason() -> None:
    async def story() -> None:
        changes: list[int] = []
        registry = await Registry.open(on_change=lambda: changes.append(1))
        bus = registry.company("bus", credit_code=BUS)
        await bus.register()
        await registry.node.registration.revoke(bus.identifier, "key lost", by="li")
        assert changes == [1]
        with pytest.raises(Forbidden, match="revoked: key lost"):
            await bus.client.search("")
        anew = registry.company("bus", credit_code=BUS)
        assert (await anew.client.status()).state is State.REVOKED

    anyio.run(story)


def test_a_company_comes_back_under_its_did_with_new_keys() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        await bus.register()
        await planner.register()
        await registry.node.registration.revoke(bus.identifier, "key lost", by="li")
        anew = registry.company("anew", credit_code=BUS)
        anew.connector = replace(anew.connector, did=bus.connector.did)
        await anew.register()
        members, _ = await planner.client.participant_list()
        assert members.active(bus.connector.did).identifier == anew.identifier

    anyio.run(story)


def test_a_did_in_force_is_nobody_elses() -> None:
    async def story() -> None:
        _, bus, planner = await two()
        await bus.register()
        planner.connector = replace(planner.connector, did=bus.connector.did)
        with pytest.raises(Conflict, match="another connector's"):
            await planner.apply()

    anyio.run(story)


def test_renewal_goes_over_to_new_keys_and_the_old_certificate_stays_good() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        before = await bus.register()
        registry.clock.advance(days=100)
        registry.renew()
        old, bus.signing, bus.tls = bus.signing, MemoryKey("bus 2"), MemoryKey("bus tls 2")
        after = await bus.client.renew(bus.requests)
        assert after.signing_certificate != before.signing_certificate
        assert (await bus.client.status()).state is State.ACTIVE
        bus.client.become(bus.signing, bus.identifier)
        members, _ = await bus.client.participant_list()
        names = {thumbprint(decode64(one.signing_certificate)) for one in (before, after)}
        assert set(members.active(bus.identifier).signing_thumbprints) == names
        registry.clock.advance(days=631)
        bus.client.become(old, bus.identifier)
        with pytest.raises(Unauthenticated, match="signValue"):
            await bus.client.status()

    anyio.run(story)


def test_an_address_moves_and_the_identifier_stays() -> None:
    async def story() -> None:
        _, bus, planner = await two()
        await bus.register()
        await planner.register()
        await bus.client.report_address("did:web:new.example", "https://new.example", ("new.example", "192.0.2.7"))
        found = await planner.client.resolve(bus.identifier)
        assert (found.did, found.address, found.owner_code) == ("did:web:new.example", "https://new.example", BUS)
        members, _ = await planner.client.participant_list()
        assert members.active("did:web:new.example").identifier == bus.identifier
        assert members.find("did:web:bus.example") is None

    anyio.run(story)


def test_of_two_approvals_at_once_one_wins() -> None:
    async def story() -> list[str]:
        registry, bus, _ = await two()
        standing = await bus.apply()
        outcomes: list[str] = []

        async def approve(who: str) -> None:
            try:
                await registry.node.registration.approve(standing.application, by=who)
                outcomes.append("approved")
            except IllegalTransition:
                outcomes.append("refused")

        async with anyio.create_task_group() as group:
            for who in ("li", "wang", "zhao"):
                group.start_soon(approve, who)
        return sorted(outcomes)

    assert anyio.run(story) == ["approved", "refused", "refused"]


def test_certificates_asked_for_again_are_the_same_ones() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        first = await bus.register()
        bus.client = registry.client(bus.signing, "again")
        assert await bus.client.request_certificates(bus.requests) == first

    anyio.run(story)


def test_a_lost_answer_is_asked_for_again_with_one_effect() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        lost: set[int] = {2, 5}
        registry.peer.spoil = lambda number, answer: None if number in lost else answer
        await bus.register()
        assert [name for name, _, _ in registry.peer.sent][:3] == [
            "RegisterEnterprise",
            "RegisterConnector",
            "RegisterConnector",
        ]
        assert len((await bus.application()).history) == 3
        lost |= set(range(1000))
        with pytest.raises(Unavailable):
            await bus.client.status()

    anyio.run(story)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"enterprise": {"credit_code": "91350100M000100Y44"}}, InvalidInput, "check"),
        ({"connector": {"did": "bus.example"}}, InvalidInput, "no DID"),
        ({"connector": {"hosts": ("other.example",)}}, InvalidInput, "not among the hosts"),
        ({"connector": {"public_url": "ftp://bus.example"}}, InvalidInput, "no address of a node"),
        ({"enterprise": {"enterprise_type": "9"}}, InvalidInput, "企事业单位法人"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field(
    change: dict[str, dict[str, object]], error: type[TrustspaceError], match: str
) -> None:
    async def story() -> None:
        _, bus, _ = await two()
        [(part, fields)] = change.items()
        with pytest.raises(error, match=match):
            replace(getattr(bus, part), **fields)

    anyio.run(story)


def test_the_registry_takes_only_proved_and_approved_keys() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        with pytest.raises(NotVerified, match="another key"):
            await bus.client.apply(bus.enterprise, bus.connector, planner.requests)
        one = replace(bus.requests, tls=bus.requests.signing)
        with pytest.raises(InvalidInput, match="a key each"):
            await bus.client.apply(bus.enterprise, bus.connector, one)
        standing = await bus.apply()
        with pytest.raises(IllegalTransition, match="SUBMITTED"):
            await bus.client.request_certificates(bus.requests)
        await registry.node.registration.approve(standing.application, by="li")
        bus.tls = MemoryKey("slipped in")
        with pytest.raises(Conflict, match="not the keys"):
            await bus.client.request_certificates(bus.requests)

    anyio.run(story)


def test_a_request_that_names_another_identifier_is_refused() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        standing = await bus.apply()
        await registry.node.registration.approve(standing.application, by="li")
        bus.identifier = "somebody else"
        with pytest.raises(NotVerified, match="another identifier"):
            await bus.client.request_certificates(bus.requests)

    anyio.run(story)


def test_reviews_need_a_reason_and_an_application() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        desk = registry.node.registration
        standing = await bus.apply()
        with pytest.raises(InvalidInput, match="empty"):
            await desk.return_(standing.application, " ", by="li")
        with pytest.raises(InvalidInput, match="empty"):
            await desk.revoke(standing.application, "", by="li")
        with pytest.raises(NotFound, match="nobody"):
            await desk.approve("nobody", by="li")

    anyio.run(story)


def test_an_unregistered_key_may_only_apply() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        with pytest.raises(NotFound, match="no application"):
            await bus.client.status()
        with pytest.raises(Forbidden, match="registered connector"):
            await bus.client.search("公交")
        stranger = registry.client(bus.signing, "x", identifier="591350100M000100Y4335017K2M9Q4TS")
        with pytest.raises(Unauthenticated, match="registered here"):
            await stranger.search("公交")

    anyio.run(story)


def test_no_connector_can_answer_in_the_nodes_place() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        await bus.register()
        standing = await planner.register()
        registry.node.renewed(planner.signing, decode64(standing.signing_certificate))
        with pytest.raises(NotVerified, match="not the functional node"):
            await bus.client.status()
        with pytest.raises(NotVerified, match="not the functional node"):
            await bus.client.participant_list()

    anyio.run(story)


def test_a_list_of_another_node_is_refused() -> None:
    async def story() -> None:
        registry, bus, planner = await two()
        await bus.register()
        certificate = decode64((await planner.register()).signing_certificate)
        registry.node.participants = ListDesk(
            registry.store, registry.clock, planner.signing, certificate, node=planner.identifier
        )
        with pytest.raises(NotVerified, match="not the functional node"):
            await bus.client.participant_list()

    anyio.run(story)


def test_what_was_signed_from_an_older_state_is_not_stored() -> None:
    async def story() -> None:
        registry, bus, _ = await two()
        application = (await bus.apply()).application
        desk = registry.node.registration
        await desk.approve(application, by="li")
        requests = check_requests(bus.requests.tls, bus.requests.signing)
        certified = await desk.certify(application, requests)
        await desk.revoke(application, "a mistake", by="li")
        with pytest.raises(Conflict, match="changed meanwhile"):
            await registry.store.run(certified)

    anyio.run(story)
