"""The verbs of a connector's management interface, by their nouns."""
