"""What the services need of the outside world: time, names, keys, storage, peers, files. Adapters implement these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from trustspace.core.evidence.leaves import Leaf as Leaf
from trustspace.core.record import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The present time, aware, in UTC, with microseconds."""


class Ids(Protocol):
    """Where names and secrets come from."""

    def uuid(self) -> str:
        """A new `urn:uuid:…`."""

    def token(self) -> str:
        """A new secret of 256 bits in 43 characters of base64url."""

    def code(self, length: int) -> str:
        """`length` random characters of 0-9 and A-Z, for the serial part of an identifier."""


class Signer(Protocol):
    """A private key that is used and never seen: a file, PKCS#11, …"""

    @property
    def algorithm(self) -> str:
        """The JWS name of the algorithm: `ES256`."""

    @property
    def public_der(self) -> bytes:
        """The public key, DER SubjectPublicKeyInfo."""

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`: for ES256 the 64 bytes r‖s over SHA-256, deterministic (RFC 6979)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that has to reach a peer: always these bytes, in order within its `process`, until it is answered.

    `process` is the key of the record it belongs to, `verb` what it does there; `subject` names it in `status`.
    """

    id: str
    process: str
    kind: str
    verb: str
    to: str
    url: str
    body: bytes
    created: datetime
    attempts: int = 0
    due: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf in its place: `index` counts from 0."""

    index: int
    body: bytes


class Tx(Protocol):
    """One transaction. A body never awaits, sends, reads a clock or draws randomness:

    it may run twice."""

    def get(self, kind: type[R], key: str) -> R | None:
        """The record of that kind and key, or None."""

    def save(self, record: R, *, expect: int) -> R:
        """Store the record if the stored version is `expect` (0: there is none); returns it with version `expect + 1`.

        Raises `Conflict` where the version differs: the caller reads again and decides again.
        """

    def find(self, kind: type[R], /, *, after: int = 0, limit: int = 100, **where: str) -> list[R]:
        """Records whose indexed fields equal `where`, oldest first (by first save); skips the first `after`."""

    def count(self, kind: type[R], /, **where: str) -> int:
        """How many records `find` would give without a limit."""

    def values(self, kind: type[R], field: str) -> list[str]:
        """The values that an indexed field has among the records of a kind, each once, sorted."""

    def page(
        self, kind: type[R], field: str, values: Sequence[str], *, after: str = "", before: str = "", limit: int = 100
    ) -> list[R]:
        """Records whose indexed field has one of the values (each given once), oldest first as in `find`.

        `after`: the first that were saved first after the record of that key; `before`: the last before it. Where that
        record stands is all that matters of it; `NotFound` where there is none.
        """

    def index(self, kind: type[R], key: str, terms: Iterable[str]) -> None:
        """Let the record be found by these search terms, instead of any given before; none: by no search at all.

        Raises `NotFound` where there is no such record.
        """

    def search(self, kind: type[R], terms: Sequence[str], *, after: int = 0, limit: int = 20) -> tuple[list[R], int]:
        """Records that have every one of the terms, newest first, and their number; no terms: every indexed one."""

    def seen(self, key: str) -> bytes | None:
        """The answer that was given to the message of this idempotency key, or None."""

    def reply(self, key: str, answer: bytes) -> None:
        """Remember the answer before it is given; `Conflict` where another answer was remembered."""

    def once(self, issuer: str, name: str, digest: str, expires: datetime) -> str:
        """Bind a token's name (`jti`, sequence number) to a request digest; returns the digest bound first."""

    def keep(self, data: bytes) -> str:
        """Keep bytes by their SHA-256; returns it in hexadecimal."""

    def blob(self, digest: str) -> bytes | None:
        """The bytes kept under that SHA-256."""

    def outbox(self, message: Outgoing) -> None:
        """Queue a message; it leaves after the commit. Raises `Conflict` where its `id` is queued already."""

    def queued(self, *, process: str = "", limit: int = 1000) -> list[Outgoing]:
        """Messages not yet answered, oldest first; of one process, or of all."""

    def sent(self, name: str) -> None:
        """The message was answered, or will never be: take it out of the outbox, if it is still there."""

    def postpone(self, name: str, *, attempts: int, due: datetime, error: str) -> None:
        """The message was not answered: when to try again, and what went wrong; nothing where it was taken out."""

    def evidence(self, leaf: Leaf) -> None:
        """Append to the evidence log; the place in it is given at the commit, and until then no read shows it."""

    def link(self, chain: str) -> int:
        """Take the next place in a chain of leaves, from 1; without gaps, since it is undone with the body."""

    def linked(self, chain: str) -> int:
        """How many places of a chain are taken."""

    def log_size(self) -> int:
        """How many entries the log has."""

    def entry(self, index: int) -> Entry | None:
        """The entry in that place."""

    def entries(self, subject: str, *, after: int = -1, limit: int = 10_000) -> list[Entry]:
        """The entries about a subject, in order, of index greater than `after`; the empty subject: all."""

    def node(self, level: int, index: int) -> bytes | None:
        """The hash of the full subtree over entries [index·2^level, (index+1)·2^level), RFC 6962; level 0: leaves."""

    def purge(self, now: datetime) -> int:
        """Forget tokens that expired before `now`; returns how many."""


class Store(Protocol):
    """Where a node keeps what it knows. Everything that `run` returned is durable."""

    async def run(self, body: Callable[[Tx], T], *, patience: float = 0.0) -> T:
        """Run the body in a read-write transaction, durable when this returns; what the body raises undoes it whole.

        With `patience` (seconds) it may wait so long to share a commit with others, behind which it is run. Raises
        `StorageFull` where there is no room, `Unavailable` where the disk fails.
        """

    async def read(self, body: Callable[[Tx], T]) -> T:
        """Run the body over the last committed state; it never waits for a writer, and writing raises."""

    async def close(self) -> None:
        """Finish what is running and let go of the folder."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer answered; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body comes in chunks."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Peer(Protocol):
    """The way to other nodes: no redirects, peers verified, bounded answers."""

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
        """Send and read the whole answer; `Unavailable` says which step failed (name, connect, TLS, time, size)."""

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> AbstractAsyncContextManager[Stream]:
        """Send and hand over the body as it comes; `timeout` bounds each silence, not the whole."""

    async def close(self) -> None:
        """Close all connections."""


class Resolver(Protocol):
    """How a participant's DID document is found (did:web)."""

    async def resolve(self, did: str, *, fresh: bool = False) -> bytes:
        """The document's bytes, from a bounded cache unless `fresh`; `InvalidInput`, `NotFound`, `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a source offers at a moment: SHA-256 in hexadecimal, size in bytes, media type, a name to save it under."""

    digest: str
    size: int
    media_type: str
    name: str


class Source(Protocol):
    """Data that is published: files now, other kinds by adapters."""

    async def describe(self, reference: str) -> Content:
        """What lies there now; raises `NotFound` or `Unavailable`."""

    def read(
        self, reference: str, content: Content, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        """Bytes [start, stop) in chunks of at most 1 MiB; `Unavailable` where that is no longer `content`."""


class Sink(Protocol):
    """Where pulled data goes: resumable, verified, and never half under its final name."""

    async def offset(self, content: Content) -> int:
        """How many bytes of this content are here already."""

    async def write(self, content: Content, start: int, chunks: AsyncIterator[bytes]) -> None:
        """Write from `start` on; the digest is checked along the way, a wrong one leaves no file: `NotVerified`."""

    async def finish(self, content: Content) -> Path:
        """Put the whole, verified file in its place, durably; returns the place."""
