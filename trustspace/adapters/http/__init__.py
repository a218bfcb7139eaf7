"""HTTP between nodes: the peer transport, its TLS, first trust, did:web, and the limits a server puts on callers."""
