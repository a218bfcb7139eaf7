"""A functional node in one process, with a clock that is moved by hand and randomness from a seed.

registry = await Registry.open()
bus = registry.company("bus", credit_code="91350100M000100Y43")
await bus.register()                       # applies, is approved, fetches its certificates
await bus.client.search("公交 时刻表")
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from trustspace.adapters.keys.memory import MemoryKey
from trustspace.adapters.storage.memory import MemoryStore
from trustspace.core.errors import MisusedError, Unavailable
from trustspace.core.identifiers import DEFAULT, Kind, Profile, make
from trustspace.core.identity.registration import Application, Connector, Enterprise, Standing
from trustspace.node.functional import FunctionalNode
from trustspace.ports import Answer, Store, Stream
from trustspace.protocols.national.client import NationalCodec
from trustspace.services.authority import Authority, make_root
from trustspace.services.registry_client import CertificateRequests, RegistryClient, make_requests

START: Final = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
OPERATOR: Final = "12430000MB0L046927"
"""The 统一社会信用代码 of the made-up operator of the functional node."""
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class SteppedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        self.time = start

    def now(self) -> datetime:
        """The time it was set to."""
        return self.time

    def advance(self, **by: float) -> None:
        """Move it on: `advance(seconds=61)`."""
        self.time += timedelta(**by)


class SeededIds:
    """Names and secrets from a seed: the same seed, the same sequence."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def _draw(self) -> int:
        self._count += 1
        return int.from_bytes(hashlib.sha256(f"{self._seed} {self._count}".encode()).digest(), "big")

    def uuid(self) -> str:
        """A urn:uuid."""
        text = f"{self._draw():064x}"
        return f"urn:uuid:{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"

    def token(self) -> str:
        """43 hexadecimal digits."""
        return f"{self._draw():064x}"[:43]

    def code(self, length: int) -> str:
        """`length` characters of 0-9 and A-Z."""
        number, text = self._draw(), ""
        for _ in range(length):
            number, rest = divmod(number, len(_ALPHABET))
            text += _ALPHABET[rest]
        return text


@dataclass(slots=True)
class RegistryPeer:
    """A `ports.Peer` whose other end is the node itself; `spoil` may change or drop what comes back, by its number."""

    node: FunctionalNode
    spoil: Callable[[int, Answer], Answer | None] = lambda _, answer: answer
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        limit: int = 1 << 20,
    ) -> Answer:
        """Ask the node; an answer that `spoil` drops is `Unavailable`."""
        del timeout, limit  # nothing here takes time, and what the node says is small
        if method != "POST":
            raise MisusedError("the national interfaces are called by POST", where=method)
        name, sent = urlsplit(url).path.rpartition("/")[2], dict(headers or {})
        self.sent.append((name, sent, body))
        status, answered, content = await self.node.answer(name, sent, body)
        lower = {key.lower(): value for key, value in answered.items()}
        answer = self.spoil(len(self.sent), Answer(status, content, lower))
        if answer is None:
            raise Unavailable("the answer was lost", where=url)
        return answer

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> AbstractAsyncContextManager[Stream]:
        """Nothing streams here."""
        del headers, timeout
        raise MisusedError("a functional node streams nothing", where=f"{method} {url}")

    async def close(self) -> None:
        """Nothing to close."""


@dataclass(slots=True)
class Company:
    """A connector-to-be and its keys; `client` calls the functional node for it."""

    name: str
    enterprise: Enterprise
    connector: Connector
    signing: MemoryKey
    tls: MemoryKey
    client: RegistryClient
    registry: Registry
    identifier: str = ""

    @property
    def requests(self) -> CertificateRequests:
        """Both certificate requests."""
        return make_requests(self.tls, self.signing, host=self.connector.hosts[0], identifier=self.identifier)

    async def apply(self) -> Standing:
        """Apply, or apply again after a return."""
        return await self.client.apply(self.enterprise, self.connector, self.requests)

    async def fetch(self) -> Standing:
        """Fetch the certificates of an approved application and call as the registered connector from now on."""
        self.identifier = (await self.client.status()).identifier
        standing = await self.client.request_certificates(self.requests)
        self.client.become(self.signing, self.identifier)
        return standing

    async def register(self) -> Standing:
        """Apply, be approved, fetch the certificates."""
        standing = await self.apply()
        await self.registry.node.registration.approve(standing.application, by="reviewer")
        return await self.fetch()

    async def application(self) -> Application:
        """What the node has of it."""
        return await self.registry.node.registration.find(self.identifier)


@dataclass(slots=True)
class Registry:
    """A functional node and what it is made of."""

    node: FunctionalNode
    store: Store
    clock: SteppedClock
    authority: Authority
    peer: RegistryPeer
    identifier: str

    @classmethod
    async def open(
        cls,
        store: Store | None = None,
        *,
        seed: str = "registry",
        place: str = "3501",
        identifiers: Profile = DEFAULT,
        on_change: Callable[[], None] = lambda: None,
        clock: SteppedClock | None = None,
    ) -> Registry:
        """A new one on this store, or in memory."""
        clock, ids, store = clock or SteppedClock(), SeededIds(seed), store or MemoryStore()
        kind = Kind.INDUSTRY_NODE if place.startswith("00") else Kind.REGIONAL_NODE
        identifier = make(kind, subject=OPERATOR, place=place, serial=ids.code(8), profile=identifiers).text
        root, signer = MemoryKey(f"{seed} root"), MemoryKey(f"{seed} signing")
        certificate = make_root(root, name="functional node", identifier=identifier, ids=ids, now=clock.now())
        authority = Authority(root, certificate, ids)
        own = authority.signing(signer.public_der, identifier=identifier, name="node.example", now=clock.now())
        node = FunctionalNode(
            store, clock, ids, authority, signer, own, place=place, identifiers=identifiers, on_change=on_change
        )
        return cls(node, store, clock, authority, RegistryPeer(node), identifier)

    def renew(self) -> None:
        """Give the node a new signing key and certificate."""
        key, now = MemoryKey(f"node {self.clock.now()}"), self.clock.now()
        own = self.authority.signing(key.public_der, identifier=self.identifier, name="node.example", now=now)
        self.node.renewed(key, own)

    def company(self, name: str, *, credit_code: str, title: str = "") -> Company:
        """A company that has keys and knows the node's root."""
        host = f"{name}.example"
        signing, tls = MemoryKey(f"{name} signing"), MemoryKey(f"{name} tls")
        return Company(
            name=name,
            enterprise=Enterprise(enterprise_name=title or name, credit_code=credit_code),
            connector=Connector(
                connector_name=name, did=f"did:web:{host}", public_url=f"https://{host}", hosts=(host,)
            ),
            signing=signing,
            tls=tls,
            client=self.client(signing, name),
            registry=self,
        )

    def client(
        self, signer: MemoryKey, seed: str, *, identifier: str = "", clock: SteppedClock | None = None
    ) -> RegistryClient:
        """A client with this key, and with a clock of its own where one is given."""
        return RegistryClient(
            self.peer,
            "https://node.example",
            (self.authority.root,),
            signer,
            clock or self.clock,
            SeededIds(f"client {seed}"),
            NationalCodec(),
            identifier=identifier,
        )
