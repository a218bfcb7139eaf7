"""What `trustspace evidence verify` does: check packs against roots, with no node and no folder of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import orjson

from trustspace.core.errors import MisusedError, NotVerified

MAX_FILE: Final = 96 << 20
"""The largest file read, in bytes."""
DONE, REFUSED, MISUSED = 0, 1, 2


def verify_files(
    files: Sequence[Path], trust: Path | None, as_json: bool, out: TextIO, *, now: datetime | None = None
) -> int:
    """Verify each pack and print what was verified, or which member does not hold and why; returns the exit code.

    0: all verified under the roots in the PEM file `trust`; 1: one is refused, or no roots were given; 2: a file cannot
    be read. With `as_json` one JSON array is printed.
    """
    now = now or datetime.now(UTC)
    try:
        roots = None if trust is None else read_roots(trust)
    except MisusedError as error:
        print(orjson.dumps([_failure(str(trust), error)]).decode() if as_json else error, file=out)
        return MISUSED
    results = [_one(file, roots, now) for file in files]
    if as_json:
        print(orjson.dumps([shown for _, shown, _ in results], option=orjson.OPT_INDENT_2).decode(), file=out)
    else:
        print("\n".join(text for _, _, text in results), file=out)
    return max((code for code, _, _ in results), default=MISUSED)


def read_roots(file: Path) -> list[bytes]:
    """The certificates (DER) of a PEM file; `MisusedError` where it cannot be read or holds none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(_read(file))
    except ValueError as error:
        raise MisusedError("this holds no certificates in PEM", where=str(file), hint="give the roots' file") from error
    return [one.public_bytes(Encoding.DER) for one in found]


def _one(file: Path, roots: list[bytes] | None, now: datetime) -> tuple[int, dict[str, Any], str]:
    """The exit code for one file, and what to show of it to machines and to people."""
    from trustspace.core.evidence.verify import verify_pack

    try:
        facts = verify_pack(_read(file), roots, now=now)
    except MisusedError as error:
        return MISUSED, _failure(str(file), error), str(error)
    except NotVerified as error:
        return REFUSED, _failure(str(file), error), f"{file}: refused: {error}"
    word = "verified 已核验" if facts.signers_known else "consistent, signers unknown 自洽，签名者未知"
    shown = {"file": str(file), "verified": facts.signers_known, "consistent": True, **facts.to_json()}
    return DONE if facts.signers_known else REFUSED, shown, "\n".join([f"{file}: {word}", *facts.lines()])


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE:
            raise MisusedError(f"more than {MAX_FILE} bytes are no evidence pack", where=str(file))
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise MisusedError(f"cannot be read: {reason}", where=str(file), hint="check the path") from error


def _failure(file: str, error: MisusedError | NotVerified) -> dict[str, Any]:
    """What machines are shown of a file that was refused or could not be read."""
    refused = isinstance(error, NotVerified)
    member = {"member": error.where} if refused else {}
    return {"file": file, "verified": False, "consistent": False, "reason": error.what, "hint": error.hint, **member}
