from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import InvalidInput, TooLarge
from trustspace.core.evidence.archive import read_archive, write_archive

MEMBERS = {"mimetype": b"text", "log/leaves/0001.json": b"{}" * 50, "empty": b""}
GOOD = write_archive(MEMBERS)


def made(edit: Callable[[zipfile.ZipFile], None], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")
        edit(archive)
    return buffer.getvalue()


def named(name: str, data: bytes = b"x") -> bytes:
    """A zip with a member of that name, whatever the name."""
    placeholder = "n" * len(name.encode())
    return made(lambda archive: archive.writestr(placeholder, data)).replace(placeholder.encode(), name.encode())


def info(name: str = "member", data: bytes = b"x", **words: object) -> bytes:
    def edit(archive: zipfile.ZipFile) -> None:
        one = zipfile.ZipInfo(name)
        for word, value in words.items():
            setattr(one, word, value)
        archive.writestr(one, data)

    return made(edit)


def patched(offset: int, value: bytes, *, central: bool = False, data: bytes = GOOD) -> bytes:
    """The zip with a few bytes of its first local header, or of its first directory entry, replaced."""
    start = data.index(b"PK\x01\x02") if central else 0
    return data[: start + offset] + value + data[start + offset + len(value) :]


def both(local: int, value: bytes) -> bytes:
    """The same words replaced in both headers of the first member."""
    return patched(local + 2, value, central=True, data=patched(local, value))


def ending(offset: int, value: bytes) -> bytes:
    """The zip with a few bytes of its end record replaced."""
    return GOOD[:-22] + _at(GOOD[-22:], offset, value)


def _at(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def doubled() -> bytes:
    def edit(archive: zipfile.ZipFile) -> None:
        archive.writestr("member", b"one")
        archive.writestr("member", b"two")

    return made(edit)


def streamed() -> bytes:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]  # any buffer
            return len(bytes(data))  # type: ignore[call-overload]  # any buffer

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        archive.writestr("member", b"x")
    return pipe.data


def overlapping() -> bytes:
    """A bomb of the kind whose directory points at the same bytes twice."""
    directory = GOOD.index(b"PK\x01\x02")
    first = GOOD[directory : GOOD.index(b"PK\x01\x02", directory + 1)]
    second = first.replace(b"mimetype", b"mimetypf")
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, len(first) * 2, directory, 0)
    return GOOD[:directory] + first + second + end


def bomb(size: int = 2 << 20) -> bytes:
    return made(lambda archive: archive.writestr("member", b"\0" * size), zipfile.ZIP_DEFLATED)


def deflated(tail: bytes = b"") -> bytes:
    """A deflated member whose stream is followed by something else, or is no stream."""
    data = made(lambda archive: archive.writestr("member", b"abc" * 30), zipfile.ZIP_DEFLATED)
    start, stop = 36, data.index(b"PK\x01\x02")
    packed = data[start:stop] + tail if tail else b"\xff" * (stop - start)
    local = _at(data[:start], 18, struct.pack("<I", len(packed)))
    directory = _at(data[stop:-22], 20, struct.pack("<I", len(packed)))
    return local + packed + directory + _at(data[-22:], 16, struct.pack("<I", start + len(packed)))


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no zip": b"hello" * 20,
    "junk before": b"#!/bin/sh\n" + GOOD,
    "junk after": GOOD + b"\0",
    "junk between": (lambda at: GOOD[:at] + b"junk" + GOOD[at:])(GOOD.index(b"PK\x01\x02")),
    "junk between, told": (lambda at: GOOD[:at] + b"junk" + GOOD[at:-6] + struct.pack("<IH", at + 4, 0))(
        GOOD.index(b"PK\x01\x02")
    ),
    "cut": GOOD[:-1],
    "cut in the middle": GOOD[:60],
    "comment": made(lambda archive: setattr(archive, "comment", b"hello")),
    "comment in a member": info(comment=b"hello"),
    "extra field": info(extra=b"\x01\x00\x00\x00"),
    "slip": named("../../etc/passwd"),
    "absolute": named("/etc/passwd"),
    "backslash": named("..\\windows"),
    "drive": named("C:evil.txt"),
    "folder": named("folder/"),
    "dot": named("./member"),
    "hidden": named(".bashrc"),
    "option": named("-rf"),
    "blank": named("a b"),
    "null": named("a\0b"),
    "not ascii": named("合约.json"),
    "too deep": named("a/b/c/d/e"),
    "long name": named("a" * 129),
    "double": doubled(),
    "link": info(external_attr=0o120777 << 16, create_system=3),
    "device": info(external_attr=0o020666 << 16, create_system=3),
    "dos folder": info(external_attr=0x10),
    "encrypted": both(6, b"\x01\x00"),
    "masked": both(6, b"\x00\x20"),
    "streamed": streamed(),
    "other method": both(8, b"\x0c\x00"),
    "checksum": both(14, b"\0\0\0\0"),
    "size": both(22, b"\x05\0\0\0"),
    "packed size": both(18, b"\xff\xff\0\0"),
    "local name differs": patched(30, b"X"),
    "local extra": patched(28, b"\x01\x00"),
    "local size differs": patched(22, b"\x05\0\0\0"),
    "local method differs": patched(8, b"\x08\0"),
    "local mark": patched(0, b"XX"),
    "directory mark": patched(0, b"XX", central=True),
    "directory name long": patched(28, b"\xff\0", central=True),
    "starts elsewhere": patched(42, b"\x01\0\0\0", central=True),
    "starts far away": patched(42, b"\xff\xff\xff\xff", central=True),
    "other disk": patched(34, b"\x01\0", central=True),
    "bomb": bomb(),
    "overlapping": overlapping(),
    "rubbish deflated": deflated(),
    "more after the stream": deflated(b"tail"),
    "several disks": ending(4, b"\x01\0"),
    "counts differ": ending(8, b"\x02\0"),
    "too few told": ending(8, b"\x02\0\x02\0"),
    "too many told": ending(8, b"\x04\0\x04\0"),
    "endless count": ending(8, b"\xff\xff\xff\xff"),
    "directory elsewhere": ending(16, b"\x01\0\0\0"),
}


def test_what_is_written_is_read_and_always_the_same_bytes() -> None:
    assert read_archive(GOOD) == MEMBERS
    assert list(read_archive(GOOD)) == list(MEMBERS)
    assert write_archive(MEMBERS) == GOOD
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        assert archive.testzip() is None


def test_a_pack_that_somebody_zipped_again_is_read() -> None:
    def edit(archive: zipfile.ZipFile) -> None:
        for name, data in MEMBERS.items():
            archive.writestr(name, data)

    assert read_archive(made(edit, zipfile.ZIP_DEFLATED)) == MEMBERS


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_zips_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_archive(HOSTILE[name])
    assert refusal.value.where


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 40


def test_the_whole_has_a_limit() -> None:
    big = {f"m{n}": bytes([n]) * (16 << 20) for n in range(5)}
    with pytest.raises(TooLarge):
        write_archive(big)
    with pytest.raises(TooLarge):
        write_archive({f"m{n}": b"" for n in range(10_001)})
    with pytest.raises(TooLarge):
        read_archive(b"\0" * (70 << 20))
    with pytest.raises(InvalidInput):
        write_archive({"../x": b""})


def test_members_that_are_too_much_together_are_named() -> None:
    def edit(archive: zipfile.ZipFile) -> None:
        for n in range(5):
            archive.writestr(f"m{n}", bytes([n]) * (14 << 20))

    with pytest.raises(TooLarge) as refusal:
        read_archive(made(edit)[: 80 << 20])
    assert refusal.value.where in ("m4", "archive")


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_altered_byte_changes_a_member(place: int, change: int) -> None:
    wrong = GOOD[:place] + bytes([GOOD[place] ^ change]) + GOOD[place + 1 :]
    with contextlib.suppress(InvalidInput):
        assert read_archive(wrong) == MEMBERS  # words that say nothing about content: times, versions, permissions
