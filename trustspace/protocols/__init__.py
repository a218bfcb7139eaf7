"""Codecs: bytes of a wire format to core values and back, pure."""
