"""Data on its way: files as sources and sinks, byte ranges, and the resumable pull."""
