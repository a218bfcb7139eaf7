"""How fast it runs here: figures beside the same machine's raw limits, taken in the same run (`trustspace bench`)."""
