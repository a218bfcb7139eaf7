"""Use cases: load, ask the core, save; one transaction each."""
