"""One snapshot file: unpack, verify, read."""
