"""The connector's side of the national interfaces as one object: what `services.registry_client` asks of a codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from trustspace.core.canon import JsonObject
from trustspace.core.catalogue import Entry, Product, Resolution
from trustspace.core.identity.registration import Connector, Enterprise, Standing
from trustspace.ports import Signer
from trustspace.protocols.national import messages
from trustspace.protocols.national.envelope import answer_certificate, read_answer, seal
from trustspace.protocols.national.profile import DRAFT, Profile


@dataclass(frozen=True, slots=True)
class NationalCodec:
    """Implements `services.registry_client.RegistryCodec` under a profile."""

    profile: Profile = DRAFT

    def seal(
        self, interface: str, body: bytes, *, signer: Signer, sequence: str, now: datetime, caller: str
    ) -> dict[str, str]:
        """The headers of a call."""
        return seal(interface, body, signer=signer, sequence=sequence, now=now, caller=caller, profile=self.profile)

    def open(
        self,
        interface: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        sequence: str,
        key_of: Callable[[bytes], bytes],
    ) -> JsonObject:
        """The data of an answer; `key_of` checks the node's certificate (DER) and gives its public key."""
        public_der = key_of(answer_certificate(headers))
        return read_answer(interface, headers, body, sequence=sequence, public_der=public_der, profile=self.profile)

    def write_enterprise(self, value: Enterprise) -> JsonObject:
        """RegisterEnterprise."""
        return messages.write_enterprise(value)

    def write_connector(self, value: Connector) -> JsonObject:
        """RegisterConnector, without the requests."""
        return messages.write_connector(value)

    def write_address(self, did: str, public_url: str, hosts: tuple[str, ...]) -> JsonObject:
        """ReportConnectorAddress."""
        return messages.write_address(did, public_url, hosts)

    def write_product(self, value: Product) -> JsonObject:
        """RegisterProduct."""
        return messages.write_product(value)

    def read_standing(self, data: JsonObject) -> Standing:
        """How an application stands."""
        return messages.read_standing(data)

    def read_entry(self, data: JsonObject) -> Entry:
        """An entry of the catalogue."""
        return messages.read_entry(data)

    def read_results(self, data: JsonObject) -> tuple[int, list[Entry]]:
        """The number of all results, and one page of them."""
        return messages.read_results(data)

    def read_resolution(self, data: JsonObject) -> Resolution:
        """What an identifier stands for."""
        return messages.read_resolution(data)
