"""The Dataspace Protocol's public conformance kit, run against a node that was started the ordinary way."""
