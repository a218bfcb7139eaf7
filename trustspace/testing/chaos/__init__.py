"""Chaos over real processes and real disks: `python -m trustspace.testing.chaos kill9 --pair --kills 200 --load 50`."""
