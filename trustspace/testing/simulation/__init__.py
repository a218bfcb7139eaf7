"""A data space in one process and one thread, whose network, disks, clock and nodes fail as a seed has it."""
