"""Keys behind the `Signer` port: files on disk, and seeds for tests."""
