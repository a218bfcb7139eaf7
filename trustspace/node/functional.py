"""区域功能节点: the national interfaces as a route table, from interface name to what does it.

Independent of any web framework: `FunctionalNode.answer` takes a name, headers and a body, and gives status, headers
and body. Its reviewers work on `registration` and `catalogue` directly, which no public route reaches.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from trustspace.core.canon import JsonObject, encode64
from trustspace.core.errors import Conflict, Forbidden, NotVerified, TrustspaceError
from trustspace.core.identifiers import DEFAULT
from trustspace.core.identifiers import Profile as IdentifierProfile
from trustspace.core.identity.registration import application_key
from trustspace.ports import Clock, Ids, Signer, Store, Tx
from trustspace.protocols.national import messages as m
from trustspace.protocols.national.codes import COMMON
from trustspace.protocols.national.envelope import (
    Headers,
    Request,
    answer_body,
    read_request,
    refusal_body,
    seal_answer,
)
from trustspace.protocols.national.interfaces import INTERFACES, By, Interface, check_fields, interface
from trustspace.protocols.national.profile import DRAFT, Profile
from trustspace.services.authority import Authority
from trustspace.services.catalogue import CatalogueDesk
from trustspace.services.participants import ListDesk
from trustspace.services.registration import RegistrationDesk, check_requests

Work = Callable[[Tx], JsonObject]
"""What a call does in its transaction, and the data of its answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose signature holds: its checked fields and who calls.

    `key` is that of the caller's application; `owner` its identifier, empty for an applicant.
    """

    request: Request
    data: JsonObject
    key: str
    owner: str


class FunctionalNode:
    """One functional node: `signer` and `certificate` (DER, under the authority's root) sign its answers.

    `place` is its region or industry code; `on_change` is called after the participant list has changed.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        authority: Authority,
        signer: Signer,
        certificate: bytes,
        *,
        place: str,
        profile: Profile = DRAFT,
        identifiers: IdentifierProfile = DEFAULT,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._clock, self._authority, self._profile = store, clock, authority, profile
        self._signer, self._certificate = signer, certificate
        self.registration = RegistrationDesk(
            store, clock, ids, authority, place=place, profile=identifiers, on_change=on_change
        )
        self.participants = ListDesk(store, clock, signer, certificate, node=authority.facts.identifier)
        self.catalogue = CatalogueDesk(store, clock, self.registration, profile=identifiers)

    async def answer(self, name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Headers, bytes]:
        """Answer one POST to `/{name}`: HTTP status, headers and body, signed also where it is a refusal."""
        subject, status = INTERFACES[name].subject if name in INTERFACES else COMMON, 200
        try:
            answered = await self._done(interface(name), headers, body)
        except TrustspaceError as error:
            answered, status = refusal_body(subject, error), error.status
        sealed = seal_answer(
            name,
            answered,
            signer=self._signer,
            certificate=self._certificate,
            sequence=_echo(headers),
            now=self._clock.now(),
            profile=self._profile,
        )
        return status, sealed, answered

    def renewed(self, signer: Signer, certificate: bytes) -> None:
        """Sign answers with a new key and certificate from now on."""
        self._signer, self._certificate = signer, certificate
        self.participants.renew(signer, certificate)

    async def _done(self, row: Interface, headers: Mapping[str, str], body: bytes) -> bytes:
        request = read_request(row.name, headers, body, now=self._clock.now(), profile=self._profile)
        call = await self._authenticated(row, request)
        work = await ROUTES[row.name](self, call)
        if not row.writes:
            return answer_body(row.subject, await self._store.read(work))
        expires = request.sent + 2 * self._profile.window

        def once(tx: Tx) -> bytes:
            """The same number with the same bytes has one effect and one answer; with others it is refused."""
            if tx.once(request.issuer, request.sequence, request.digest, expires) != request.digest:
                raise Conflict("this number was used for another message", where="sequenceNum", hint="draw a new one")
            name = f"national {request.digest}"
            answered = tx.seen(name)
            if answered is None:
                answered = answer_body(row.subject, work(tx))
                tx.reply(name, answered)
            return answered

        return await self._store.run(once)

    async def _authenticated(self, row: Interface, request: Request) -> Call:
        if request.applicant:
            request.check(request.applicant)
            if row.by is By.CONNECTOR:
                raise Forbidden("only a registered connector may call this", where="applicantKey", hint="register")
            return Call(request, check_fields(row, request.data), application_key(request.applicant), "")
        application = await self._store.read(lambda tx: self.registration.caller(tx, request.caller))
        request.check(*self.registration.keys(application))
        return Call(request, check_fields(row, request.data), application.key, application.identifier)

    # one method a route: what is read before the transaction, then what is done in it

    async def _roots(self, _: Call) -> Work:
        data = {"rootCertList": [encode64(self._authority.root)], "nodeId": self._authority.facts.identifier}
        return lambda _: data

    async def _enterprise(self, call: Call) -> Work:
        body = self.registration.enter(call.key, m.read_enterprise(call.data))
        return lambda tx: m.write_standing(body(tx))

    async def _connector(self, call: Call) -> Work:
        requests = check_requests(*m.read_requests(call.data))
        if requests.signing.public_der != call.request.applicant:
            raise NotVerified("the signing request is for another key than applicantKey", where="signingRequest")
        body = self.registration.apply(call.key, m.read_connector(call.data), requests)
        return lambda tx: m.write_standing(body(tx))

    async def _standing(self, call: Call) -> Work:
        body = self.registration.ask(call.key)
        return lambda tx: m.write_standing(body(tx))

    async def _credential(self, call: Call) -> Work:
        body = await self.registration.certify(call.key, check_requests(*m.read_requests(call.data)))
        return lambda tx: m.write_standing(body(tx))

    async def _renewal(self, call: Call) -> Work:
        body = await self.registration.renew(call.key, check_requests(*m.read_requests(call.data)))
        return lambda tx: m.write_standing(body(tx))

    async def _list(self, _: Call) -> Work:
        data = {"participantList": (await self.participants.current()).signed.decode()}
        return lambda _: data

    async def _address(self, call: Call) -> Work:
        did, url = call.data["connectorDid"], call.data["connectorUrl"]
        body = self.registration.move(call.key, did=did, public_url=url, hosts=m.read_hosts(call.data))
        return lambda tx: m.write_standing(body(tx))

    async def _submission(self, call: Call) -> Work:
        body = self.catalogue.submit(call.owner, m.read_product(call.data))
        return lambda tx: m.write_entry(body(tx))

    async def _update(self, call: Call) -> Work:
        body = self.catalogue.update(call.owner, call.data["entryId"], m.read_product(call.data))
        return lambda tx: m.write_entry(body(tx))

    async def _own_entry(self, call: Call) -> Work:
        return lambda tx: m.write_entry(self.catalogue.own(tx, call.owner, call.data["entryId"]))

    async def _listing(self, call: Call) -> Work:
        body = self.catalogue.list_own(call.owner, call.data["entryId"])
        return lambda tx: m.write_entry(body(tx))

    async def _delisting(self, call: Call) -> Work:
        body = self.catalogue.delist_own(call.owner, call.data["entryId"], call.data.get("reason", ""))
        return lambda tx: m.write_entry(body(tx))

    async def _revocation(self, call: Call) -> Work:
        body = self.catalogue.revoke_own(call.owner, call.data["entryId"], call.data.get("reason", ""))
        return lambda tx: m.write_entry(body(tx))

    async def _search(self, call: Call) -> Work:
        offset, limit = m.read_page(call.data)
        text = call.data.get("keywords", "")
        return lambda tx: m.write_results(*self.catalogue.search(tx, text, offset=offset, limit=limit))

    async def _product(self, call: Call) -> Work:
        return lambda tx: m.write_entry(self.catalogue.product(tx, call.data["productId"]))

    async def _resolution(self, call: Call) -> Work:
        return lambda tx: m.write_resolution(self.catalogue.resolve(tx, call.data["identityCode"]))


ROUTES: Final[Mapping[str, Callable[[FunctionalNode, Call], Awaitable[Work]]]] = {
    "GetIdentityProviderList": FunctionalNode._roots,
    "RegisterEnterprise": FunctionalNode._enterprise,
    "RegisterConnector": FunctionalNode._connector,
    "QueryRegistration": FunctionalNode._standing,
    "RequestCredential": FunctionalNode._credential,
    "RenewCredential": FunctionalNode._renewal,
    "GetParticipantList": FunctionalNode._list,
    "ReportConnectorAddress": FunctionalNode._address,
    "RegisterProduct": FunctionalNode._submission,
    "UpdateProduct": FunctionalNode._update,
    "QueryProduct": FunctionalNode._own_entry,
    "ListProduct": FunctionalNode._listing,
    "DelistProduct": FunctionalNode._delisting,
    "RevokeProduct": FunctionalNode._revocation,
    "SearchCatalogue": FunctionalNode._search,
    "GetProduct": FunctionalNode._product,
    "ResolveIdentifier": FunctionalNode._resolution,
}
"""What does each interface."""


def _echo(headers: Mapping[str, str]) -> str:
    """The number of the call again, so that the answer belongs to it; `-` where it has none that can stand."""
    values = {name.lower(): value for name, value in headers.items()}
    text = values.get("sequencenum", "")
    return text if 0 < len(text) <= 64 and text.isascii() and text.isprintable() else "-"
