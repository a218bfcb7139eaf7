from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.space import Served, served


@pytest.fixture(scope="session")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One registered space over TLS for all tests of commands; each test has its own products and contracts."""
    s = served(tmp_path_factory.mktemp("space"), "https")
    try:
        yield s
    finally:
        s.close()
