"""What the national drafts leave open about messages, as one value: no `if` elsewhere asks which text is in force."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Profile:
    """A reading of NDI-TR-2025-03, Annex B, and of NDI-TR-2025-02 where that is known.

    `version` is the msgversion sent and `accepted` those taken; `window` is how far a timestamp may be from our clock;
    `sequence_length` bounds sequenceNum; `success` is the pattern of the codes that mean success (other parts of the
    series have `10000` and `0`); `code_length` bounds a return code that is read.
    """

    name: str = "NDI-TR-2025-03 (draft)"
    version: str = "1.0.0"
    accepted: tuple[str, ...] = ("1.0.0",)
    window: timedelta = timedelta(seconds=60)
    sequence_length: int = 32
    success: str = r"0[0-9]{2}000"
    code_length: int = 64

    def succeeded(self, code: str) -> bool:
        """Whether the return code says that the call was done."""
        return re.fullmatch(self.success, code) is not None


DRAFT: Final = Profile()
"""The draft text, with our choices where it is silent (specs/national.md)."""
