"""The outside world behind the ports: storage, network, keys, files."""
