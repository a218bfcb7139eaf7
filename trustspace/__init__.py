"""trustspace: trusted data spaces (可信数据空间) for Python."""
