"""`python -m trustspace`: the command line."""

from __future__ import annotations

from trustspace.cli.main import main

main()
