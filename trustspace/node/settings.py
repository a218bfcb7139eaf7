"""A node's settings: `settings.toml` in its folder, checked when read, each mistake named with its place."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from trustspace.core.canon import JsonObject, loads_object
from trustspace.core.contract import Patience
from trustspace.core.errors import Conflict, InvalidInput, MisusedError, NotFound, TrustspaceError
from trustspace.core.rules import Rule, read_rules

FILE: Final = "settings.toml"
OPEN: Final = "open-test-network"
OPEN_WARNING: Final = "open test network: whoever comes is believed, and no contract is signed; for tests only"
_DEFAULT: Final = Patience()


class FunctionalNodeSettings(BaseModel):
    """The functional node that this connector is registered at, and the SHA-256 of its root certificate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = ""
    fingerprint: str = ""


class NetworkSettings(BaseModel):
    """Where this node may go: networks that are not public, and hosts that may be spoken to without TLS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    networks: tuple[str, ...] = ()
    plain_http: tuple[str, ...] = ()

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value


class Quota(BaseModel):
    """What one peer may have under way here: more is answered 429, with the time to come again.

    `negotiations` and `transfers` that it began and that have not ended; `requests` being answered at a time; `rate`
    requests a second in the long run, `burst` of them at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    negotiations: int = Field(default=20_000, ge=1)
    transfers: int = Field(default=20_000, ge=1)
    requests: int = Field(default=2_000, ge=1)
    rate: float = Field(default=2_000.0, gt=0)
    burst: float = Field(default=20_000.0, ge=1)


class PatienceSettings(BaseModel):
    """How long a process may wait before it ends as timed out: ISO 8601 durations, or seconds.

    `answer`: the peer's answer to a message of ours; `step`: a step that software does; `decision`: a person here;
    `peer`: a decision of the peer; `idle`: data that nobody fetches. After `ask` the peer is asked how it stands there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: timedelta = _DEFAULT.answer
    step: timedelta = _DEFAULT.step
    decision: timedelta = _DEFAULT.decision
    peer: timedelta = _DEFAULT.peer
    idle: timedelta = _DEFAULT.idle
    ask: timedelta = _DEFAULT.ask

    @field_validator("*")
    @classmethod
    def _is_some(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError("a patience is longer than nothing")
        return value

    def read(self) -> Patience:
        """The same as a value of the core."""
        return Patience(**dict(self))


class Settings(BaseModel):
    """What an operator decides about a node.

    `public_url` is what others call it; `public_bind` and `management_bind` are the addresses it listens on
    (`host:port`). `require_signatures`: contracts with peers that do not sign are refused. `place`: the region
    (first four digits of GB/T 2260) or industry (`00` + GB/T 4754 大类) of a functional node. `rules`: what the node
    does by itself in negotiations and transfers (`core.rules`); a `policy` may name a JSON file beside this one.
    `catalogue_page`: how many products one page of the catalogue shows to others.
    `agreements`: files in the node's folder with agreements made elsewhere, imported at each start (once each).

    `identity = "open-test-network"` believes whoever comes, and signs nothing: for tests with connectors that no
    functional node knows. It is refused beside a functional node, over TLS (nobody has certificates), and off the
    loopback unless `open_beyond_loopback` says so a second time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["connector", "functional"]
    name: str = ""
    public_url: str
    public_bind: str = "127.0.0.1:0"
    management_bind: str = "127.0.0.1:0"
    credit_code: str = ""
    place: str = "3501"
    require_signatures: bool = True
    approval: Literal["automatic", "manual"] = "automatic"
    functional_node: FunctionalNodeSettings = FunctionalNodeSettings()
    network: NetworkSettings = NetworkSettings()
    quota: Quota = Quota()
    patience: PatienceSettings = PatienceSettings()
    database_pages: int | None = Field(None, ge=16)
    rules: tuple[dict[str, Any], ...] = ()
    agreements: tuple[str, ...] = ()
    open_beyond_loopback: bool = False
    identity: Literal["registered", "open-test-network"] = "registered"
    catalogue_page: Annotated[int, Field(ge=1, le=1000)] = 100

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if (
            parts.scheme not in {"https", "http"}
            or not parts.hostname
            or parts.username
            or parts.query
            or parts.fragment
        ):
            raise ValueError("an https:// or http:// address without user, query or fragment is expected")
        if parts.port == 0:
            raise ValueError("port 0 cannot be called by others")
        return value.rstrip("/")

    @field_validator("public_bind", "management_bind")
    @classmethod
    def _is_bind(cls, value: str) -> str:
        split_bind(value)
        return value

    @model_validator(mode="after")
    def _are_rules(self) -> Self:
        for at, rule in enumerate(read_rules(self.rules)):
            if rule.after >= self.patience.decision:
                what = f"after so long the process has ended: a decision may take {self.patience.decision}"
                raise InvalidInput(what, where=f"rules[{at}].after", hint="raise patience.decision")
        return self

    @property
    def rulebook(self) -> tuple[Rule, ...]:
        """The rules, read."""
        return read_rules(self.rules)

    @field_validator("identity")
    @classmethod
    def _is_meant(cls, value: str, info: ValidationInfo) -> str:
        if value == OPEN:
            _check_open(info.data)
        return value

    @property
    def open(self) -> bool:
        """Whether whoever comes is believed: an open test network."""
        return self.identity == OPEN

    @property
    def plain(self) -> bool:
        """Whether the public listener speaks HTTP without TLS."""
        return self.public_url.startswith("http://")


def _check_open(given: dict[str, Any]) -> None:
    """An open test network is never turned on by accident; `ValueError` says what stands against it."""
    node, url = given.get("functional_node"), given.get("public_url", "")
    if given.get("kind") != "connector" or (node is not None and node.url):
        raise ValueError("a node with a functional node knows who is who: take that out, or this")
    if not url.startswith("http://"):
        raise ValueError("nobody has certificates on an open test network: its public_url is http://…")
    hosts = urlsplit(url).hostname or "", split_bind(given.get("public_bind") or "127.0.0.1:0")[0]
    if not given.get("open_beyond_loopback") and not all(map(_is_loopback, hosts)):
        raise ValueError("others could reach it: listen on 127.0.0.1, or set open_beyond_loopback as well")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, 6.3


def settings_from(**given: Any) -> Settings:
    """Settings from values that a person gave; an empty `public_bind` is the host and port of the public address."""
    try:
        checked = Settings.model_validate({**given, "public_bind": given.get("public_bind") or "127.0.0.1:0"})
        return Settings.model_validate(
            {**given, "public_bind": given.get("public_bind") or _own_bind(checked.public_url)}
        )
    except ValidationError as error:
        raise settings_error(error, "settings") from error


def with_rules(settings: Settings, rules: Sequence[JsonObject]) -> Settings:
    """The settings with these rules before their own; `InvalidInput` names the one that is wrong."""
    read_rules(rules)
    return settings.model_copy(update={"rules": (*rules, *settings.rules)}) if rules else settings


def _own_bind(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{parts.hostname}]:{port}" if ":" in (parts.hostname or "") else f"{parts.hostname}:{port}"


def split_bind(value: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as a pair; `ValueError` otherwise."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{value!r} is not host:port")
    return host.strip("[]"), int(port)


def read(folder: Path) -> Settings:
    """The settings of a node's folder; raises `NotFound` or `InvalidInput` that names the line or the setting."""
    path = folder / FILE
    try:
        return Settings.model_validate(_with_policies(tomllib.loads(path.read_text(encoding="utf-8")), folder))
    except FileNotFoundError:
        raise NotFound(
            "there is no node in this folder", where=str(folder), hint="make one: trustspace init DIR"
        ) from None
    except OSError as error:
        raise MisusedError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"this is not TOML: {error}", where=str(path)) from error
    except ValidationError as error:
        raise settings_error(error, str(path)) from error
    except TrustspaceError as error:  # a rule
        raise type(error)(error.what, where=f"{path}: {error.where}", hint=error.hint) from error


def _with_policies(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with the policies that their rules name by a file beside them."""
    rules = given.get("rules")
    if not isinstance(rules, list):
        return given
    return {**given, "rules": [_with_policy(rule, f"rules[{at}].policy", folder) for at, rule in enumerate(rules)]}


def _with_policy(rule: Any, where: str, folder: Path) -> Any:
    name = rule.get("policy") if isinstance(rule, dict) else None
    if not isinstance(name, str):
        return rule
    try:
        return {**rule, "policy": loads_object((folder / name).read_bytes(), where=name)}
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {error.strerror}", where=where, hint="a file beside it") from error


def write(folder: Path, settings: Settings) -> None:
    """Write the settings of a new node; `Conflict` where the folder has some already: they are never overwritten."""
    path = folder / FILE
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(to_toml(settings.model_dump(exclude_defaults=True, mode="json")))
    except FileExistsError:
        raise Conflict(
            "there is a node in this folder already", where=str(folder), hint="choose another folder"
        ) from None


def settings_error(error: ValidationError, where: str) -> InvalidInput:
    """The first mistake of a validation, with its place and what was expected."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return InvalidInput(f"{place}: {first['msg']}", where=where, hint=f"the value given: {first['input']!r}"[:200])


def to_toml(values: dict[str, Any]) -> str:
    """A table of texts, numbers, truth values, lists and one level of tables and of lists of tables, as TOML."""
    lists = {name: value for name, value in values.items() if isinstance(value, list) and value and _tables(value)}
    tables = {name: value for name, value in values.items() if isinstance(value, dict)}
    plain = [f"{name} = {_inline(value)}\n" for name, value in values.items() if name not in {**lists, **tables}]
    plain += [f"\n[{name}]\n{to_toml(value)}" for name, value in tables.items()]
    return "".join([*plain, *(f"\n[[{name}]]\n{_members(one)}" for name, some in lists.items() for one in some)])


def _tables(value: list[Any]) -> bool:
    return all(isinstance(one, dict) for one in value)


def _members(table: dict[str, Any]) -> str:
    return "".join(f"{name} = {_inline(value)}\n" for name, value in table.items())


def _inline(value: Any) -> str:
    """A value on one line; TOML's texts, numbers and truth values are those of JSON."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name)} = {_inline(item)}' for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value)
