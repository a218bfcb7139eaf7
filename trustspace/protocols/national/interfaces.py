"""The interfaces of a functional node as a table: names, fields, who may call, and what a wrong field is told.

GetIdentityProviderList and the enterprise and connector fields are of NDI-TR-2025-03 (draft); NDI-TR-2025-02 only names
most of the others in Chinese; what neither has is ours in the same style (specs/national.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trustspace.core.canon import Json, JsonObject
from trustspace.core.errors import InvalidInput
from trustspace.protocols.national.codes import (
    CATALOGUE,
    COMMON,
    CONNECTOR,
    ORGANISATION,
    FieldMissing,
    FieldTooLong,
    WrongName,
)


class Type(StrEnum):
    """What a field holds."""

    TEXT = "text"
    TEXTS = "list of texts"
    NUMBER = "whole number"
    FLAG = "true or false"
    OBJECT = "object"


class By(StrEnum):
    """Who may call: whoever holds a key, or a registered connector only."""

    ANYONE = "applicant or connector"
    CONNECTOR = "connector"


class Standing(StrEnum):
    """Where an interface comes from."""

    DRAFT = "draft text"
    NAMED = "named in the drafts, fields ours"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request: `length` counts characters (of each member in a list)."""

    name: str
    length: int
    mandatory: bool = False
    type: Type = Type.TEXT


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface: `subject` is the BC of its return codes; what `writes` is done once for each sequenceNum."""

    name: str
    subject: str
    standing: Standing
    fields: tuple[Field, ...] = ()
    by: By = By.CONNECTOR
    writes: bool = False
    chinese: str = ""


_REQUESTS: Final = (Field("tlsRequest", 16_000, True), Field("signingRequest", 16_000, True))
_ADDRESS: Final = (
    Field("connectorDid", 255, True),
    Field("connectorUrl", 255, True),
    Field("connectorIpList", 50, type=Type.TEXTS),
    Field("connectorDomainList", 255, type=Type.TEXTS),
)
_ENTERPRISE: Final = (
    Field("enterpriseName", 50, True),
    Field("enterpriseCode", 50, True),
    Field("enterpriseType", 2, True),
    Field("legalPerson", 50),
    Field("enterpriseAddress", 200),
    Field("contactName", 50),
    Field("contactPhone", 30),
    Field("contactEmail", 100),
)
_CONNECTOR: Final = (
    Field("connectorName", 50, True),
    Field("connectorJoinType", 2, True),
    Field("connectorVersion", 50),
    *_ADDRESS,
    *_REQUESTS,
)
_PRODUCT: Final = (
    Field("productName", 128, True),
    Field("productDesc", 500),
    Field("keywords", 64, type=Type.TEXTS),
    Field("industryCategory", 4),
    Field("regionCode", 4),
    Field("topicCategory", 5),
    Field("deliveryForm", 3, True),
    Field("updateFrequency", 3),
    Field("securityLevel", 3, True),
    Field("containsPersonalInfo", 0, type=Type.FLAG),
    Field("holderName", 100),
    Field("datasetId", 255, True),
    Field("endpoint", 255, True),
    Field("offer", 0, type=Type.OBJECT),
    Field("restricted", 0, type=Type.FLAG),
    Field("mediaType", 128),
    Field("dataSize", 0, type=Type.NUMBER),
    Field("edition", 0, type=Type.NUMBER),
)
_ENTRY: Final = Field("entryId", 64, True)
_REASON: Final = Field("reason", 200)

_ROWS: Final = (
    Interface("GetIdentityProviderList", COMMON, Standing.DRAFT, by=By.ANYONE, chinese="可信身份提供商查询"),
    Interface(
        "RegisterEnterprise",
        ORGANISATION,
        Standing.NAMED,
        _ENTERPRISE,
        By.ANYONE,
        writes=True,
        chinese="主体身份注册",
    ),
    Interface(
        "RegisterConnector",
        CONNECTOR,
        Standing.NAMED,
        _CONNECTOR,
        By.ANYONE,
        writes=True,
        chinese="接入连接器注册",
    ),
    Interface("QueryRegistration", CONNECTOR, Standing.NAMED, by=By.ANYONE, chinese="注册结果查询"),
    Interface("RequestCredential", CONNECTOR, Standing.NAMED, _REQUESTS, By.ANYONE, writes=True, chinese="凭证申请"),
    Interface("RenewCredential", CONNECTOR, Standing.NAMED, _REQUESTS, writes=True, chinese="凭证更新"),
    Interface("GetParticipantList", CONNECTOR, Standing.OURS, chinese="参与方名录"),
    Interface("ReportConnectorAddress", CONNECTOR, Standing.NAMED, _ADDRESS, writes=True, chinese="接入连接器地址上报"),
    Interface("RegisterProduct", CATALOGUE, Standing.NAMED, _PRODUCT, writes=True, chinese="数据产品登记"),
    Interface("UpdateProduct", CATALOGUE, Standing.NAMED, (_ENTRY, *_PRODUCT), writes=True, chinese="数据产品更新"),
    Interface("QueryProduct", CATALOGUE, Standing.NAMED, (_ENTRY,), chinese="登记结果查询"),
    Interface("ListProduct", CATALOGUE, Standing.NAMED, (_ENTRY,), writes=True, chinese="上架"),
    Interface("DelistProduct", CATALOGUE, Standing.NAMED, (_ENTRY, _REASON), writes=True, chinese="下架"),
    Interface("RevokeProduct", CATALOGUE, Standing.NAMED, (_ENTRY, _REASON), writes=True, chinese="数据产品撤销"),
    Interface(
        "SearchCatalogue",
        CATALOGUE,
        Standing.NAMED,
        (Field("keywords", 128), Field("offset", 64), Field("limit", 64)),
        chinese="数据目录检索",
    ),
    Interface("GetProduct", CATALOGUE, Standing.NAMED, (Field("productId", 65, True),), chinese="数据产品详情"),
    Interface("ResolveIdentifier", COMMON, Standing.NAMED, (Field("identityCode", 65, True),), chinese="标识解析"),
)

INTERFACES: Final[Mapping[str, Interface]] = {row.name: row for row in _ROWS}
"""Every interface by its name, which is also its path and its msgcode.

The draft limits msgcode to 20 characters, which its own GetIdentityProviderList (23) exceeds: the names win.
"""


def interface(name: str) -> Interface:
    """The row of that name; `WrongName` where there is none."""
    try:
        return INTERFACES[name]
    except KeyError:
        raise WrongName(f"there is no interface {name[:64]!r}", where="msgcode", hint=", ".join(INTERFACES)) from None


def check_fields(row: Interface, data: JsonObject) -> JsonObject:
    """The fields of a request under their own spelling; empty optional ones and unknown ones are left out.

    Names are taken in any case: the draft's text says lower case, its tables camelCase. Raises `InvalidInput`.
    """
    given: dict[str, Json] = {}
    for name, value in data.items():
        if given.setdefault(name.lower(), value) is not value:
            raise InvalidInput("this field stands twice in different spellings", where=name[:64])
    found = {field.name: _value(field, given.get(field.name.lower())) for field in row.fields}
    return {name: value for name, value in found.items() if value is not None}


def _value(field: Field, value: Json) -> Json:
    if value is None or value == "" or value == []:
        if field.mandatory:
            raise FieldMissing("this field is mandatory", where=field.name)
        return None
    if not _fits(field, value):
        raise InvalidInput(f"expected: {field.type}", where=field.name)
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and len(text) > field.length:
            raise FieldTooLong(f"longer than {field.length} characters ({len(text)})", where=field.name)
    return value


def _fits(field: Field, value: Json) -> bool:
    if field.type is Type.TEXTS:
        return isinstance(value, list) and len(value) <= 64 and all(isinstance(text, str) for text in value)
    kinds = {Type.TEXT: str, Type.NUMBER: int, Type.FLAG: bool, Type.OBJECT: dict}
    return type(value) is kinds[field.type]
