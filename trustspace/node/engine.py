"""A connector's wiring: the only place where its adapters, codecs and services are put together."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
from anyio.abc import TaskGroup, TaskStatus

from trustspace.adapters.dataplane.files import FileSource
from trustspace.adapters.http.addresses import PlainHttp
from trustspace.adapters.http.did_web import DidWebResolver
from trustspace.core.canon import MAX_BYTES
from trustspace.core.contract import Party
from trustspace.core.errors import IllegalTransition, NotVerified, TrustspaceError, Unavailable
from trustspace.core.evidence.receipts import signer_of, verify_receipt
from trustspace.core.identifiers import parse
from trustspace.core.identity.did import did_from_url, url_from_did
from trustspace.core.identity.participants import ParticipantList, verify_list
from trustspace.core.record import Record
from trustspace.node.folder import Folder
from trustspace.node.keeping import Held, Keeping, hopeless
from trustspace.node.outside import Outside
from trustspace.node.quotas import Quotas
from trustspace.node.receipts import Receipts
from trustspace.node.seal import OpenSeal, Seal
from trustspace.node.settings import Settings
from trustspace.node.showcase import Showcase
from trustspace.node.speaking import NEGOTIATION, TRANSFER
from trustspace.node.streams import Streams
from trustspace.node.undone import delivered, going_on, take_up
from trustspace.node.waiting import Waiting
from trustspace.ports import Answer, Outgoing, Store
from trustspace.protocols import dsp
from trustspace.protocols.national.client import NationalCodec
from trustspace.services.agenda import Agenda
from trustspace.services.certificates import remember
from trustspace.services.clocks import NODE, Clocks, SteadyClock, last_logged
from trustspace.services.deadlines import deadline_of
from trustspace.services.deciding import SIGNS, House
from trustspace.services.delivery import UNSIGNED, Courtesy, Delivery, pause
from trustspace.services.directory import Directory, newest_seen, saw_list
from trustspace.services.ending import Endings
from trustspace.services.exchange import RECEIPT, Caller, Reply
from trustspace.services.machinery import Surroundings
from trustspace.services.negotiation import Negotiations
from trustspace.services.open_network import OpenNetwork
from trustspace.services.planning import Plan
from trustspace.services.registry_client import RegistryClient
from trustspace.services.signatures import known_to_sign
from trustspace.services.transfer import Transfers
from trustspace.services.usage import NOTICE, Books, Gate
from trustspace.services.witnessing import Witness

LIST_SECONDS: Final = 30.0
"""How often the list of participants is fetched in the background; `directory.FRESH` is twice that."""
MANY: Final = 1_000_000
PURGE_SECONDS: Final = 300.0
"""How often tokens that have expired are forgotten."""
OURS: Final = "/trustspace/v1"
"""Where what the protocol does not have is served."""
UNCHANGED: Final = 304
LOG: Final = logging.getLogger("trustspace")


class Engine:
    """Everything that a connector is, from its folder and settings; `run` keeps it going."""

    def __init__(self, folder: Folder, settings: Settings, store: Store, outside: Outside | None = None) -> None:
        outside = outside or Outside.real(folder, settings)
        self.folder, self.settings, self.store = folder, settings, store
        self.clock, self.ids, self.peer, self._sleep = outside.clock, outside.ids, outside.peer, outside.sleep
        self._codec = outside.codec
        self.me, self.base = did_from_url(settings.public_url), settings.public_url + dsp.BASE
        self.path_prefix = urlsplit(settings.public_url).path
        self.open = OpenNetwork(store, self.clock, self.ids) if settings.open else None
        self.roots = () if settings.open else folder.roots()
        self.key = folder.load_key("signing")
        self.clocks, self.quotas = Clocks(self.clock, dsp.read_reason), Quotas(settings.quota)
        self.steady = SteadyClock(self.clock, lambda: self.store.read(last_logged))
        certificate, kind = folder.read_certificate("signing") or b"", OpenSeal if settings.open else Seal
        self.seal = kind(self.key, certificate, self.roots, self.steady, self.ids, self.me)
        self.tls: ssl.SSLContext | None = None
        self.registry = RegistryClient(
            self.peer, settings.functional_node.url, self.roots, self.key, self.clock, self.ids, NationalCodec()
        )
        self.registry.clocks = self.clocks
        plain = PlainHttp.of(settings.network.plain_http)
        resolver = DidWebResolver(
            self.peer, url_from_did, plain=plain if settings.plain else None, monotonic=outside.monotonic
        )
        met, signing = partial(remember, self.store), partial(known_to_sign, self.store, self.clock)
        self.listed = Directory(self._fetch_list, resolver, self.roots, self.clock, self.me, met, signing)
        self.directory = self.open or self.listed
        self.receipts, self.waiting, self.streams = Receipts(self.seal), Waiting(), Streams()
        self.source = FileSource(folder.files)
        secret = sha256(self.key.sign(b"tokens of catalogue pages")).digest()  # the same after a restart
        self.showcase = Showcase(store, self.me, self.base, secret=secret, size=settings.catalogue_page)
        self._group: TaskGroup | None = None
        self._identifier = ""
        self.held: dict[str, Held] = {}
        self.on_open: Callable[[], Awaitable[None]] | None = None
        self._use_cases()
        self.adopt()

    def _use_cases(self) -> None:
        machines = ("negotiation", "transfer")
        acts = {machine: partial(self.advance, machine) for machine in machines}
        acts |= {deadline_of(machine): partial(self._due, machine) for machine in machines}
        self.agenda = Agenda(self.clock, acts, sleep=self._sleep)
        plan = Plan(self.settings.rulebook, self.agenda.put)
        around = Surroundings(
            self.store, self.steady, self.ids, self.me, self._kick, self._changed, self._ask_state, plan
        )
        house = self._house(Party(self.me))
        negotiation, transfer = replace(NEGOTIATION, codec=self._codec), replace(TRANSFER, codec=self._codec)
        self.negotiations = Negotiations(negotiation, around, house, self.seal, self.directory)
        self.transfers = Transfers(transfer, around, self.directory, root=self.settings.public_url, base=self.base)
        self.gate = Gate(self.store, self.steady, self.ids, self.seal, kick=self._kick)
        self.witness = Witness(self.store, self.steady)
        self.endings = Endings(self.store, self.steady, self.ids, self.seal, cut=self.streams.cut, kick=self._kick)
        self.books = Books(self.store, self.steady, self.ids, self.seal, kick=self._kick)
        patience = self.settings.patience.read()
        self.keeping = Keeping(self.negotiations, self.transfers, self.directory, patience, self.agenda)
        self.delivery = Delivery(
            self.store,
            self.clock,
            self._send,
            {
                "negotiation": self._settle_negotiation,
                "transfer": self._settle_transfer,
                NOTICE: self._settle_other,
            },
            Courtesy(self.settings.patience.answer),
            doubt=self.keeping.took_it,
            sleep=self._sleep,
        )

    @property
    def identifier(self) -> str:
        """Our 32-character identifier; "" before the registration."""
        return self._identifier

    # --- who we are ----------------------------------------------------------------------------------------------

    def adopt(self) -> bool:
        """Be who the signing certificate in the folder says; False where there is none yet."""
        certificate = self.folder.read_certificate("signing")
        facts = self.folder.facts("signing", self.clock.now())
        if certificate is None or facts is None:
            return False
        self._identifier = facts.identifier
        self.key = self.folder.load_key("signing")
        self.seal.key, self.seal.certificate = self.key, certificate
        self.registry.become(self.key, facts.identifier)
        party = Party(self.me, facts.identifier, parse(facts.identifier).subject)
        self.negotiations.house = self._house(party)
        return True

    def _house(self, party: Party) -> House:
        settings = self.settings
        signs = "" if settings.open else SIGNS
        return House(party, self.base, settings.require_signatures and not settings.open, signs)

    @property
    def ready(self) -> bool:
        """Whether others may speak to us: once registered, or on an open test network."""
        return bool(self._identifier) or self.settings.open

    async def remember_own(self) -> None:
        """Keep our signing certificate for the packs of later days."""
        if self.identifier:
            await remember(self.store, self.me, [self.seal.certificate])

    async def open_public(self) -> None:
        """Begin to be heard by others, once registered; whoever runs the node sets how."""
        if self.on_open is not None:
            await self.on_open()

    # --- running -------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Deliver, keep the list of participants fresh, take up what an earlier life left undone; until cancelled."""
        await self.remember_own()
        await going_on(self.store, self._went_on)
        try:
            async with anyio.create_task_group() as self._group:
                self.steady.doubted = partial(self._group_start, self.steady.catch_up, self._sleep)
                await self.steady.start()
                await self._group.start(self.delivery.run)
                await self._group.start(self.agenda.run)
                self._group.start_soon(self._keep_list)
                self._group.start_soon(self._keep_tidy)
                await self._take_up()
                task_status.started()
        finally:
            self._group = None

    async def _take_up(self) -> None:
        """What was to be done when the process ended is done now."""
        self._group_start(take_up, self.store, self.advance)
        for key in await delivered(self.store):
            self._group_start(self.keeping.complete, key)

    def _went_on(self, record: Record) -> None:
        """A process that an earlier life left open counts, and has a deadline: what was due meanwhile is due now."""
        self.quotas.saw(record)
        self.keeping.changed(record)

    async def _due(self, machine: str, pid: str) -> None:
        await self.keeping.due(machine, pid)

    async def _fetch_list(self, newest: int) -> ParticipantList:
        newest = max(newest, await self.store.read(newest_seen))
        signed = (await self.registry.participants()).encode()
        try:
            found = verify_list(signed, self.roots, now=self.clock.now(), newest_seen_version=newest)
        except NotVerified as error:
            raise self.clocks.blamed(NODE, error) from error
        if found.version > newest:
            await self.store.run(lambda tx: saw_list(tx, found.version))
        return found

    async def _keep_list(self) -> None:
        while True:
            with suppress(TrustspaceError):  # the age of the list decides what is refused, and status shows it
                await self.directory.refresh()
            await self._sleep(LIST_SECONDS)

    async def _keep_tidy(self) -> None:
        while True:
            with suppress(TrustspaceError):  # no room: later
                await self.store.run(lambda tx: tx.purge(self.clock.now()))
            await self._sleep(PURGE_SECONDS)

    def start(self, machine: str, pid: str) -> None:
        """Do what is ours to do next with a process, beside everything else."""
        self._group_start(self.advance, machine, pid)

    def _group_start(self, do: Callable[..., Coroutine[Any, Any, None]], *given: object) -> None:
        if self._group is not None:  # else in the next life
            self._group.start_soon(do, *given)

    async def after(self, machine: str, reply: Reply) -> None:
        """Go on once an answer has been given: send what was said with it, or do what is ours to do next."""
        if reply.then is not None:
            self._kick([reply.then])
        elif reply.todo:
            await self.advance(machine, reply.process)

    async def advance(self, machine: str, pid: str) -> None:
        """Do what is ours to do next with a process; what cannot be done now stays to be done, and `held` says why."""
        if not await self._advanced(machine, pid) and self.held[pid].attempts == 1:
            self._group_start(self._retry, machine, pid)

    async def _retry(self, machine: str, pid: str) -> None:
        """Again and again with longer pauses; other steps of the same process do not wait for it."""
        while pid in self.held:
            await self._sleep(pause(self.held[pid].attempts))
            if await self._advanced(machine, pid):
                return

    async def _advanced(self, machine: str, pid: str) -> bool:
        """Whether the next step of a process could be done now."""
        use_case = self.negotiations if machine == "negotiation" else self.transfers
        try:
            await use_case.advance(pid)
        except IllegalTransition:  # the peer's message came in between: its own next step is under way
            pass
        except Exception as error:  # a defect holds up one process and not the node; `status` shows both
            LOG.warning("%s %s waits: %s", machine, pid, error, exc_info=not isinstance(error, TrustspaceError))
            before = self.held.get(pid)
            since, attempts = (before.since, before.attempts) if before else (self.clock.now(), 0)
            if hopeless(error, attempts):
                self.held.pop(pid, None)
                await self.keeping.give_up(machine, pid, error)
                return True
            self.held[pid] = Held(machine, since, attempts + 1, str(error) or type(error).__name__)
            return False
        self.held.pop(pid, None)
        return True

    # --- sending -------------------------------------------------------------------------------------------------

    def _changed(self, record: Record) -> None:
        self.quotas.saw(record)
        self.waiting.changed(record)
        self.keeping.changed(record)

    def _kick(self, messages: list[Outgoing]) -> None:
        self.delivery.kick(messages)

    async def send(
        self,
        method: str,
        url: str,
        peer: str,
        body: bytes = b"",
        *,
        new: bool = False,
        also: Mapping[str, str] | None = None,
        limit: int = MAX_BYTES,
    ) -> Answer:
        """One authenticated request to a participant, `also` with these headers; an answer of at most `limit` bytes.

        `Unavailable` where something on the way answers in its place: a node of ours gives a reason when it refuses.
        """
        caller = await self.directory.known(peer, fresh=new)
        target = urlsplit(url)
        path = target.path + (f"?{target.query}" if target.query else "")
        headers = {"authorization": f"Bearer {self.seal.token(peer, method, path, body)}"}
        if body:
            headers["content-type"] = "application/json"
        answer = await self.peer.request(method, url, body=body, headers={**headers, **(also or {})}, limit=limit)
        self.clocks.check(peer, answer)
        if answer.status >= 300 and answer.status != UNCHANGED and caller.signs and not self._codec.reason(answer.body):
            raise Unavailable(f"{answer.status} without a reason: something on the way says so", where=peer)
        return answer

    async def _send(self, outgoing: Outgoing) -> Answer:
        """Try to deliver once; an acknowledgement without its receipt is none, since this peer gives receipts."""
        if outgoing.kind == NOTICE and self.open is not None:
            return Answer(410)  # only nodes that have been registered know notices
        answer = await self.send("POST", outgoing.url, outgoing.to, outgoing.body)
        if answer.status < 300:
            await self._check_receipt(outgoing, answer)
            return answer
        kept = {name: answer.headers[name] for name in UNSIGNED if name in answer.headers}
        return Answer(answer.status, answer.body, kept)  # a receipt that nobody checked does not go into the books

    async def _check_receipt(self, outgoing: Outgoing, answer: Answer) -> None:
        peer = await self.directory.known(outgoing.to, fresh=False)
        receipt = answer.headers.get(RECEIPT, "")
        if not receipt:
            if peer.receipts:
                raise Unavailable("the answer has no receipt", where=outgoing.to)
            return
        key = peer.keys.get(signer_of(receipt))
        if key is None:
            raise Unavailable("the receipt is signed with an unknown key", where=outgoing.to)
        try:
            verify_receipt(
                receipt,
                public_der=key,
                received=outgoing.body,
                answered=answer.body,
                sender=self.me,
                receiver=outgoing.to,
            )
        except NotVerified as error:
            raise Unavailable(f"the receipt does not hold: {error}", where=outgoing.to) from error

    async def _ask_state(self, peer: str, url: str) -> Answer:
        answer = await self.send("GET", url, peer)
        if answer.status >= 500:
            raise Unavailable(f"the peer does not say where it stands: it answers {answer.status}", where=peer)
        return answer

    async def _settle_negotiation(self, outgoing: Outgoing, answer: Answer) -> None:
        if await self.negotiations.settle(outgoing, answer):
            self.start("negotiation", outgoing.process)

    async def _settle_transfer(self, outgoing: Outgoing, answer: Answer) -> None:
        if await self.transfers.settle(outgoing, answer):
            self.start("transfer", outgoing.process)

    async def _settle_other(self, outgoing: Outgoing, _: Answer) -> None:
        await self.store.run(lambda tx: tx.sent(outgoing.id))

    def beside(self, peer: Caller, path: str) -> str:
        """The URL of what a peer serves beside the protocol."""
        return f"{peer.endpoint}{OURS}{path}"

    async def close(self) -> None:
        """Let go of connections and store."""
        await self.peer.close()
        await self.store.close()
