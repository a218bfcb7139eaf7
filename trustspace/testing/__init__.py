"""Fakes that work and suites that users may import."""
