"""The one tree of errors: what went wrong, where, and what a person should do next.

Every error has a stable `code` (a word that may be matched on), an HTTP `status`, and three texts:
`what` happened, `where` (a field, a file, a message; may be empty) and `hint` (the next step; may be empty).
"""

from __future__ import annotations

from typing import ClassVar


class TrustspaceError(Exception):
    """Root of all errors that this library raises on purpose."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        """One line: `where: what (hint)`."""
        place = f"{self.where}: " if self.where else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{advice}"


class InvalidInput(TrustspaceError):
    """The bytes, text or value given is not what the rule asks for."""

    code, status = "invalid-input", 400


class TooLarge(InvalidInput):
    """The input is over a stated limit (1 MiB a message, nesting 64, 64 KiB a DID document, …)."""

    code, status = "too-large", 413


class TooSlow(TrustspaceError):
    """The caller did not say in time what it wants."""

    code, status = "too-slow", 408


class NotFound(TrustspaceError):
    """There is nothing of that name, or nothing that the caller may see."""

    code, status = "not-found", 404


class Conflict(TrustspaceError):
    """The state has moved on since it was read, or the name is taken."""

    code, status = "conflict", 409


class IllegalTransition(TrustspaceError):
    """The message or command is not allowed in the present state; nothing was changed."""

    code, status = "illegal-transition", 400


class Unauthenticated(TrustspaceError):
    """Who is calling could not be established."""

    code, status = "unauthenticated", 401


class ClockOff(Unauthenticated):
    """The caller's clock and ours are too far apart: what is signed cannot be dated. `seconds`: its clock is ahead."""

    code = "clock-off"

    def __init__(self, what: str, *, seconds: float, where: str = "", hint: str = "set the clocks (NTP)") -> None:
        super().__init__(what, where=where, hint=hint)
        self.seconds = seconds


class Forbidden(TrustspaceError):
    """The caller is known and may not do this."""

    code, status = "forbidden", 403


class Refused(TrustspaceError):
    """A policy, contract or counterparty says no; `what` is the reason to show."""

    code, status = "refused", 403


class NotVerified(TrustspaceError):
    """A signature, certificate, digest or proof does not hold."""

    code, status = "not-verified", 400


class Unavailable(TrustspaceError):
    """A peer, a node or a file cannot be reached now; trying again later may help."""

    code, status = "unavailable", 503


class Busy(Unavailable):
    """This one caller has too much under way here; it may come again after `retry_after` seconds."""

    code, status = "too-many", 429

    def __init__(self, what: str, *, retry_after: float, where: str = "", hint: str = "slow down") -> None:
        super().__init__(what, where=where, hint=hint)
        self.retry_after = retry_after


class Crowded(Busy):
    """All callers together have too much under way here."""

    code, status = "crowded", 503


class ClockWrong(Unavailable):
    """This machine's clock is wrong: nothing is signed or logged until it is set right."""

    code = "clock-wrong"


class StorageFull(Unavailable):
    """The disk has no room; nothing was acknowledged, and the node goes on when there is room."""

    code, status = "storage-full", 507


class MisusedError(TrustspaceError):
    """A command, setting or call was used wrongly (exit code 2 on the command line)."""

    code, status = "misused", 400
