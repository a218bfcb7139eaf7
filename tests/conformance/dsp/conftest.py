from __future__ import annotations

import pytest

USUAL = "not slow and not conformance"
"""What pyproject.toml asks for where nothing is asked for."""


def pytest_configure(config: pytest.Config) -> None:
    """Whoever names this folder means it: `pytest tests/conformance/dsp` needs no `-m conformance`."""
    named = any("conformance/dsp" in str(one) for one in config.invocation_params.args)
    if named and config.option.markexpr == USUAL:
        config.option.markexpr = ""
