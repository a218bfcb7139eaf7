"""What every request and answer of the management interface is."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Signatures = Literal["", "required", "optional"]
"""Whether a contract must be signed by both; "" for what is chosen otherwise."""
Bears = Literal["", "both", "unsigned"]
"""Whether one is; "" where there is none."""


class View(BaseModel):
    """Base of all: unknown members are refused on input, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(View):
    """An empty request or answer."""
