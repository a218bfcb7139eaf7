"""How fast this machine runs it: figures beside the same machine's raw limits, taken in the same run."""
