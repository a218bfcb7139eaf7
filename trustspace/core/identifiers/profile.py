"""What the national drafts leave open about identifiers, as one value: nothing else asks which text is in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trustspace.core.identifiers.check import ALPHANUMERIC, Algorithm

SEPARATOR: Final = "•"
"""U+2022, as the draft's transcription prints it before the extension (扩展码)."""
LOOSE_SEPARATORS: Final = "·."
"""U+00B7 and the full stop: accepted in its place only where the profile says so, and never written."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A reading of NDI-TR-2025-04.

    `check` is the one algorithm under which an identifier is valid. `separators` are accepted before an extension
    (`•` is always written). `extension_alphabet` is what an extension may hold. With `other_subjects` codes are also
    assigned to subjects that have no 统一社会信用代码 (a person's pseudonym, a code of the registrar's own).
    """

    name: str = "NDI-TR-2025-04 (deployed codes)"
    check: Algorithm = Algorithm.MOD_37_36
    separators: str = SEPARATOR
    extension_alphabet: str = ALPHANUMERIC
    other_subjects: bool = False


DEFAULT: Final = Profile()
"""MOD 37,36, which the codes in use follow."""
DRAFT: Final = Profile(name="NDI-TR-2025-04 (draft, Annex B)", check=Algorithm.MOD_37_2)
"""MOD 37-2, as Annex B of the draft says (资料性, informative)."""
