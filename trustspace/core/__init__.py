"""The rules of a data space, without I/O, clock or randomness: read this first."""
