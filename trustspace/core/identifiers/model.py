"""Identifiers as values: what `parse` reads and `make` builds, and nothing that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from trustspace.core.identifiers.codes import Kind, is_industry
from trustspace.core.identifiers.profile import SEPARATOR


@dataclass(frozen=True, slots=True)
class Identifier:
    """统一目录标识 of a node, connector, data product or data resource: 32 characters, up to 65 with an extension.

    `kind` 类型码 (1), `subject` 主体标识码 (18), `place` 区域/行业代码 (4), `serial` 随机码 (8), `check` 校验码 (1),
    `extension` 扩展码 (0–32). Made by `parse` or `make`, which refuse what NDI-TR-2025-04 does not allow.
    """

    kind: Kind
    subject: str
    place: str
    serial: str
    check: str
    extension: str = ""

    @property
    def code(self) -> str:
        """The 32 characters without the extension."""
        return f"{self.kind}{self.subject}{self.place}{self.serial}{self.check}"

    @property
    def text(self) -> str:
        """The whole identifier as it is written, the extension after `•`."""
        return f"{self.code}{SEPARATOR}{self.extension}" if self.extension else self.code

    @property
    def is_industry(self) -> bool:
        """Whether the assigning node is one of an industry (行业) rather than of a region (区域)."""
        return is_industry(self.place)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ContractIdentifier:
    """合约标识码, 47 characters (TC609-6-2025-14).

    `head` contract type and node type (2, values not given by the text: opaque), `subject` of the business node (18),
    `place` (4), `time` YYYYMMDDHHMMSS (14, time zone not given by the text), `serial` (8), `check` (1).
    """

    head: str
    subject: str
    place: str
    time: str
    serial: str
    check: str

    @property
    def text(self) -> str:
        """The 47 characters."""
        return f"{self.head}{self.subject}{self.place}{self.time}{self.serial}{self.check}"

    def __str__(self) -> str:
        return self.text
