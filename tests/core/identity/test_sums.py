"""The list that is signed is the one that sha256sum reads."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.core.errors import InvalidInput
from trustspace.core.identity.sums import parse_sums, sums

D = "a" * 64
names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,20}){0,2}", fullmatch=True)
digests = st.binary(max_size=8).map(lambda data: sha256(data).hexdigest())


@given(st.dictionaries(names, digests, min_size=1, max_size=6))
def test_a_list_is_read_back(entries: dict[str, str]) -> None:
    pairs = [(digest, name) for name, digest in entries.items()]
    assert list(parse_sums(sums(pairs))) == pairs


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_sha256sum_checks_it(tmp_path: Path) -> None:
    (tmp_path / "agreement.json").write_bytes(b"{}")
    (tmp_path / "list").write_bytes(sums([(sha256(b"{}").hexdigest(), "agreement.json")]))
    command = ["sha256sum", "--strict", "-c", "list"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout == b"agreement.json: OK\n"


@pytest.mark.parametrize(
    "data",
    [
        "",
        "\n",
        f"{D}  a",
        f"{D}  a\n\n",
        f"{D}  a\r\n",
        f"{D} a\n",
        f"{D} *a\n",
        f"{D}   a\n",
        f"{D.upper()}  a\n",
        f"{D[1:]}  a\n",
        f"{D}  \n",
        f"{D}  ../a\n",
        f"{D}  /a\n",
        f"{D}  a//b\n",
        f"{D}  a/\n",
        f"{D}  .a\n",
        f"{D}  a b\n",
        f"{D}  a\n{D}  a\n",
        f"\\{D}  a\n",
        f"{D}  公\n",
        f"{D}  {'a' * 200}\n",
        f"{D}  a\n" * 10_001,
    ],
)
def test_any_other_spelling_is_refused(data: str) -> None:
    with pytest.raises(InvalidInput):
        parse_sums(data.encode())


def test_what_could_not_be_read_back_is_not_written() -> None:
    for name in ("two\nlines", f"a\n{D}  b", ""):
        with pytest.raises(InvalidInput):
            sums([(D, name)])
