"""A connector's calls to its functional node: apply, fetch certificates, publish, search, resolve.

Every answer's signature is checked against the node's signing certificate, and that against the anchored root: it has
to stand directly under it and name the same identifier, so that no connector under that root can answer in the node's
place. A call that got no answer is sent once more with the same number and bytes, which has its effect once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from trustspace.core.canon import JsonObject, canonical, decode64, encode64
from trustspace.core.catalogue import Entry, Product, Resolution
from trustspace.core.errors import InvalidInput, MisusedError, NotVerified, Unauthenticated, Unavailable
from trustspace.core.identity.certificates import check_root, make_request, verify_chain
from trustspace.core.identity.keys import thumbprint
from trustspace.core.identity.participants import ParticipantList, verify_list
from trustspace.core.identity.registration import Connector, Enterprise, Standing
from trustspace.ports import Answer, Clock, Ids, Peer, Signer
from trustspace.services.clocks import NODE, Clocks

ANSWER_LIMIT: Final = 8 << 20
_SEQUENCE: Final = 32


class RegistryCodec(Protocol):
    """Calls and answers as bytes: `trustspace.protocols.national.client.NationalCodec`."""

    def seal(
        self, interface: str, body: bytes, *, signer: Signer, sequence: str, now: datetime, caller: str
    ) -> dict[str, str]:
        """The headers of a call, signed."""

    def open(
        self,
        interface: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        sequence: str,
        key_of: Callable[[bytes], bytes],
    ) -> JsonObject:
        """The data of an answer, verified; raises what the node raised."""

    def write_enterprise(self, value: Enterprise) -> JsonObject:
        """The organisation's fields."""

    def write_connector(self, value: Connector) -> JsonObject:
        """The connector's fields, without its requests."""

    def write_address(self, did: str, public_url: str, hosts: tuple[str, ...]) -> JsonObject:
        """An address's fields."""

    def write_product(self, value: Product) -> JsonObject:
        """A product's fields."""

    def read_standing(self, data: JsonObject) -> Standing:
        """How an application stands."""

    def read_entry(self, data: JsonObject) -> Entry:
        """An entry of the catalogue."""

    def read_results(self, data: JsonObject) -> tuple[int, list[Entry]]:
        """How many results there are, and one page."""

    def read_resolution(self, data: JsonObject) -> Resolution:
        """What an identifier stands for."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search, and how many results there are."""

    total: int
    results: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class CertificateRequests:
    """The two certificate requests of a connector (DER)."""

    tls: bytes
    signing: bytes

    @property
    def fields(self) -> JsonObject:
        """As they travel."""
        return {"tlsRequest": encode64(self.tls), "signingRequest": encode64(self.signing)}


def make_requests(tls: Signer, signing: Signer, *, host: str, identifier: str = "") -> CertificateRequests:
    """Requests for both certificates, each signed with the key it is for."""
    return CertificateRequests(
        make_request(tls, common_name=host, organizational_unit=identifier),
        make_request(signing, common_name=host, organizational_unit=identifier),
    )


class RegistryClient:
    """The functional node at `base_url`, whose root certificates (DER) are anchored in `roots`.

    `signer` holds the connector's signing key; `identifier` is its own once it is registered (see `become`). Every
    method raises `Unavailable` where the node is not reached, `NotVerified` where the answer is not the node's, and
    otherwise the same kind of error that the node raised, with its words.
    """

    def __init__(
        self,
        peer: Peer,
        base_url: str,
        roots: Sequence[bytes],
        signer: Signer,
        clock: Clock,
        ids: Ids,
        codec: RegistryCodec,
        *,
        identifier: str = "",
    ) -> None:
        self._peer, self._base, self._anchors = peer, base_url.rstrip("/"), tuple(roots)
        self._clock, self._ids, self._codec = clock, ids, codec
        self._signer, self._identifier = signer, identifier
        self.clocks = Clocks(clock)

    def become(self, signer: Signer, identifier: str) -> None:
        """From now on call as this registered connector, with this signing key."""
        self._signer, self._identifier = signer, identifier

    async def roots(self) -> tuple[bytes, ...]:
        """可信身份提供商查询: the root certificates (DER) that the node trusts for connectors."""
        data = await self._call("GetIdentityProviderList")
        return tuple(decode64(str(text), where="rootCertList") for text in data.get("rootCertList", ()))

    async def apply(self, enterprise: Enterprise, connector: Connector, requests: CertificateRequests) -> Standing:
        """Apply, or mend a returned application: the organisation first, then the connector with its requests."""
        await self._call("RegisterEnterprise", self._codec.write_enterprise(enterprise))
        fields = self._codec.write_connector(connector) | requests.fields
        return self._codec.read_standing(await self._call("RegisterConnector", fields))

    async def status(self) -> Standing:
        """How the application stands; the certificates are in it once they were issued."""
        return self._codec.read_standing(await self._call("QueryRegistration"))

    async def request_certificates(self, requests: CertificateRequests) -> Standing:
        """Certificates for the approved application; asked again, the same."""
        return self._codec.read_standing(await self._call("RequestCredential", requests.fields))

    async def renew(self, requests: CertificateRequests) -> Standing:
        """New certificates, asked for with the present key; `become` the new one afterwards."""
        return self._codec.read_standing(await self._call("RenewCredential", requests.fields))

    async def participant_list(self, *, newest_seen_version: int = 0) -> tuple[ParticipantList, bytes]:
        """参与方名录, verified, and the signed bytes; `NotVerified` where it is older than one seen before."""
        signed, now = (await self.participants()).encode(), self._clock.now()
        found = verify_list(signed, self._anchors, now=now, newest_seen_version=newest_seen_version)
        if found.node not in [check_root(root).identifier for root in self._anchors]:
            raise NotVerified(f"{found.node} is not the functional node", where="participant list")
        return found, signed

    async def participants(self) -> str:
        """参与方名录 as the node signed it (a compact JWS), for whoever verifies it."""
        return str((await self._call("GetParticipantList")).get("participantList", ""))

    async def report_address(self, did: str, public_url: str, hosts: tuple[str, ...]) -> Standing:
        """接入连接器地址上报: a new DID and address under the same identifier."""
        fields = self._codec.write_address(did, public_url, hosts)
        return self._codec.read_standing(await self._call("ReportConnectorAddress", fields))

    async def submit_product(self, product: Product) -> Entry:
        """数据产品登记; the same submitted again is the same entry."""
        return await self._entry("RegisterProduct", self._codec.write_product(product))

    async def update_product(self, entry: str, product: Product) -> Entry:
        """数据产品更新."""
        return await self._entry("UpdateProduct", {"entryId": entry, **self._codec.write_product(product)})

    async def product_status(self, entry: str) -> Entry:
        """登记结果查询: how an own entry stands."""
        return await self._entry("QueryProduct", {"entryId": entry})

    async def list_product(self, entry: str) -> Entry:
        """上架."""
        return await self._entry("ListProduct", {"entryId": entry})

    async def delist_product(self, entry: str, reason: str = "") -> Entry:
        """下架."""
        return await self._entry("DelistProduct", {"entryId": entry, "reason": reason})

    async def revoke_product(self, entry: str, reason: str) -> Entry:
        """数据产品撤销."""
        return await self._entry("RevokeProduct", {"entryId": entry, "reason": reason})

    async def search(self, text: str, *, offset: int = 0, limit: int = 20) -> Page:
        """数据目录检索: every word has to be there; at most 100 a page."""
        data = await self._call("SearchCatalogue", {"keywords": text, "offset": str(offset), "limit": str(limit)})
        total, entries = self._codec.read_results(data)
        return Page(total, tuple(entries))

    async def product(self, code: str) -> Entry:
        """数据产品详情 of a listed product."""
        return await self._entry("GetProduct", {"productId": code})

    async def resolve(self, identifier: str) -> Resolution:
        """标识解析: owner, address and entry."""
        return self._codec.read_resolution(await self._call("ResolveIdentifier", {"identityCode": identifier}))

    async def _entry(self, interface: str, data: JsonObject) -> Entry:
        return self._codec.read_entry(await self._call(interface, data))

    async def _call(self, interface: str, data: JsonObject | None = None) -> JsonObject:
        if not self._base:
            raise MisusedError(
                "this node belongs to no functional node", where=interface, hint="see identity in settings.toml"
            )
        body, sequence = canonical(data or {}), self._ids.token()[:_SEQUENCE]
        headers = self._codec.seal(
            interface, body, signer=self._signer, sequence=sequence, now=self._clock.now(), caller=self._identifier
        )
        answer = await self._send(f"{self._base}/{interface}", body, headers)
        if answer.status >= 500 and b'"code"' not in answer.body:
            raise Unavailable(f"the functional node answered {answer.status}", where=interface, hint="try again later")
        self.clocks.heard(NODE, answer)
        try:
            return self._codec.open(interface, answer.headers, answer.body, sequence=sequence, key_of=self._node_key)
        except (InvalidInput, NotVerified, Unauthenticated) as error:  # what a clock can be the reason of
            raise self.clocks.blamed(NODE, error) from error

    async def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            return await self._peer.request("POST", url, body=body, headers=headers, limit=ANSWER_LIMIT)
        except Unavailable:
            return await self._peer.request("POST", url, body=body, headers=headers, limit=ANSWER_LIMIT)

    def _node_key(self, certificate: bytes) -> bytes:
        """The public key of a certificate of the node itself."""
        facts = verify_chain(certificate, self._anchors, at=self._clock.now())
        [root] = [root for root in self._anchors if thumbprint(root) == facts.root]
        if facts.identifier != check_root(root).identifier:
            raise NotVerified(
                f"signed by {facts.identifier}, which is not the functional node",
                where="signCertificate",
                hint="somebody answered in its place",
            )
        return facts.public_der
