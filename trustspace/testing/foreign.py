"""A connector that somebody else wrote: plain Dataspace Protocol, no signatures, no receipts, no members of ours.

    node = await world.connector("far")                     # has an identity, and may have published
    far = await Foreign.in_place_of(node, spell=prefixed)   # from now on this answers at its address
    await far.request(bus, dataset)                         # as a consumer
    contract = await planner.negotiate(product.code)        # or as the provider of what the node had published

It leaves out what the protocol lets it leave out: it answers 200 for 201, acknowledges with empty bodies, sends no
content type, ends its callback address and its paths in a slash, and dates no agreement. Its request tokens are good.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trustspace.core.canon import Json, JsonObject, loads_object
from trustspace.core.catalogue import Visitor
from trustspace.core.catalogue.published import Published
from trustspace.core.contract import Role
from trustspace.core.identity import did
from trustspace.node.seal import Seal
from trustspace.ports import Answer
from trustspace.protocols import dsp
from trustspace.testing.world import Node, World

CONTEXT: Final = ["https://w3id.org/dspace/2025/1/context.jsonld"]
FORMAT: Final = "HttpData-PULL"
_SPACES: Final = {
    "dspace": "https://w3id.org/dspace/2025/1/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
}
_ODRL: Final = frozenset(
    {"permission", "prohibition", "obligation", "duty", "constraint", "action", "leftOperand", "operator", "target"}
    | {"rightOperand", "assigner", "assignee", "hasPolicy", "Offer", "Agreement"}
)
_DCAT: Final = frozenset(["Dataset", "distribution", "Distribution", "accessService", "DataService", "endpointURL"])
_REFERENCES: Final = frozenset(
    {"consumerPid", "providerPid", "target", "assigner", "assignee", "agreementId", "eventType", "action", "operator"}
)
Spell = Callable[[JsonObject], Json]


def compact(message: JsonObject) -> Json:
    """The message as the protocol's schemas have it."""
    return message


def prefixed(message: JsonObject) -> Json:
    """The message with a prefix before each name, as connectors of the JVM like to write it."""
    return {"@context": _SPACES, **_respelt({name: item for name, item in message.items() if name != "@context"})}


def expanded(message: JsonObject) -> Json:
    """The message in expanded JSON-LD."""
    return [_expanded({name: item for name, item in message.items() if name != "@context"})]


@dataclass(slots=True)
class Process:
    """A negotiation or transfer as this connector has it."""

    consumer: str
    provider: str
    peer: str
    url: str
    state: str
    about: JsonObject = field(default_factory=dict)

    @property
    def pids(self) -> JsonObject:
        """Both names of it."""
        return {"consumerPid": self.consumer, "providerPid": self.provider}


class Foreign:
    """Consumer and provider at the address of a node that has stopped."""

    def __init__(
        self, world: World, url: str, me: str, seal: Seal, spell: Spell, datasets: dict[str, JsonObject]
    ) -> None:
        self.world, self.url, self.me, self.seal, self.spell, self.datasets = world, url, me, seal, spell, datasets
        self.base = url + dsp.BASE
        self.processes: dict[str, Process] = {}
        self.received: list[tuple[str, JsonObject]] = []
        self.more: JsonObject = {}
        """Further members of its requests."""
        self._steps: dict[str, Callable[[Process, JsonObject], Any]] = {
            "verification": lambda process, _: self._event(process, "FINALIZED"),
            "agreement": self._verify,
            "start": self._keep,
        }

    @classmethod
    async def in_place_of(cls, node: Node, *, spell: Spell = compact) -> Foreign:
        """Stop the node and answer at its address, with its identity and its datasets."""
        products = await node.store.read(lambda tx: tx.find(Published, limit=1000))
        datasets = {
            one.key: loads_object((await node.engine.showcase.dataset(Visitor(""), one.key)).body) for one in products
        }
        world, engine, url = node.world, node.engine, node.settings.public_url
        await node.stop()
        foreign = cls(world, url, engine.me, engine.seal, spell, datasets)
        world.network.attach(url, foreign.app)
        return foreign

    # --- what it serves ------------------------------------------------------------------------------------------

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app."""
        request = Request(scope, receive)
        body, path = await request.body(), request.url.path
        if path == "/.well-known/did.json":
            document = did.make_document(
                self.me, certificates=[self.seal.certificate], services=[("DataService", self.base)]
            )
            answer = Response(document)
        elif path == dsp.WELL_KNOWN:
            answer = Response(dsp.encode_versions([dsp.Version()]))
        else:
            answer = self._serve(request, path.removeprefix(dsp.BASE), body)
        await answer(scope, receive, send)

    def _serve(self, request: Request, path: str, body: bytes) -> Response:
        parts = path.strip("/").split("/")
        if request.method == "GET" and parts[:2] == ["catalog", "datasets"] and parts[2] in self.datasets:
            return self._written(self.datasets[parts[2]])
        if request.method == "GET" and len(parts) == 2 and parts[1] in self.processes:
            return self._state(parts[0], self.processes[parts[1]])
        if request.method != "POST" or not body:
            return Response(status_code=404)
        message = loads_object(body)
        self.received.append((path, message))
        if parts == ["negotiations", "request"]:
            return self._asked(message)
        process = self.processes.get(parts[1])
        if process is None:
            return Response(status_code=404)
        self._moved(process, parts[-1], message)
        return Response()

    def _asked(self, message: JsonObject) -> Response:
        callback = message["callbackAddress"]
        issuer = next(one.did for one in self.world.nodes.values() if callback.startswith(one.engine.base))
        pid = f"far:{len(self.processes)}"
        process = Process(message["consumerPid"], pid, issuer, callback, "REQUESTED", message["offer"])
        self.processes[pid] = process
        self._later(self._agree, process)
        return self._state("negotiations", process)

    def _moved(self, process: Process, what: str, message: JsonObject) -> None:
        states = {"verification": "VERIFIED", "agreement": "AGREED", "termination": "TERMINATED", "start": "STARTED"}
        process.state = message.get("eventType") or states[what]
        process.provider = message["providerPid"]
        if step := self._steps.get(what):
            self._later(step, process, message)

    def _state(self, kind: str, process: Process) -> Response:
        name = "ContractNegotiation" if kind == "negotiations" else "TransferProcess"
        return self._written({"@context": CONTEXT, "@type": name, **process.pids, "state": process.state})

    def _written(self, message: JsonObject) -> Response:
        return Response(json.dumps(self.spell(message)))

    # --- what it says --------------------------------------------------------------------------------------------

    async def request(self, node: Node, dataset: str, offer: JsonObject) -> Process:
        """Ask a node for its offer of a dataset."""
        process = Process(f"near:{len(self.processes)}", "", node.did, node.engine.base, "REQUESTED", offer)
        self.processes[process.consumer] = process
        asked = {
            "consumerPid": process.consumer,
            "callbackAddress": f"{self.base}/",
            "offer": {**offer, "target": dataset},
        }
        answer = await self.post(process, "/negotiations/request", "ContractRequestMessage", {**asked, **self.more})
        process.provider = dsp.read_state(answer.body, Role.CONSUMER)[0]
        return process

    async def transfer(self, node: Node, agreement: str) -> Process:
        """Ask a node for the data of a contract."""
        process = Process(f"near:{len(self.processes)}", "", node.did, node.engine.base, "REQUESTED")
        self.processes[process.consumer] = process
        asked = {"consumerPid": process.consumer, "callbackAddress": f"{self.base}/", "agreementId": agreement}
        await self.post(process, "/transfers/request", "TransferRequestMessage", {**asked, "format": FORMAT})
        return process

    async def fetch(self, process: Process) -> Answer:
        """The data that a started transfer leads to, by the address and the token of its start."""
        address = process.about
        token = next(one["value"] for one in address["endpointProperties"] if one["name"] == "authorization")
        return await self.world.network.peer().request("GET", address["endpoint"], headers={"authorization": token})

    async def _agree(self, process: Process) -> None:
        rules = {name: item for name, item in process.about.items() if name in _ODRL}
        agreement = {**rules, "@id": f"urn:agreement:{process.provider}", "@type": "Agreement"}
        parties = {"assigner": self.me, "assignee": process.peer, "target": process.about["target"]}
        message = {**process.pids, "agreement": {**agreement, **parties}}
        path = f"/negotiations/{process.consumer}/agreement"
        await self.post(process, path, "ContractAgreementMessage", message)

    async def _verify(self, process: Process, message: JsonObject) -> None:
        process.about = message["agreement"]
        path = f"/negotiations/{process.provider}/agreement/verification"
        await self.post(process, path, "ContractAgreementVerificationMessage", process.pids)

    async def _event(self, process: Process, event: str) -> None:
        path = f"/negotiations/{process.consumer}/events"
        answer = await self.post(process, path, "ContractNegotiationEventMessage", {**process.pids, "eventType": event})
        process.state = event if answer.status == 200 else process.state

    async def _keep(self, process: Process, message: JsonObject) -> None:
        process.about = message["dataAddress"]

    async def post(self, process: Process, path: str, kind: str, members: JsonObject) -> Answer:
        """Send a message; its path ends in a slash."""
        body = json.dumps(self.spell({"@context": CONTEXT, "@type": kind, **members})).encode()
        url = f"{process.url}{path}/"
        token = self.seal.token(process.peer, "POST", urlsplit(url).path, body)
        headers = {"authorization": f"Bearer {token}"}
        return await self.world.network.peer().request("POST", url, body=body, headers=headers)

    def _later(self, step: Callable[..., Any], *given: object) -> None:
        """Once the present message has been answered."""

        async def do() -> None:
            await self.world.pause(1.0)
            await step(*given)

        if self.world.group is not None:
            self.world.group.start_soon(do)


def _space(name: str) -> str:
    return "odrl" if name in _ODRL else "dcat" if name in _DCAT else "dct" if name == "format" else "dspace"


def _named(name: str) -> str:
    return name if name.startswith("@") or ":" in name else f"{_space(name)}:{name}"


def _respelt(value: Json, name: str = "") -> Any:
    if isinstance(value, dict):
        return {_named(key): _respelt(item, key) for key, item in value.items()}
    if isinstance(value, list) and name != "rightOperand":
        return _respelt(value[0], name) if len(value) == 1 else [_respelt(item, name) for item in value]
    if name == "@type" or value == "use":
        return _named(value) if name == "@type" else {"@id": "odrl:use"}
    return {"@id": value} if name in _REFERENCES - {"eventType", "operator"} else value


def _expanded(value: Json, name: str = "") -> Any:
    if isinstance(value, dict):
        return {_absolute(key): _expanded(item, key) for key, item in value.items()}
    if name == "@type":
        return [_absolute(value)]
    if name == "@id":
        return value
    items = value if isinstance(value, list) else [value]
    return [_expanded(item, name) if isinstance(item, dict) else _wrapped(item, name) for item in items]


def _wrapped(value: Json, name: str) -> JsonObject:
    if name not in _REFERENCES:
        return {"@value": value}
    word = name in {"eventType", "operator", "action"}
    space = _SPACES["dspace" if name == "eventType" else "odrl"]
    return {"@id": space + value if word and ":" not in value else value}


def _absolute(name: str) -> str:
    return name if name.startswith("@") or ":" in name else _SPACES[_space(name)] + name
