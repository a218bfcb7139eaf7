"""Zip, in the one shape that a pack has: written deterministically, read without believing anything.

Read are files stored or deflated, one after the other from the first byte, then the central directory in the same
order and with the same words, then its end record, which is the end of the file. Nothing is ever unpacked to a disk.
What other tools could read otherwise is refused: extra fields, comments, flags, links, folders, names that repeat.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trustspace.core.errors import InvalidInput, TooLarge

MAX_TOTAL: Final = 64 << 20
"""The most bytes that all members have together, unpacked (and the archive, packed)."""
MAX_RATIO: Final = 100
"""How many times its packed size a member may have."""
MAX_MEMBERS: Final = 10_000
MAX_NAME: Final = 128

_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_NAME: Final = re.compile(rf"{_PART}(/{_PART}){{0,3}}")
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_STORED, _DEFLATED = 0, 8
_REGULAR: Final = 0o100000
_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Member:
    """An entry of the central directory; `common` is what the local header must repeat."""

    name: str
    common: tuple[int, ...]
    start: int

    @property
    def method(self) -> int:
        return self.common[2]

    @property
    def checksum(self) -> int:
        return self.common[5]

    @property
    def packed(self) -> int:
        return self.common[6]

    @property
    def size(self) -> int:
        return self.common[7]


def write_archive(members: Mapping[str, bytes]) -> bytes:
    """The zip of these members, in order, stored, all with the same old time: the same members, the same bytes.

    `TooLarge` or `InvalidInput` for what `read_archive` would not take.
    """
    _limit(len(members), MAX_MEMBERS, "members", "archive")
    _limit(sum(map(len, members.values())), MAX_TOTAL, "bytes", "archive")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(_check_name(name.encode()), _TIME)
            info.create_system, info.external_attr = 3, (_REGULAR | 0o644) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def read_archive(data: bytes) -> dict[str, bytes]:
    """The members by name, in order; `InvalidInput` or `TooLarge` names the member (or the archive) and the reason."""
    _limit(len(data), MAX_TOTAL + (MAX_MEMBERS << 9), "bytes", "archive")
    directory, count = _end(data)
    place = directory
    members: dict[str, bytes] = {}
    following = total = 0
    for _ in range(count):
        member, place = _entry(data, place)
        _need(member.name not in members, "stands twice in the archive", member.name)
        total += member.size
        _limit(total, MAX_TOTAL, "bytes", member.name)
        _need(member.start == following, "does not follow the member before it", member.name)
        packed, following = _packed(data, member, directory)
        members[member.name] = _unpack(member, packed)
    _need(following == directory, "there are bytes that belong to no member")
    _need(place == len(data) - _END.size, "the directory does not end where it says")
    return members


def _end(data: bytes) -> tuple[int, int]:
    """Where the central directory starts, and how many entries it has."""
    _need(len(data) >= _END.size, "this is not a zip archive")
    mark, disk, first_disk, here, count, size, start, comment = _END.unpack_from(data, len(data) - _END.size)
    _need(mark == b"PK\x05\x06" and comment == 0, "this is not a zip archive, or something follows it")
    _need(disk == first_disk == 0 and here == count, "the archive has several parts")
    _limit(count, MAX_MEMBERS, "members", "archive")
    _need(start + size == len(data) - _END.size, "the directory is not where the archive says")
    return start, count


def _entry(data: bytes, place: int) -> tuple[_Member, int]:
    """The directory's entry at that place, and where the next one begins."""
    _need(place + _CENTRAL.size <= len(data), "the directory ends in the middle")
    mark, _, *common, length, extra, comment, disk, _, attributes, start = _CENTRAL.unpack_from(data, place)
    _need(mark == b"PK\x01\x02", "the directory has something else in it")
    place += _CENTRAL.size
    name = _check_name(data[place : place + length])
    _need(extra == comment == disk == 0, "has extra fields or a comment", name)
    _need(attributes >> 16 & 0o170000 in (0, _REGULAR) and not attributes & 0x10, "is not a plain file", name)
    return _Member(name, tuple(common), start), place + length


def _packed(data: bytes, member: _Member, directory: int) -> tuple[bytes, int]:
    """The packed bytes of a member, and where they end; its local header repeats the directory's words."""
    _need(member.start + _LOCAL.size <= directory, "does not lie before the directory", member.name)
    mark, *common, length, extra = _LOCAL.unpack_from(data, member.start)
    begin = member.start + _LOCAL.size + length
    _need(mark == b"PK\x03\x04" and tuple(common) == member.common, "its two headers differ", member.name)
    name = data[member.start + _LOCAL.size : begin]
    _need(extra == 0 and name == member.name.encode(), "its two headers differ", member.name)
    stop = begin + member.packed
    _need(stop <= directory, "reaches into the directory", member.name)
    return data[begin:stop], stop


def _unpack(member: _Member, packed: bytes) -> bytes:
    """The bytes of a member, of the size and checksum that its headers give."""
    _need(member.common[1] & ~0x0806 == 0, "is encrypted or not plainly packed", member.name)
    _need(member.method in (_STORED, _DEFLATED), "is packed by another method", member.name)
    _limit(member.size, MAX_RATIO * len(packed), "bytes for what it is packed in", member.name)
    content = packed if member.method == _STORED else _inflate(member, packed)
    _need(len(content) == member.size and zlib.crc32(content) == member.checksum, "is damaged", member.name)
    return content


def _inflate(member: _Member, packed: bytes) -> bytes:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = machine.decompress(packed, member.size + 1)
    except zlib.error as error:
        raise InvalidInput("is damaged", where=member.name) from error
    _need(machine.eof and not machine.unused_data, "is damaged", member.name)
    return content


def _check_name(name: bytes) -> str:
    shown = name.decode("ascii", "replace")
    _need(len(name) <= MAX_NAME and bool(_NAME.fullmatch(shown)), f"a member may not be named {shown[:80]!r}")
    return shown


def _limit(number: int, most: int, what: str, where: str) -> None:
    if number > most:
        raise TooLarge(f"more than {most} {what}", where=where)


def _need(holds: bool, reason: str, where: str = "archive") -> None:
    if not holds:
        raise InvalidInput(reason, where=where)
