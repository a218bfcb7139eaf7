"""What a text is found by: words in lower case, and for scripts without spaces every character and pair of characters.

A query word of two or more such characters is asked for by its pairs, so that any part of a title finds it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CJK: Final = (
    "\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_])+")


def terms(*texts: str) -> frozenset[str]:
    """The search terms of the texts: each word, each single character and each pair of neighbours of a Chinese run."""
    return frozenset(term for text in texts for run in _runs(text) for term in _parts(run))


def query_terms(text: str) -> tuple[str, ...]:
    """The terms that all have to be there, in order, each once; none for a text without a word or character."""
    found = (term for run in _runs(text) for term in _asked(run))
    return tuple(dict.fromkeys(found))


def _runs(text: str) -> list[str]:
    """The words and Chinese runs in a text, of one width and case (NFKC, casefold)."""
    return _RUN.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def _parts(run: str) -> tuple[str, ...]:
    return (*run, *_pairs(run)) if _is_cjk(run) else (run,)


def _asked(run: str) -> tuple[str, ...]:
    return _pairs(run) if _is_cjk(run) and len(run) > 1 else (run,)


def _pairs(run: str) -> tuple[str, ...]:
    return tuple(run[at : at + 2] for at in range(len(run) - 1))


def _is_cjk(run: str) -> bool:
    return re.match(f"[{_CJK}]", run) is not None
