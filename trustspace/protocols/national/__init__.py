"""The national interfaces (统一接口): the envelope, its return codes, the interfaces of a functional node."""
