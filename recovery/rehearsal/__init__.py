"""A three-member cluster on this machine: for the demo, for rehearsing a restore, for tests."""
